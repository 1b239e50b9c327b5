import type { V1Lease } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { get } from "../../kube/objects.ts";
import { resources } from "../../kube/resources.ts";
import type { Session } from "../remote/session.ts";
import { shortAge } from "../show/sizes.ts";

/** Many times the time after which another replica takes over. */
const longSeconds = 120;

/**
 * How long no operator has renewed its Lease.
 *
 * @param session - of the person, who may have no right to see it
 * @returns such as `12m`; undefined while one does, and where that cannot be seen: the operator may have another namespace
 */
export async function operatorSilence({ client }: Session): Promise<string | undefined> {
  const where = { namespace: names.operatorNamespace, name: names.lease };
  const lease = await get<V1Lease>(client, resources.leases, where).catch(() => undefined);
  return silenceOf(lease, client.now());
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
