import type { KubeClient } from "./client.ts";

/** Whether this replica leads, as far as it can know without asking. */
export interface Leads {
  (): boolean;
  /** For how many milliseconds from now, if it does not renew its Lease. */
  readonly leftMs?: () => number;
}

/**
 * A client that writes only while this replica leads. A process that was stopped, by a signal or a node without processor
 * time, goes on where it was, in the midst of its work, before it learns that another replica has taken its place.
 *
 * @param client - of the API server
 * @param leads - see there
 */
export function fencedClient(client: KubeClient, leads: Leads): KubeClient {
  return {
    ...client,
    request: async (request) => {
      if ((request.method ?? "GET") !== "GET") assertLeads(leads);
      return client.request(request);
    },
  };
}

/** @throws once this replica does not lead any more */
export function assertLeads(leads: Leads): void {
  if (leads()) return;
  throw new Error(
    "this replica has not renewed its Lease in time; another one may lead, so it leaves this undone",
  );
}
