import { names } from "../../schema/names.ts";
import type { KubeClient } from "./client.ts";
import { isStatus } from "./errors.ts";
import { apiVersionOf, type Place, pathOf, type Resource } from "./resources.ts";

/** What every Kubernetes object has, as far as this program needs it. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: Metadata;
}

/** Metadata, as far as this program looks at it; the rest is carried along. */
export interface Metadata {
  name?: string;
  namespace?: string;
  uid?: string;
  generation?: number;
  resourceVersion?: string;
  creationTimestamp?: unknown;
  deletionTimestamp?: unknown;
  finalizers?: string[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFields[];
}

/** The object that this one belongs to. */
interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Which fields one manager set, as the API server keeps it; what else an entry has is carried along. */
export interface ManagedFields {
  manager?: string;
  operation?: string;
  subresource?: string;
  fieldsV1?: Record<string, unknown>;
}

/**
 * The key of an object in stores and queues: `namespace/name`, or the name alone.
 *
 * @param object - with metadata
 */
export function keyOf(object: KubeObject): string {
  const { namespace, name = "" } = object.metadata ?? {};
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/**
 * Namespace and name of an object in a namespace.
 *
 * @param key - of {@link keyOf}
 */
export function nameOf(key: string): { readonly namespace: string; readonly name: string } {
  const [namespace = "", name = ""] = key.split("/");
  return { namespace, name };
}

/**
 * Reads an object.
 *
 * @returns undefined when it is not there
 */
export async function get<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  place: Place,
): Promise<T | undefined> {
  try {
    return await client.request<T>({ path: pathOf(resource, place) });
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

/**
 * Creates an object.
 *
 * @returns false when one of that name is already there
 */
export async function create(client: KubeClient, resource: Resource, object: KubeObject): Promise<boolean> {
  try {
    await client.request({
      method: "POST",
      path: pathOf(resource, { namespace: object.metadata?.namespace }),
      query: { fieldManager: names.fieldManager },
      body: withType(resource, object),
    });
    return true;
  } catch (error) {
    if (isStatus(error, 409) && error.reason === "AlreadyExists") return false;
    throw error;
  }
}

/**
 * Replaces an object, if its resourceVersion is still the one given.
 *
 * @throws KubeError 409 when somebody else changed it meanwhile
 */
export function replace<T extends KubeObject>(client: KubeClient, resource: Resource, object: T): Promise<T> {
  return client.request<T>({
    method: "PUT",
    path: pathOf(resource, { namespace: object.metadata?.namespace, name: object.metadata?.name }),
    query: { fieldManager: names.fieldManager },
    body: withType(resource, object),
  });
}

/**
 * Makes an object have these fields, whichever manager set them before (server-side apply, forced). An object that is not
 * there is made, unless it is a subresource. With a UID or a resourceVersion in its metadata only the very object, or
 * that version of it, is changed.
 *
 * @param client - of the API server
 * @param resource - its kind
 * @param object - the fields, with name and namespace
 * @param subresource - for example `status`
 * @returns the object as it is now; with the same resourceVersion as before if nothing changed
 * @throws KubeError 409 when it is another object or version
 */
export function apply<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  object: T,
  subresource?: "status",
): Promise<T> {
  const { namespace, name } = object.metadata ?? {};
  return client.request<T>({
    method: "PATCH",
    path: pathOf(resource, { namespace, name, ...(subresource && { subresource }) }),
    query: { fieldManager: names.fieldManager, force: true },
    // JSON is YAML; this is the type that every supported version knows.
    contentType: "application/apply-patch+yaml",
    body: withType(resource, object),
  });
}

/** Changes an object by a JSON Patch (RFC 6902). */
export function patchJson<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  place: Place,
  operations: readonly object[],
): Promise<T> {
  return patch<T>(client, resource, place, "json-patch", operations);
}

/** Changes an object by a merge patch (RFC 7396). */
export function patchMerge<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  place: Place,
  change: object,
): Promise<T> {
  return patch<T>(client, resource, place, "merge-patch", change);
}

/**
 * Changes an object by a strategic merge patch: of lists with keys, such as conditions, only the entries that it names.
 *
 * @throws KubeError 409 when a resourceVersion in it is not that of the object any more
 */
export function patchStrategic<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  place: Place,
  change: object,
): Promise<T> {
  return patch<T>(client, resource, place, "strategic-merge-patch", change);
}

function patch<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  place: Place,
  type: "json-patch" | "merge-patch" | "strategic-merge-patch",
  body: object,
): Promise<T> {
  return client.request<T>({
    method: "PATCH",
    path: pathOf(resource, place),
    query: { fieldManager: names.fieldManager },
    contentType: `application/${type}+json`,
    body,
  });
}

/** Who made an object and looks after it. */
export function controllerOf({ metadata }: KubeObject): OwnerReference | undefined {
  return metadata?.ownerReferences?.find(({ controller }) => controller === true);
}

/** Deletes an object if it is still the very one given; one that is not there is no error. */
export async function remove(client: KubeClient, resource: Resource, object: KubeObject): Promise<void> {
  const { namespace, name, uid } = object.metadata ?? {};
  try {
    await client.request({
      method: "DELETE",
      path: pathOf(resource, { namespace, name }),
      body: { propagationPolicy: "Background", ...(uid ? { preconditions: { uid } } : {}) },
    });
  } catch (error) {
    if (!isStatus(error, 404, 409)) throw error;
  }
}

function withType<T extends KubeObject>(resource: Resource, object: T): T {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
}
