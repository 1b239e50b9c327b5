import type { V1Secret } from "@kubernetes/client-node";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import { forgetOldest } from "../kube/forget.ts";
import { pathOf, resources } from "../kube/resources.ts";
import { readSigningKey, type SigningKey } from "../lineage/signing-key.ts";

/** Reads the keys with which statements are signed, where somebody has allowed it: the installation gives no such permission. */
export interface SigningKeys {
  /**
   * @param secret - of the namespace
   * @returns the key, or in words why there is none
   * @throws where the API server does not say
   */
  readonly of: (namespace: string, secret: string, signal: AbortSignal) => Promise<SigningKey>;
}

/** Many statements may be written in a second; who repairs a Secret waits no longer than for the next try. */
const rememberedMs = 10_000;
const mostRemembered = 1_000;
const howTo =
  "https://github.com/converged-computing/oras-operator/blob/main/docs/lineage.md#signed-statements has the commands that make it and let the operator read it";

/**
 * Remembers keys for a moment, and one that was decrypted as long as its Secret is the same.
 *
 * @param client - of the API server
 */
export function createSigningKeys(client: KubeClient): SigningKeys {
  const known = new Map<string, { found: Promise<SigningKey>; until: number }>();
  const read = new Map<string, { version: string; key: SigningKey }>();
  // Each takes 64 MiB to decrypt.
  let turn: Promise<unknown> = Promise.resolve();
  const keyIn = async (id: string, { metadata, data }: V1Secret): Promise<SigningKey> => {
    const version = `${metadata?.uid} ${metadata?.resourceVersion}`;
    const last = read.get(id);
    if (last?.version === version) return last.key;
    const reading = turn.then(() => readSigningKey(data));
    turn = reading.catch(() => undefined);
    const key = await reading;
    read.delete(id);
    read.set(id, { version, key });
    forgetOldest(read, mostRemembered);
    return key;
  };
  const find = async (namespace: string, name: string, signal: AbortSignal): Promise<SigningKey> => {
    const id = `${namespace}/${name}`;
    try {
      const path = pathOf(resources.secrets, { namespace, name });
      const key = await keyIn(id, await client.request<V1Secret>({ path, signal }));
      return "key" in key ? key : { problem: `in the Secret ${id}, ${key.problem}` };
    } catch (error) {
      if (isStatus(error, 404)) return { problem: `the Secret ${id} is not there; ${howTo}` };
      if (isStatus(error, 403)) {
        const why = error.body.message ?? error.reason;
        return {
          problem: `the operator may not read the Secret ${id}; ${howTo}. The API server says: ${why}`,
        };
      }
      throw error;
    }
  };
  return {
    of: (namespace, secret, signal) => {
      const id = `${namespace}/${secret}`;
      const last = known.get(id);
      if (last && performance.now() < last.until) return last.found;
      const found = find(namespace, secret, signal);
      known.delete(id);
      known.set(id, { found, until: performance.now() + rememberedMs });
      forgetOldest(known, mostRemembered);
      found.catch(() => known.delete(id));
      return found;
    },
  };
}
