import type { V1EnvVar, V1Volume, V1VolumeMount } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { authVariable } from "./access.ts";
import { tlsVariables } from "./tls.ts";

/** The file that the registry reads users from. */
export const htpasswd: string = `${names.registryAuthPath}/htpasswd`;

/** What the container of a registry has that asks for a password, or serves TLS. */
export interface AccessParts {
  readonly env: readonly V1EnvVar[];
  readonly volumeMounts: readonly V1VolumeMount[];
  readonly volumes: readonly V1Volume[];
}

/**
 * What a registry serves TLS with, and asks for a password with. An init container writes the htpasswd file, because distribution makes a user
 * of its own where it finds none. No Secret holds the file: hashes are salted, so an operator that may not read Secrets
 * could not tell whether it is right. The registry itself does not see the key.
 *
 * @param closed - whether it asks for one
 * @param isTls - whether it serves TLS
 */
export function accessParts(closed: boolean, isTls: boolean): AccessParts {
  if (!closed && !isTls) return { env: [], volumeMounts: [], volumes: [] };
  return {
    env: [
      ...(closed
        ? [
            { name: authVariable, value: "htpasswd" },
            { name: `${authVariable}_HTPASSWD_REALM`, value: names.kind },
            { name: `${authVariable}_HTPASSWD_PATH`, value: htpasswd },
          ]
        : []),
      ...(isTls ? tlsVariables : []),
    ],
    volumeMounts: [{ name: names.registryAuthVolume, mountPath: names.registryAuthPath, readOnly: true }],
    volumes: [{ name: names.registryAuthVolume, emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }],
  };
}
