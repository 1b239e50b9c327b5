import { names } from "../../schema/names.ts";
import type { ConditionReason } from "../../schema/reasons.ts";
import type { Verdict } from "./conditions.ts";
import { type NetworkFacts, networkModeOf } from "./network-mode.ts";
import { identityOf } from "./owner.ts";
import type { StoredOrasCache } from "./types.ts";

/**
 * How a keeper was not reached: its port took no connection in time, refused it, the TLS handshake failed, it did not know
 * the operator's token, or it answered in another way than a keeper does.
 */
export type FaultKind = "timeout" | "refused" | "tls" | "unauthorized" | "answer";

/** Why the operator got no report of a keeper. */
export interface KeeperFault {
  readonly kind: FaultKind;
  /** In the words of the one who knows. */
  readonly detail: string;
}

/** What is known of the way to a keeper: `answers`, a fault that has lasted, or nothing yet. */
export type Reach = "answers" | KeeperFault | undefined;

/** The way to a keeper, with what decides how it goes on. */
export interface Way {
  readonly reach: Reach;
  /** How it was not reached when it was last asked. */
  readonly last?: KeeperFault | undefined;
}

/**
 * The way to a keeper after it was asked again. One failure is none: a keeper is restarted, a packet is lost. A fault is
 * believed when two questions in a row have failed, and another one when two have failed in the same way.
 *
 * @param way - as it was
 * @param fault - undefined where the keeper has answered
 */
export function wayAfter({ reach, last }: Way, fault: KeeperFault | undefined): Way {
  if (fault === undefined) return { reach: "answers" };
  const isFirst = last === undefined;
  const isShown = typeof reach === "object";
  const lasts = !isFirst && (!isShown || last.kind === fault.kind);
  // The details of one kind may take turns, such as addresses.
  const isSame = isShown && reach.kind === fault.kind;
  return { reach: lasts && !isSame ? fault : reach, last: fault };
}

const reasons = {
  timeout: "KeeperTimesOut",
  refused: "KeeperRefusesConnections",
  tls: "KeeperNotTrusted",
  unauthorized: "KeeperUnauthorized",
  answer: "KeeperAnswersWrong",
} as const satisfies Record<FaultKind, ConditionReason>;

/** What decides who reaches a keeper, and who asks. */
type KeeperFacts = NetworkFacts & { readonly operatorNamespace: string };

const consequence =
  "Until then status.storage is as it was, retention deletes nothing, and a rotation waits; steps are not affected.";

/**
 * That the operator does not reach the keeper of a registry whose Pod is ready.
 *
 * @param cache - as stored
 * @param facts - see there
 * @param reach - of a keeper that can be asked
 * @param before - the verdict as stored: what another leader knew holds until this one knows
 */
export function keeperVerdict(
  cache: StoredOrasCache,
  facts: KeeperFacts,
  reach: Reach,
  before: Verdict | undefined,
): Verdict | undefined {
  if (reach === undefined) return before;
  if (reach === "answers") return undefined;
  const { kind, detail } = reach;
  const message = `The operator gets no report of the registry's keeper, port ${names.keeperPort}: ${detail}. ${adviceOn(kind, cache, facts)} ${consequence}`;
  return { status: "True", reason: reasons[kind], message };
}

function adviceOn(kind: FaultKind, cache: StoredOrasCache, facts: KeeperFacts): string {
  const { name, namespace } = identityOf(cache);
  switch (kind) {
    case "timeout":
      return `Its Pod is ready, so probably a NetworkPolicy drops the packets. ${policiesOf(cache, facts)}`;
    case "refused":
      return `Its Pod is ready, so probably a NetworkPolicy rejects connections, as some network plugins do. ${policiesOf(cache, facts)}`;
    case "tls":
      return (
        "It shows a certificate of the OrasCache's own CA, which something between them replaces, such as the sidecar of a mesh: " +
        `exclude port ${names.keeperPort}. Or its clock is wrong, or it was started with another key: then restart the Pod.`
      );
    case "unauthorized":
      return (
        `Either something else answers at its address, or Secret ${names.cacheKeySecret} of namespace ${facts.operatorNamespace} ` +
        "is another one than when the Pod started: then restart the Pod."
      );
    case "answer":
      return `Look at its log: kubectl logs --namespace ${namespace} --container ${names.keeperContainer} statefulset/${name}.`;
  }
}

/** Policies add up: what one of them allows, no other one forbids, so the one to look for depends on whether the operator made one. */
function policiesOf(cache: StoredOrasCache, facts: KeeperFacts): string {
  const { name, namespace } = identityOf(cache);
  const operator =
    `namespace ${facts.operatorNamespace} (its label kubernetes.io/metadata.name) with the label ` +
    `app.kubernetes.io/name: ${names.operatorName}`;
  const ingress =
    networkModeOf(cache, facts) === "namespace"
      ? `NetworkPolicy ${name} lets in Pods of ${operator}: see that the operator's Pods have it, and are not on the network of ` +
        `their node (hostNetwork), where a NetworkPolicy of yours has to let in the nodes' addresses as ipBlock.`
      : `The operator makes no NetworkPolicy for this registry, so one of namespace ${namespace} that selects its Pod has to let in ` +
        `Pods of ${operator} at TCP port ${names.keeperPort}.`;
  return (
    `${ingress} A NetworkPolicy of namespace ${facts.operatorNamespace} that limits egress has to allow that port, too, ` +
    "and so have policies of the network plugin."
  );
}
