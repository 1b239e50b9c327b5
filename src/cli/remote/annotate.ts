import { names } from "../../../schema/names.ts";
import { pathOf, resources } from "../../kube/resources.ts";
import { withRight } from "./rights.ts";
import type { Session } from "./session.ts";

/**
 * Sets an annotation of a cache to the present time: the operator does once what it asks for.
 *
 * @param session - of the person
 * @param name - of the cache
 * @param annotation - which
 */
export async function annotateNow(
  { namespace, client }: Session,
  name: string,
  annotation: string,
): Promise<void> {
  const need = { verbs: ["patch"], resource: names.plural, name, namespace };
  await withRight(need, () =>
    client.request({
      method: "PATCH",
      path: pathOf(resources.orasCaches, { namespace, name }),
      contentType: "application/merge-patch+json",
      body: { metadata: { annotations: { [annotation]: new Date().toISOString() } } },
    }),
  );
}
