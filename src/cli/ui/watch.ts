import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import type { OrasCache } from "../../cache/types.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isStatus, KubeError } from "../../kube/errors.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { startReflector } from "../../kube/reflector.ts";
import { type Resource, resources } from "../../kube/resources.ts";
import type { Drawing, Message, Reach } from "../../page/protocol.ts";
import { ofRun } from "../graph/read.ts";
import type { Objects } from "../graph/steps.ts";
import { reasonOf } from "../output.ts";
import { missing } from "../remote/rights.ts";
import type { Session } from "../remote/session.ts";
import { draw } from "./drawing.ts";

/** A namespace that is looked at, as it is and as it changes. */
export interface Watched {
  /** All of the namespace. */
  readonly objects: () => Objects;
  readonly all: () => readonly Message[];
  readonly subscribe: (tell: (message: Message) => void) => () => void;
  /** Settles when everything has been asked for once. */
  readonly asked: Promise<unknown>;
}

/** Objects change in bursts; nobody sees more than so many pictures. */
const leastMs = 100;
/** Of the time, so much is left for everything else. */
const restPerWork = 3;

/**
 * Watches what a graph is drawn from, with the person's own rights: what these do not show is left out, and said.
 *
 * @param session - of the person
 * @param signal - ends it
 * @param run - to whose steps the drawing is limited
 */
export function watchNamespace(session: Session, signal: AbortSignal, run?: string): Watched {
  const { namespace } = session;
  const listeners = new Set<(message: Message) => void>();
  const tell = (message: Message) => {
    for (const listener of listeners) listener(message);
  };
  const troubles = new Map<Resource, unknown>();
  let reach: Reach = { notes: [] };
  const onReach = () => {
    const now = reachOf(troubles, namespace);
    if (JSON.stringify(now) === JSON.stringify(reach)) return;
    reach = now;
    tell({ type: "reach", reach });
  };
  let drawing: Drawing | undefined;
  const objects = (): Objects => ({
    namespace,
    jobs: [...jobs.values()],
    pods: [...pods.values()],
    caches: [...caches.values()],
    hasCaches: hasCaches && !troubles.has(resources.orasCaches),
  });
  let hasCaches = false;
  const drawn = (before: Drawing | undefined) => {
    const all = objects();
    return draw(run === undefined ? all : { ...all, ...ofRun(all, run) }, before, run);
  };
  const redraw = coalesced(() => {
    const { drawing: now, message } = drawn(drawing);
    drawing = now;
    if (message !== undefined) tell(message);
  }, signal);
  const asked: Promise<unknown>[] = [];
  const mirror = <T extends KubeObject>(resource: Resource, onSynced = () => {}) => {
    const first = Promise.withResolvers<void>();
    const client = heard(session.client, () => {
      troubles.delete(resource);
      onReach();
    });
    const { store, synced } = startReflector<T>({
      ...{ client, resource, namespace, signal },
      onChange: redraw,
      onTrouble: (error) => {
        troubles.set(resource, error);
        onReach();
        first.resolve();
      },
    });
    const isSynced = synced.then(onSynced, () => {});
    asked.push(Promise.race([first.promise, isSynced]));
    return store;
  };
  const jobs = mirror<V1Job & KubeObject>(resources.jobs);
  const pods = mirror<V1Pod & KubeObject>(resources.pods);
  const caches = mirror<OrasCache & KubeObject>(resources.orasCaches, () => {
    hasCaches = true;
    redraw();
  });
  return {
    objects,
    all: () => {
      drawing ??= drawn(undefined).drawing;
      return [
        { type: "reach", reach },
        { type: "drawing", drawing },
      ];
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    asked: Promise.all(asked),
  };
}

/** The same client; it says when a watch has been opened, which is when nothing is wrong any more. */
function heard(client: KubeClient, onWatch: () => void): KubeClient {
  return {
    ...client,
    stream: async (request) => {
      const response = await client.stream(request);
      onWatch();
      return response;
    },
  };
}

/** Runs something soon after it was asked for, once for all who asked meanwhile. */
function coalesced(run: () => void, signal: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined;
  let pauseMs = leastMs;
  signal.addEventListener("abort", () => clearTimeout(timer));
  return () => {
    if (signal.aborted) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      const begun = performance.now();
      run();
      pauseMs = Math.max(leastMs, (performance.now() - begun) * restPerWork);
    }, pauseMs);
  };
}

/** What troubles mean to whoever looks at the page. */
function reachOf(troubles: ReadonlyMap<Resource, unknown>, namespace: string): Reach {
  const notes: string[] = [];
  let lost: string | undefined;
  for (const [resource, error] of troubles) {
    if (isStatus(error, 403)) notes.push(`${denied(resource, namespace, error)} ${without(resource)}`);
    else if (resource === resources.orasCaches && isStatus(error, 404))
      notes.push(`The cluster has no kind ${names.kind}: ${names.operatorName} is not installed there.`);
    else
      lost = `The API server does not answer: ${error instanceof KubeError ? error.message : reasonOf(error)}.`;
  }
  return { notes, lost };
}

function denied(resource: Resource, namespace: string, cause: unknown): string {
  return missing({ verbs: ["list", "watch"], resource: resource.plural, namespace }, cause).message;
}

function without(resource: Resource): string {
  if (resource === resources.jobs) return "Jobs are missing here.";
  if (resource === resources.pods)
    return "Pods are missing here, and with them why Jobs failed and what they pushed.";
  return "Registries are told apart by the annotations alone.";
}
