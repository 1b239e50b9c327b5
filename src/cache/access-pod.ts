import type {
  V1Container,
  V1EnvVar,
  V1PodSpec,
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

/**
 * The init container that writes the htpasswd file: distribution makes a user of its own where it finds none. No Secret
 * holds the file, because hashes are salted: an operator that may not read Secrets could not tell whether it is right.
 */
export function accessInit(cache: StoredOrasCache, facts: ChildFacts): Pick<V1PodSpec, "initContainers"> {
  if (!isClosed(cache, facts)) return {};
  const init: V1Container = {
    name: names.keeperInitContainer,
    image: facts.agentImage,
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
  return { initContainers: [init] };
}

/** The registry's settings of htpasswd. */
export function accessVariables(cache: StoredOrasCache, facts: ChildFacts): V1EnvVar[] {
  if (!isClosed(cache, facts)) return [];
  return [
    { name: authVariable, value: "htpasswd" },
    { name: `${authVariable}_HTPASSWD_REALM`, value: names.kind },
    { name: `${authVariable}_HTPASSWD_PATH`, value: htpasswd },
  ];
}

/** Where the registry finds the htpasswd file. */
export function accessMounts(cache: StoredOrasCache, facts: ChildFacts): V1VolumeMount[] {
  if (!isClosed(cache, facts)) return [];
  return [{ name: names.registryAuthVolume, mountPath: names.registryAuthPath, readOnly: true }];
}

/** The key, which the registry itself does not see, and the file that is made from it. */
export function accessVolumes(cache: StoredOrasCache, facts: ChildFacts): V1Volume[] {
  if (!isClosed(cache, facts)) return [];
  const owner = identityOf(cache);
  const secretName = keySecretName(cacheKey(facts.operatorKey, owner), owner.name);
  return [
    { name: names.registryAuthVolume, emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
    { name: names.registryKeyVolume, secret: { secretName, defaultMode: 0o440 } },
  ];
}
