import type { V1Secret } from "@kubernetes/client-node";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import { forgetOldest } from "../kube/forget.ts";
import { pathOf, resources } from "../kube/resources.ts";

/** What could be read of a Secret. */
export type Granted<T> =
  /** The version is another one after each change of it. */
  | { readonly found: T; readonly version: string }
  | { readonly missing: true }
  /** What the API server says. */
  | { readonly forbidden: string };

/** Reads Secrets of namespaces where somebody has allowed it: the installation gives no such permission. */
export interface GrantedSecrets<T> {
  /**
   * @returns what is in it, which may have been read a moment ago
   * @throws where the API server does not say
   */
  readonly of: (namespace: string, name: string, signal: AbortSignal) => Promise<Granted<T>>;
  /** It is read anew when it is next asked for. */
  readonly forget: (namespace: string, name: string) => void;
}

/** Many may ask for one in a second; who changes it, or lets it be read, waits no longer than for the next try. */
const [rememberedMs, refusedMs] = [10_000, 1_000];
const mostRemembered = 1_000;

/**
 * Remembers what is in Secrets for a moment, and of one that did not change what was made of it.
 *
 * @param client - of the API server
 * @param read - takes what is wanted out of its data
 */
export function createGrantedSecrets<T>(
  client: KubeClient,
  read: (data: V1Secret["data"]) => T | Promise<T>,
): GrantedSecrets<T> {
  const known = new Map<string, { readonly answer: Promise<Granted<T>>; until: number }>();
  const last = new Map<string, Extract<Granted<T>, { found: T }>>();
  const find = async (namespace: string, name: string, signal: AbortSignal): Promise<Granted<T>> => {
    const id = `${namespace}/${name}`;
    try {
      const path = pathOf(resources.secrets, { namespace, name });
      const { metadata, data } = await client.request<V1Secret>({ path, signal });
      const version = `${metadata?.uid} ${metadata?.resourceVersion}`;
      const before = last.get(id);
      const found = before?.version === version ? before : { found: await read(data), version };
      last.delete(id);
      last.set(id, found);
      forgetOldest(last, mostRemembered);
      return found;
    } catch (error) {
      last.delete(id);
      if (isStatus(error, 404)) return { missing: true };
      if (isStatus(error, 403)) return { forbidden: error.body.message ?? error.reason };
      throw error;
    }
  };
  return {
    of: (namespace, name, signal) => {
      const id = `${namespace}/${name}`;
      const before = known.get(id);
      if (before && performance.now() < before.until) return before.answer;
      const answer = find(namespace, name, signal);
      const entry = { answer, until: performance.now() + rememberedMs };
      known.delete(id);
      known.set(id, entry);
      forgetOldest(known, mostRemembered);
      answer.then(
        (granted) => {
          if (!("found" in granted)) entry.until = performance.now() + refusedMs;
        },
        () => known.delete(id),
      );
      return answer;
    },
    forget: (namespace, name) => void known.delete(`${namespace}/${name}`),
  };
}
