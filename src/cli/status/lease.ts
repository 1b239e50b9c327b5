import type { V1Lease, V1MutatingWebhookConfiguration } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { isStatus } from "../../kube/errors.ts";
import { get } from "../../kube/objects.ts";
import { pathOf, resources } from "../../kube/resources.ts";
import { webhookIn } from "../installation/results.ts";
import type { Session } from "../remote/session.ts";
import { shortAge } from "../show/sizes.ts";

/** Many times the time after which another replica takes over. */
const longSeconds = 120;

/**
 * How long no operator has renewed its Lease.
 *
 * @param session - of the person, who may have no right to see it
 * @returns such as `12m`; undefined while one does, and where that cannot be seen
 */
export async function operatorSilence({ client }: Session): Promise<string | undefined> {
  try {
    // One that moved to another namespace left its Lease in the one before.
    const path = pathOf(resources.mutatingWebhookConfigurations);
    const { items } = await client.request<{ items: V1MutatingWebhookConfiguration[] }>({ path });
    const namespace = webhookIn(items)?.clientConfig.service?.namespace;
    if (namespace === undefined) return undefined;
    const lease = await get<V1Lease>(client, resources.leases, { namespace, name: names.lease });
    return silenceOf(lease, client.now());
  } catch (error) {
    if (isStatus(error, 403)) return undefined;
    throw error;
  }
}

/**
 * The same of a Lease.
 *
 * @param lease - the operator's
 * @param now - milliseconds since 1970
 */
export function silenceOf(lease: V1Lease | undefined, now: number): string | undefined {
  const renewed = new Date(String(lease?.spec?.renewTime)).getTime();
  const seconds = (now - renewed) / 1000;
  return seconds > longSeconds ? shortAge(seconds) : undefined;
}
