import type { V1Secret, V1ServiceAccount } from "@kubernetes/client-node";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import { pathOf, resources } from "../kube/resources.ts";
import type { LookupSettings } from "../registry/lookup.ts";

/**
 * Reads a Pod's pull secrets, where somebody has allowed it: the installation gives no such permission.
 *
 * @param client - of the API server
 */
export function createSecretReader(client: KubeClient): NonNullable<LookupSettings["readSecrets"]> {
  return async ({ namespace, names }, signal) => {
    const found = await Promise.all(
      names.map(async (name) => {
        try {
          const path = pathOf(resources.secrets, { namespace, name });
          const { data } = await client.request<V1Secret>({ path, signal });
          const config = data?.[".dockerconfigjson"];
          return { config: config === undefined ? undefined : Buffer.from(config, "base64").toString() };
        } catch (error) {
          if (isStatus(error, 403)) return { forbidden: name };
          // A Pod may name one that is not there: the kubelet pulls without it then.
          if (isStatus(error, 404)) return {};
          throw error;
        }
      }),
    );
    return {
      configs: found.flatMap(({ config }) => (config === undefined ? [] : [config])),
      forbidden: found.flatMap(({ forbidden }) => (forbidden === undefined ? [] : [forbidden])),
    };
  };
}

/** Names of the pull secrets that a ServiceAccount gives to Pods. */
export type PullSecretsOf = (namespace: string, serviceAccount: string) => Promise<readonly string[]>;

/**
 * Reads which pull secrets the Pods of a ServiceAccount get.
 *
 * @param client - of the API server
 * @param onTrouble - called for a ServiceAccount that could not be read; none are known of it then
 */
export function createPullSecretsReader(
  client: KubeClient,
  onTrouble: (error: unknown) => void,
): PullSecretsOf {
  return async (namespace, serviceAccount) => {
    try {
      const path = pathOf(resources.serviceAccounts, { namespace, name: serviceAccount });
      const { imagePullSecrets = [] } = await client.request<V1ServiceAccount>({
        path,
        timeoutMs: longestMs,
      });
      return imagePullSecrets.flatMap(({ name }) => name ?? []).slice(0, mostSecrets);
    } catch (error) {
      // The Job may be there before its ServiceAccount.
      if (!isStatus(error, 404)) onTrouble(error);
      return [];
    }
  };
}

/** Registries must be asked besides, before the API server gives up. */
const longestMs = 2_000;
const mostSecrets = 10;
