import type { V1PodSpec, V1Volume } from "@kubernetes/client-node";

/** Volumes that hold what nobody should push, by their names. */
export type SecretVolumes = ReadonlyMap<string, string>;

/** The volumes of a Pod with Secrets or tokens in them. */
export function secretVolumes(pod: V1PodSpec): SecretVolumes {
  return new Map(
    (pod.volumes ?? []).flatMap((volume) => {
      const kind = secretKind(volume);
      return kind === undefined ? [] : [[volume.name, kind] as const];
    }),
  );
}

function secretKind({ secret, projected }: V1Volume): string | undefined {
  if (secret) return "Secret";
  const sources = projected?.sources ?? [];
  if (sources.some((source) => source?.secret)) return "Secret";
  return sources.some((source) => source?.serviceAccountToken) ? "ServiceAccount token" : undefined;
}
