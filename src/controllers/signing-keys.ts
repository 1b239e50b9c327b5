import type { V1Secret } from "@kubernetes/client-node";
import type { KubeClient } from "../kube/client.ts";
import { readSigningKey, type SigningKey } from "../lineage/signing-key.ts";
import { createGrantedSecrets } from "./granted-secrets.ts";

/** Reads the keys with which statements are signed, where somebody has allowed it. */
export interface SigningKeys {
  /**
   * @param secret - of the namespace
   * @returns the key, or in words why there is none
   * @throws where the API server does not say
   */
  readonly of: (namespace: string, secret: string, signal: AbortSignal) => Promise<SigningKey>;
}

const howTo =
  "https://github.com/converged-computing/oras-operator/blob/main/docs/lineage.md#signed-statements has the commands that make it and let the operator read it";

/**
 * Remembers keys for a moment, and one that was decrypted as long as its Secret is the same.
 *
 * @param client - of the API server
 */
export function createSigningKeys(client: KubeClient): SigningKeys {
  // Each takes 64 MiB to decrypt.
  let turn: Promise<unknown> = Promise.resolve();
  const secrets = createGrantedSecrets(client, (data: V1Secret["data"]) => {
    const reading = turn.then(() => readSigningKey(data));
    turn = reading.catch(() => undefined);
    return reading;
  });
  return {
    of: async (namespace, secret, signal) => {
      const id = `${namespace}/${secret}`;
      const granted = await secrets.of(namespace, secret, signal);
      if ("missing" in granted) return { problem: `the Secret ${id} is not there; ${howTo}` };
      if ("forbidden" in granted) {
        const why = granted.forbidden;
        return {
          problem: `the operator may not read the Secret ${id}; ${howTo}. The API server says: ${why}`,
        };
      }
      const { found } = granted;
      return "key" in found ? found : { problem: `in the Secret ${id}, ${found.problem}` };
    },
  };
}
