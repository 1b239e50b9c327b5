import type { V1StatefulSet } from "@kubernetes/client-node";
import type { ConditionType } from "../../schema/reasons.ts";
import type { Condition, OrasCache, OrasCacheStatus, StoredOrasCache } from "../../src/cache/types.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { apiVersionOf, pathOf, type Resource, resources } from "../../src/kube/resources.ts";
import { cacheOf } from "./builders.ts";
import { until } from "./wait.ts";

/** An Event, as far as tests look at it. */
export interface SeenEvent {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly kind: string; readonly name: string };
}

/** What tests do with the objects of one namespace, with every right. */
export type ObjectsIn = Awaited<ReturnType<typeof objectsIn>>;

/**
 * Makes a namespace.
 *
 * @param client - with every right
 * @param namespace - its name
 */
export async function objectsIn(client: KubeClient, namespace: string) {
  const post = (path: string, body: object) => client.request({ method: "POST", path, body });
  await post("/api/v1/namespaces", { metadata: { name: namespace } });

  const read = <T>(resource: Resource, name: string) =>
    get<T & KubeObject>(client, resource, { namespace, name });
  const create = (resource: Resource, object: KubeObject): Promise<KubeObject> =>
    client.request({
      method: "POST",
      path: pathOf(resource, { namespace }),
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object },
    });
  const remove = (resource: Resource, name: string) =>
    client.request({ method: "DELETE", path: pathOf(resource, { namespace, name }), body: {} });
  /** A merge patch, as kubectl sends it for a field manager. */
  const patch = (resource: Resource, name: string, change: object, fieldManager = "kubectl-patch") =>
    client.request({
      method: "PATCH",
      path: pathOf(resource, { namespace, name }),
      contentType: "application/merge-patch+json",
      query: { fieldManager },
      body: change,
    });
  const patchStatus = (resource: Resource, name: string, status: object) =>
    client.request({
      method: "PATCH",
      path: pathOf(resource, { namespace, name, subresource: "status" }),
      contentType: "application/merge-patch+json",
      body: { status },
    });

  /** Creates an OrasCache and waits for its StatefulSet. */
  const createCache = async (
    name = "oras",
    spec: NonNullable<OrasCache["spec"]> = {},
  ): Promise<V1StatefulSet> => {
    await create(resources.orasCaches, cacheOf(name, spec));
    return until(() => set(name), `the StatefulSet of ${name}`);
  };
  /** What the StatefulSet's controller says once its Pod is ready; it does not run beside an API server alone. */
  const rollOut = async (name = "oras") =>
    patchStatus(resources.statefulSets, name, rolledOut(await set(name)));
  const cache = (name: string) => read<StoredOrasCache>(resources.orasCaches, name);
  const set = (name: string) => read<V1StatefulSet>(resources.statefulSets, name);
  const status = async (name: string): Promise<OrasCacheStatus | undefined> => (await cache(name))?.status;
  const condition = async (name: string, type: ConditionType): Promise<Condition | undefined> =>
    (await status(name))?.conditions?.find((one) => one.type === type);
  /** Waits until a condition of a cache has a reason. */
  const untilReason = (name: string, type: ConditionType, reason: string): Promise<Condition> =>
    until(async () => {
      const found = await condition(name, type);
      return found?.reason === reason ? found : undefined;
    }, `${name} to be ${type} ${reason}`);
  /** A cache whose registry is ready. */
  const runCache = async (name = "oras"): Promise<void> => {
    await createCache(name);
    await rollOut(name);
    await untilReason(name, "Ready", "RegistryReady");
  };
  const events = async (about?: string): Promise<SeenEvent[]> => {
    const { items } = await client.request<{ items: SeenEvent[] }>({
      path: pathOf(resources.events, { namespace }),
    });
    return items.filter(({ regarding }) => about === undefined || regarding.name === about);
  };
  /** An Event as the controllers of Kubernetes write it, which do not run beside an API server alone. */
  const tell = (object: KubeObject, reason: string, note: string) =>
    create(resources.events, {
      metadata: { name: `${object.metadata?.name}.${reason.toLowerCase()}`, namespace },
      ...({
        type: "Warning",
        ...{ reason, note, action: "Create", eventTime: "2026-01-01T00:00:00.000000Z" },
        ...{ reportingController: "statefulset-controller", reportingInstance: "test" },
        regarding: {
          apiVersion: object.apiVersion,
          kind: object.kind,
          namespace,
          name: object.metadata?.name,
          uid: object.metadata?.uid,
        },
      } as object),
    });
  return {
    namespace,
    read,
    create,
    remove,
    patch,
    patchStatus,
    createCache,
    rollOut,
    runCache,
    cache,
    set,
    status,
    condition,
    untilReason,
    events,
    tell,
  };
}

/** The status of a StatefulSet whose Pod is ready. */
export function rolledOut(set: { metadata?: { generation?: number } } | undefined): object {
  return {
    ...{ replicas: 1, readyReplicas: 1, updatedReplicas: 1, currentRevision: "a", updateRevision: "a" },
    observedGeneration: set?.metadata?.generation,
  };
}
