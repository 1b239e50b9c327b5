import { isStatus } from "../../kube/errors.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { apiVersionOf, pathOf, type Resource, resources } from "../../kube/resources.ts";
import { withRight } from "../remote/rights.ts";
import type { Session } from "../remote/session.ts";
import type { ManifestObject } from "./objects.ts";

/** What of a cluster decides about steps. */
const asked: readonly Resource[] = [resources.orasCaches, resources.limitRanges];

/**
 * The OrasCaches and LimitRanges that a cluster has.
 *
 * @param session - of the person
 * @param namespaces - in which to look
 * @throws CliError where the API server refuses or does not answer
 */
export async function objectsInCluster(
  session: Session,
  namespaces: readonly string[],
): Promise<readonly ManifestObject[]> {
  const places = namespaces.flatMap((namespace) => asked.map((resource) => ({ resource, namespace })));
  const found = await Promise.all(
    places.map(({ resource, namespace }) => listOf(session, resource, namespace)),
  );
  return found.flat();
}

async function listOf({ client }: Session, resource: Resource, namespace: string): Promise<ManifestObject[]> {
  const need = { verbs: ["list"], resource: resource.plural, namespace };
  try {
    const { items } = await withRight(need, () =>
      client.request<{ items: KubeObject[] }>({ path: pathOf(resource, { namespace }) }),
    );
    return items.map((item) => objectOf(resource, namespace, item));
  } catch (error) {
    // Without the operator the kind is not served: there are none.
    if (isStatus((error as Error).cause, 404)) return [];
    throw error;
  }
}

function objectOf(resource: Resource, namespace: string, item: KubeObject): ManifestObject {
  const { kind } = resource;
  const apiVersion = apiVersionOf(resource);
  return {
    ...{ file: "the cluster", kustomization: "", apiVersion, kind, namespace },
    name: item.metadata?.name ?? "",
    value: { ...item, apiVersion, kind },
    at: () => ({ line: 1, column: 1 }),
  };
}
