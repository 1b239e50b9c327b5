import type { V1Secret } from "@kubernetes/client-node";
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
