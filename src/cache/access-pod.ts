import type {
  V1Container,
  V1EnvVar,
  V1SecurityContext,
  V1Volume,
  V1VolumeMount,
} from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { authVariable, cacheKey, firstUser, keySecretName } from "./access.ts";
import { isClosed } from "./access-secrets.ts";
import type { ChildFacts } from "./facts.ts";
import { identityOf } from "./owner.ts";
import type { StoredOrasCache } from "./types.ts";

/** What every container of a registry's Pod is confined to. */
export const confined: V1SecurityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  readOnlyRootFilesystem: true,
};

const htpasswd = `${names.registryAuthPath}/htpasswd`;

/** What a registry's Pod has, beside what it has anyway. */
export interface AccessParts {
  readonly initContainers?: V1Container[];
  /** Of the registry's container. */
  readonly env: readonly V1EnvVar[];
  readonly volumeMounts: readonly V1VolumeMount[];
  readonly volumes: readonly V1Volume[];
}

const open: AccessParts = { env: [], volumeMounts: [], volumes: [] };

/**
 * What the registry asks for a password with. An init container writes the htpasswd file, because distribution makes a user
 * of its own where it finds none. No Secret holds the file: hashes are salted, so an operator that may not read Secrets
 * could not tell whether it is right. The registry itself does not see the key.
 *
 * @param cache - whose
 * @param facts - what it depends on
 * @returns empty where the registry asks for none
 */
export function accessParts(cache: StoredOrasCache, facts: ChildFacts): AccessParts {
  if (!isClosed(cache, facts)) return open;
  const owner = identityOf(cache);
  const secretName = keySecretName(cacheKey(facts.operatorKey, owner), owner.name);
  return {
    initContainers: [keeperInit(facts.agentImage)],
    env: [
      { name: authVariable, value: "htpasswd" },
      { name: `${authVariable}_HTPASSWD_REALM`, value: names.kind },
      { name: `${authVariable}_HTPASSWD_PATH`, value: htpasswd },
    ],
    volumeMounts: [{ name: names.registryAuthVolume, mountPath: names.registryAuthPath, readOnly: true }],
    volumes: [
      { name: names.registryAuthVolume, emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      { name: names.registryKeyVolume, secret: { secretName, defaultMode: 0o440 } },
    ],
  };
}

function keeperInit(image: string): V1Container {
  return {
    name: names.keeperInitContainer,
    image,
    command: [names.agentPath, "keep-init"],
    args: [`--key=${names.registryKeyPath}`, `--htpasswd=${htpasswd}`, `--user=${firstUser}`],
    resources: { requests: { cpu: "10m", memory: "16Mi" } },
    securityContext: confined,
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      { name: names.registryKeyVolume, mountPath: names.registryKeyPath, readOnly: true },
      { name: names.registryAuthVolume, mountPath: names.registryAuthPath },
    ],
  };
}
