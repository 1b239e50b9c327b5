import type { V1Container, V1EnvFromSource, V1EnvVar } from "@kubernetes/client-node";
import { quoted } from "../annotations/problems.ts";
import { hidden } from "./canonical.ts";
import { fieldValue, resourceValue } from "./fields.ts";
import { type Reading, refuseUnless } from "./step.ts";
import type { VolumeNumbers } from "./volumes.ts";

/**
 * The environment of a container in a key. Its order counts: a value can use the variables before it.
 *
 * @param reading - of the step; gets a refusal for each value that is not seen
 * @param container - of the Pod
 * @param path - of the container, for messages
 * @param volumes - their numbers by name
 */
export function environmentOf(
  reading: Reading,
  container: V1Container,
  path: string,
  volumes: VolumeNumbers,
): object {
  const env = (container.env ?? []).flatMap((variable, at) =>
    reading.step.ignoreEnv.has(variable.name)
      ? []
      : [variableOf(reading, container, variable, `${path}.env[${at}]`, volumes)],
  );
  container.envFrom?.forEach((source, at) => {
    checkSource(reading, source, `${path}.envFrom[${at}]`);
  });
  return { env, envFrom: container.envFrom };
}

function variableOf(
  reading: Reading,
  container: V1Container,
  { name, value, valueFrom, ...more }: V1EnvVar,
  path: string,
  volumes: VolumeNumbers,
): object {
  if (!valueFrom) return { name, value: hidden(value ?? ""), ...more };
  const { fieldRef, resourceFieldRef, fileKeyRef, configMapKeyRef, secretKeyRef, ...others } = valueFrom;
  const at = `${path}.valueFrom`;
  if (configMapKeyRef) {
    const message = `found the key ${quoted(configMapKeyRef.key)} of the ConfigMap ${quoted(configMapKeyRef.name ?? "")}.`;
    refuseUnless(reading, "config", "ConfigNotSeen", `${at}.configMapKeyRef`, message);
  }
  if (secretKeyRef) {
    const message = `found the key ${quoted(secretKeyRef.key)} of the Secret ${quoted(secretKeyRef.name ?? "")}.`;
    refuseUnless(reading, "secrets", "SecretNotSeen", `${at}.secretKeyRef`, message);
  }
  checkUnknown(reading, others, at);
  return {
    ...{ name, value: value ? hidden(value) : undefined, ...more },
    valueFrom: {
      ...others,
      ...(configMapKeyRef && { configMapKeyRef }),
      ...(secretKeyRef && { secretKeyRef }),
      ...(fieldRef && fieldValue(reading, fieldRef, `${at}.fieldRef`)),
      ...(resourceFieldRef && resourceValue(reading, resourceFieldRef, `${at}.resourceFieldRef`, container)),
      // It is written by another container of the Pod.
      ...(fileKeyRef && {
        fileKeyRef: {
          ...fileKeyRef,
          volumeName: volumes.get(fileKeyRef.volumeName) ?? fileKeyRef.volumeName,
        },
      }),
    },
  };
}

function checkSource(reading: Reading, source: V1EnvFromSource, path: string): void {
  const { prefix: _, configMapRef, secretRef, ...others } = source;
  if (configMapRef) {
    const message = `found all of the ConfigMap ${quoted(configMapRef.name ?? "")}.`;
    refuseUnless(reading, "config", "ConfigNotSeen", `${path}.configMapRef`, message);
  }
  if (secretRef) {
    const message = `found all of the Secret ${quoted(secretRef.name ?? "")}.`;
    refuseUnless(reading, "secrets", "SecretNotSeen", `${path}.secretRef`, message);
  }
  checkUnknown(reading, others, path);
}

/** Sources that a later version of Kubernetes has: it is known where the value stands, and not what it is. */
function checkUnknown(reading: Reading, sources: object, path: string): void {
  for (const [name, source] of Object.entries(sources))
    if (source !== undefined && source !== null)
      refuseUnless(
        reading,
        "config",
        "ConfigNotSeen",
        `${path}.${name}`,
        "found a source that is not known.",
      );
}
