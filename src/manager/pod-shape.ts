import { setTimeout as delay } from "node:timers/promises";
import { createBackoff } from "../common/backoff.ts";
import { sentenceOf } from "../kube/errors.ts";
import { readFeatures } from "../kube/features.ts";
import { type Kubelet, neededGates, whyNoHooks } from "../kube/hook-shape.ts";
import type { KubeObject } from "../kube/objects.ts";
import { startReflector } from "../kube/reflector.ts";
import { resources } from "../kube/resources.ts";
import type { Process } from "./process.ts";

/** The running look at the cluster. */
interface HookShape {
  /** Whether Pods may have no init container now. */
  readonly isPossible: () => boolean;
  /** Settles when nothing is watched any more. */
  readonly stopped: Promise<void>;
}

interface Node extends KubeObject {
  readonly status?: { readonly nodeInfo?: { kubeletVersion?: string; operatingSystem?: string } };
}

/** An API server changes its feature gates when it starts again. */
const readAgainMs = 600_000;

/**
 * Watches whether the cluster can run Pods without an init container, and says in the log when that changes. As long as it
 * is not known, it cannot.
 *
 * @param self - the process
 * @param signal - ends it
 */
export function watchHookShape(self: Process, signal: AbortSignal): HookShape {
  const { client, log } = self;
  let gates: ReadonlyMap<string, boolean> | string | undefined;
  let trouble: string | undefined;
  let isSynced = false;
  let told: string | undefined;
  let isPossible = false;

  const look = () => {
    const kubelets = isSynced ? [...store.values()].map(kubeletOf) : `cannot be listed: ${trouble}`;
    const because = whyNoHooks(gates ?? "were not read yet", kubelets);
    isPossible = because === undefined;
    // At the start neither has been asked.
    if (gates === undefined || !(isSynced || trouble) || told === (because ?? "")) return;
    told = because ?? "";
    if (isPossible) log.info({ podShape: "auto" }, "Pods that allow it get no init container");
    else log.info({ podShape: "init", reason: because }, "Pods get an init container");
  };

  const { store, synced, stopped } = startReflector<Node>({
    client,
    resource: resources.nodes,
    // Nodes are large, and report themselves all the time.
    keep: ({ apiVersion, kind, metadata, status }) =>
      ({
        ...{ apiVersion, kind },
        metadata: { name: metadata?.name, resourceVersion: metadata?.resourceVersion },
        status: { nodeInfo: status?.nodeInfo },
      }) as Node,
    onChange: (_, now, before) => {
      if (isSynced && now?.status?.nodeInfo?.kubeletVersion !== before?.status?.nodeInfo?.kubeletVersion)
        look();
    },
    onTrouble: (error, retryInMs) => {
      trouble = sentenceOf(error);
      log.debug({ error: trouble, retryInMs }, "watch of nodes failed, retrying");
      look();
    },
    signal,
  });
  const listed = synced.then(
    () => {
      isSynced = true;
      look();
    },
    () => {}, // it stops before
  );

  const read = async () => {
    const backoff = createBackoff(1_000, 60_000);
    while (!signal.aborted) {
      const waitMs = await readFeatures(client, neededGates, signal).then(
        (found) => {
          gates = found;
          backoff.reset();
          return readAgainMs;
        },
        (error: unknown) => {
          // What was read stays true until somebody says otherwise.
          if (gates === undefined || typeof gates === "string")
            gates = `cannot be read: ${sentenceOf(error)}`;
          return backoff.next();
        },
      );
      if (signal.aborted) return;
      look();
      await delay(waitMs, undefined, { signal }).catch(() => {});
    }
  };
  return {
    isPossible: () => isPossible,
    stopped: Promise.all([stopped, listed, read()]).then(() => {}),
  };
}

function kubeletOf({ metadata, status }: Node): Kubelet {
  const { kubeletVersion = "", operatingSystem = "" } = status?.nodeInfo ?? {};
  return { node: metadata?.name ?? "", version: kubeletVersion, os: operatingSystem };
}
