import { setTimeout as delay } from "node:timers/promises";
import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import { annotations } from "../../annotations/table.ts";
import { conditionOf } from "../../cache/status.ts";
import type { OrasCache } from "../../cache/types.ts";
import { restrictedSecurityContext } from "../../injection/security.ts";
import { get } from "../../kube/objects.ts";
import { pathOf, resources } from "../../kube/resources.ts";
import { nameOf } from "../remote/find-cache.ts";
import { withRight } from "../remote/rights.ts";
import type { Session } from "../remote/session.ts";
import type { Result } from "./results.ts";

const about = "Network";
/** The Pod gives up before this, unless its node cannot start it. */
const longestMs = 90_000;
const timeout = "15s";

/** The agent's words. Another name than the registry's, for one, says nothing of NetworkPolicies. */
const notReached = /refuses connections|does not answer connections|cannot be reached/;
const injected: readonly string[] = [names.pullContainer, names.pushContainer];

/** How a Pod of another namespace fared that asked the registry for an artifact that is not there. */
export interface Asked {
  readonly exitCode: number;
  readonly message: string;
}

/**
 * Looks whether the cluster's network plugin enforces NetworkPolicies, which cannot be seen from the API: a Pod of another
 * namespace tries to reach the registry, and is deleted.
 *
 * @param session - of the person
 * @param cache - whose registry
 * @param from - the other namespace
 * @throws CliError where a right is missing
 */
export async function checkNetwork(session: Session, cache: OrasCache, from: string): Promise<Result> {
  const { url } = cache.status ?? {};
  const isReady = conditionOf(cache.status, "Available")?.status === "True";
  if (url === undefined || !isReady || cache.spec?.deploy === false)
    return unknown(`the registry of ${nameOf(cache)} does not run, so nothing can be tried`);
  const asked = await askFrom(session, url, from);
  if (asked === undefined) return unknown(`no Pod of the namespace ${from} could be started within 90 s`);
  const place = { namespace: session.namespace, name: nameOf(cache) };
  const policy = await withRight({ verbs: ["get"], resource: "networkpolicies", ...place }, () =>
    get(session.client, resources.networkPolicies, place),
  );
  return ofNetwork(asked, { from, cache: nameOf(cache), isClosed: policy !== undefined });
}

/**
 * What the answer to a Pod of another namespace means.
 *
 * @param asked - see there
 * @param about - from where, of which cache, and whether that has a NetworkPolicy
 */
export function ofNetwork(
  { exitCode, message }: Asked,
  { from, cache, isClosed }: { readonly from: string; readonly cache: string; readonly isClosed: boolean },
): Result {
  const pod = `a Pod of the namespace ${from}`;
  const { denied, inputNotFound, registryUnavailable } = exitCodes;
  // Whoever is shown a certificate has reached it.
  const isReached =
    exitCode === denied.code || exitCode === inputNotFound.code || message.includes("certificate");
  if (!isReached && exitCode === registryUnavailable.code && notReached.test(message)) {
    const detail = `${pod} does not reach the registry of ${cache}`;
    return isClosed
      ? { about, state: "ok", detail }
      : unknown(`${detail}, though that has no NetworkPolicy of its own`);
  }
  if (!isReached) return unknown(`${pod} ended with exit code ${exitCode}: ${message}`);
  const open = exitCode === inputNotFound.code ? ", and needs no password" : "; its password closes it";
  if (!isClosed) return unknown(`${pod} reaches the registry of ${cache}, which has no NetworkPolicy${open}`);
  return {
    about,
    state: "bad",
    detail: `${pod} reaches the registry of ${cache}${open}: unless spec.networkPolicy.from lets it in, the network plugin enforces no NetworkPolicies`,
  };
}

function unknown(detail: string): Result {
  return { about, state: "?", detail };
}

/** Runs a step there whose input is not there: it ends before its program, with a code that says how far it came. */
async function askFrom({ client }: Session, url: string, namespace: string): Promise<Asked | undefined> {
  const may = <T>(verb: string, run: () => Promise<T>) =>
    withRight({ verbs: [verb], resource: "pods", namespace }, run);
  const made = await may("create", () =>
    client.request<V1Pod>({ method: "POST", path: pathOf(resources.pods, { namespace }), body: podFor(url) }),
  );
  const name = made.metadata?.name ?? "";
  const path = pathOf(resources.pods, { namespace, name });
  try {
    const deadline = performance.now() + longestMs;
    while (performance.now() < deadline) {
      const found = await may("get", () => client.request<V1Pod>({ path }));
      const asked = endIn(found);
      if (asked !== undefined) return asked;
      await delay(1_000);
    }
    return undefined;
  } finally {
    await may("delete", () => client.request({ method: "DELETE", path, body: { gracePeriodSeconds: 0 } }));
  }
}

function endIn({ status }: V1Pod): Asked | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = status ?? {};
  const ends = [...initContainerStatuses, ...containerStatuses].flatMap(
    ({ name, state }: V1ContainerStatus) =>
      injected.includes(name) && state?.terminated ? [state.terminated] : [],
  );
  return ends.map(({ exitCode, message = "" }) => ({ exitCode, message: message.trim() }))[0];
}

/** It ends by itself, too, if nobody deletes it. */
function podFor(url: string): V1Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: "oras-check-",
      annotations: {
        [annotations.registry.key]: url,
        [annotations["input-uri"].key]: "oras-check/nothing:1",
        [annotations["input-path"].key]: "/tmp/oras-check",
        [annotations.timeout.key]: timeout,
      },
    },
    spec: {
      restartPolicy: "Never",
      activeDeadlineSeconds: 120,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      // It is not started: the input is not there.
      containers: [
        {
          name: "main",
          image: "check",
          command: ["true"],
          securityContext: restrictedSecurityContext(false),
        },
      ],
    },
  };
}
