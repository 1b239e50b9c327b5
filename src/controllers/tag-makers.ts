import { forgetOldest } from "../kube/forget.ts";
import { controllerOf, type KubeObject } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { type Pushed, pushesOf } from "./outcomes.ts";
import type { StepPod } from "./step-pods.ts";

/** Who has pushed what, as far as this process has seen it or been told. */
export interface TagMakers {
  /** Asks who has made what a Pod has replaced, where this process has not seen that. */
  readonly recall: (pod: StepPod) => Promise<void>;
  /** Whether what a Pod has replaced was made by the same step before: it was run again. */
  readonly isAgain: (pod: StepPod, pushed: Pick<Pushed, "artifact" | "replaced">) => boolean;
}

/** Of a push. A Pod of an Indexed Job counts by itself: two of them are not to push to one tag. */
export interface Maker {
  readonly pod: string;
  /** UID of the Job, or of the Pod. */
  readonly life: string;
  /** The same each time that the step is created. */
  readonly step: string;
  readonly index: string | undefined;
}

/** Says who has made what a push has replaced; undefined where nothing tells. */
export type EarlierMaker = (
  pod: StepPod,
  pushed: Pick<Pushed, "artifact" | "replaced">,
) => Promise<Maker | undefined>;

const mostRemembered = 20_000;
const indexLabel = "batch.kubernetes.io/job-completion-index";
/** Jobs of a CronJob are named after the minute that they are for. */
const minutePattern = /-[0-9]{8,}$/;

/**
 * Remembers what Pods have pushed: those of a step are gone when it was deleted and created again.
 *
 * @param pods - a mirror of the injected Pods
 * @param earlier - who made what the leader before has seen
 */
export function createTagMakers(
  pods: Pick<Reflector<StepPod>, "store" | "subscribe">,
  earlier: EarlierMaker,
): TagMakers {
  const makers = new Map<string, Maker>();
  const put = (id: string, maker: Maker) => {
    makers.delete(id);
    makers.set(id, maker);
    forgetOldest(makers, mostRemembered);
  };
  const note = (pod: StepPod) => {
    for (const { artifact, digest } of pushesOf(pod)) put(idOf(pod, artifact, digest), makerOf(pod));
  };
  for (const pod of pods.store.values()) note(pod);
  pods.subscribe((_key, now, before) => {
    if (now && pushesOf(now).length > (before ? pushesOf(before).length : 0)) note(now);
  });
  return {
    recall: async (pod) => {
      for (const { artifact, digest, replaced = digest } of pushesOf(pod)) {
        const id = idOf(pod, artifact, replaced);
        if (replaced === digest || makers.has(id)) continue;
        const maker = await earlier(pod, { artifact, replaced });
        if (maker && !makers.has(id)) put(id, maker);
      }
    },
    isAgain: (pod, { artifact, replaced }) => {
      const before = replaced && makers.get(idOf(pod, artifact, replaced));
      return before ? isSame(before, makerOf(pod)) : false;
    },
  };
}

function isSame(before: Maker, now: Maker): boolean {
  if (before.pod === now.pod) return true;
  if (before.step !== now.step || before.index !== now.index) return false;
  // Of Pods of one Job without indexes it is not known whether one is another try, or beside it.
  return before.life !== now.life || now.index !== undefined;
}

function idOf({ metadata }: StepPod, artifact: string, digest: string): string {
  return `${metadata?.namespace} ${artifact} ${digest}`;
}

/** A step by what it is called: the same each time that it is created. */
export function stepOf(kind: string, name: string): string {
  return kind === "Pod" ? `Pod/${name}` : `${kind}/${name.replace(minutePattern, "")}`;
}

/** Who a Pod is, as one that pushes. */
export function makerOf(pod: StepPod): Maker {
  const { name = "", uid = "", labels } = pod.metadata ?? {};
  const owner = controllerOf(pod as KubeObject);
  const step = owner ? stepOf(owner.kind, owner.name) : stepOf("Pod", name);
  return { pod: uid, life: owner?.uid ?? uid, step, index: labels?.[indexLabel] };
}
