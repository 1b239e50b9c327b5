import { setTimeout as delay } from "node:timers/promises";
import { visible } from "../../annotations/problems.ts";
import { isStatus } from "../../kube/errors.ts";
import { get, type KubeObject } from "../../kube/objects.ts";
import { pathOf, type Resource } from "../../kube/resources.ts";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";
import { type Need, withRight } from "../remote/rights.ts";
import type { Session } from "../remote/session.ts";

/** A step as the API server has it. */
export interface StoredStep {
  /** `job/NAME` or `pod/NAME`. */
  readonly id: string;
  readonly resource: Resource;
  readonly object: KubeObject;
}

/** How long Pods of a deleted step may take to end. */
const longestMs = 120_000;
const askEveryMs = 500;

/**
 * Deletes a step and waits until its Pods are gone, too: they could push until then.
 *
 * @param session - of the person
 * @param step - the very object
 * @throws CliError where a right is missing, or the Pods do not end
 */
export async function removeWhole(session: Session, { id, resource, object }: StoredStep): Promise<void> {
  const { client, namespace } = session;
  const { name, uid } = object.metadata ?? {};
  await withRight(needOf(session, "delete", resource), () =>
    client
      .request({
        method: "DELETE",
        path: pathOf(resource, { namespace, name }),
        body: { propagationPolicy: "Foreground", preconditions: { uid } },
      })
      .catch((error: unknown) => {
        // It has gone meanwhile, as its TTL was over, or there is another one of its name.
        if (!isStatus(error, 404, 409)) throw error;
      }),
  );
  const deadline = performance.now() + longestMs;
  for (;;) {
    const now = await withRight(needOf(session, "get", resource), () =>
      get<KubeObject>(client, resource, { namespace, name }),
    );
    if (now?.metadata?.uid !== uid) return;
    if (performance.now() > deadline) {
      const message = `${visible(id)} is still being deleted after ${longestMs / 1000} s.`;
      throw new CliError(message, exits.timedOut);
    }
    await delay(askEveryMs);
  }
}

/**
 * The right to do something with steps.
 *
 * @param session - with the namespace
 * @param verb - of Kubernetes
 * @param resource - Jobs or Pods
 */
export function needOf({ namespace }: Session, verb: string, { plural }: Resource): Need {
  return { verbs: [verb], resource: plural, namespace };
}
