import type { KeyObject } from "node:crypto";
import type { V1Pod } from "@kubernetes/client-node";
import packageJson from "../../package.json" with { type: "json" };
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { uninjected } from "../injection/uninjected.ts";
import type { KubeClient } from "../kube/client.ts";
import { listed } from "../kube/list.ts";
import { resources } from "../kube/resources.ts";
import { canonical } from "../lineage/canonical.ts";
import { numbered } from "../lineage/numbered.ts";
import { failureOutputOf, outputOf, provenanceOf } from "../lineage/provenance.ts";
import { referrerOf } from "../lineage/sign.ts";
import { statementOf } from "../lineage/statement.ts";
import { type RawManifest, readManifest } from "../registry/manifests.ts";
import { addReferrer, type NewReferrer, type Repository } from "../registry/referrers.ts";
import { cacheIn, type Pushed } from "./outcomes.ts";
import type { StepPod } from "./step-pods.ts";
import { jobOf } from "./tell-step.ts";
import type { RegistryAccess } from "./trust.ts";

/** A push that a step has told of. */
export interface StepPush extends Pick<Pushed, "artifact" | "digest" | "architecture"> {
  /** What that of a failed step has is in its manifest. */
  readonly bytes?: number;
  readonly finishedAt: Date;
  /** It is no output, but what a failed step has left. */
  readonly isLeft?: true;
}

/** What writing of statements needs. */
export interface WriteSettings {
  readonly client: KubeClient;
  /** Throws where this replica does not lead any more. */
  readonly mayWrite: () => void;
  readonly signal: AbortSignal;
}

/** What has become of a statement; of what is not written, why. */
export type Written = "written" | "known" | { readonly skipped: string };

/** A leader that has not renewed its Lease for 10 s writes no more, and another leads after 15 s. */
const longestMs = 5_000;

/**
 * Writes how a step has made what it pushed, beside it, unless that is there.
 *
 * @param settings - see there
 * @param access - to the registry
 * @param cache - whose registry it is
 * @param step - the Pod that has told of the push
 * @param push - what it has told
 * @param key - to sign it with, if it is to be signed
 * @throws where it cannot be done now
 */
export async function writeProvenance(
  { client, mayWrite, signal }: WriteSettings,
  access: RegistryAccess,
  cache: StoredOrasCache,
  step: StepPod,
  push: StepPush,
  key: KeyObject | undefined,
): Promise<Written> {
  const pod = await wholePod(client, step, signal);
  if (pod === undefined) return { skipped: "its Pod is gone" };
  const job = await jobOf(client, pod);
  const isCache = (name: string) => name === cache.metadata?.name;
  const path = cacheIn(push.artifact, pod.metadata?.namespace ?? "", isCache)?.path ?? "";
  const named = push.isLeft ? failureOutputOf(pod, job) : outputOf(pod, job);
  if (named !== path)
    return {
      skipped: `its annotations do not name ${path} as ${push.isLeft ? "what it leaves" : "its output"}`,
    };
  const repository: Repository = {
    ...access,
    repository: path.slice(0, path.lastIndexOf(":")),
    signal: AbortSignal.any([signal, AbortSignal.timeout(longestMs)]),
  };
  const subject = await readManifest(repository, repository.repository, push.digest);
  if (subject === undefined) return { skipped: `the registry does not have ${push.digest} any more` };
  const provenance = provenanceOf({
    ...{ pod, plain: uninjected(pod), job, inputs: inputsIn(subject), operator: packageJson.version },
    push: { ...push, bytes: push.bytes ?? bytesIn(subject) },
    registry: { host: push.artifact.split("/", 1)[0] ?? "", plainHttp: true },
    includeArguments: cache.spec.lineage?.includeArguments ?? false,
  });
  const referrer: NewReferrer = {
    ...referrerOf(canonical(statementOf(provenance)), key),
    invocation: provenance.pod.uid,
    created: provenance.finishedOn,
  };
  return (await addReferrer(repository, subject, referrer, mayWrite)) ? "written" : "known";
}

/** The operator may list Pods, not get one; of those that ended it keeps little. */
async function wholePod(client: KubeClient, step: StepPod, signal: AbortSignal): Promise<V1Pod | undefined> {
  const { name = "", namespace = "", uid } = step.metadata ?? {};
  const which = { namespace, fieldSelector: `metadata.name=${name}`, signal };
  for await (const pod of listed<V1Pod>(client, resources.pods, which)) {
    if (pod.metadata?.uid === uid) return pod;
  }
  return undefined;
}

function inputsIn({ bytes }: RawManifest): string[] {
  const { annotations } = JSON.parse(bytes.toString()) as {
    readonly annotations?: Readonly<Record<string, string>>;
  };
  return numbered(annotations, names.artifactInputAnnotation).filter((digest) =>
    /^sha256:[a-f0-9]{64}$/.test(digest),
  );
}

/** Of all layers, as the message of a push counts them. */
function bytesIn({ bytes }: RawManifest): number {
  const { layers = [] } = JSON.parse(bytes.toString()) as { readonly layers?: readonly { size?: unknown }[] };
  return layers.reduce((sum, { size }) => sum + (Number.isSafeInteger(size) ? Number(size) : 0), 0);
}
