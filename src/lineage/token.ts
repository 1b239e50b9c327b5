import type { V1Container, V1PodSpec, V1Volume } from "@kubernetes/client-node";

const directory = "/var/run/secrets/kubernetes.io/serviceaccount";
const sources = ["serviceAccountToken", "configMap", "downwardAPI"];

/**
 * A Pod's spec without the token that the API server mounts into each container of a Pod, and not into a template: it
 * belongs to the ServiceAccount, which does not count, and the volume has a random name.
 *
 * @param spec - of a Pod or of a template
 * @returns the same spec where there is no such volume
 * @see https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-token-volume
 */
export function withoutToken(spec: V1PodSpec): V1PodSpec {
  const tokens = new Set(spec.volumes?.filter(isToken).map(({ name }) => name));
  if (tokens.size === 0) return spec;
  const unmounted = <C extends V1Container>(container: C): C => ({
    ...container,
    volumeMounts: container.volumeMounts?.filter(
      ({ name, mountPath }) => !(tokens.has(name) && mountPath === directory),
    ),
  });
  return {
    ...spec,
    ...(spec.initContainers && { initContainers: spec.initContainers.map(unmounted) }),
    containers: spec.containers.map(unmounted),
    volumes: spec.volumes?.filter(({ name }) => !tokens.has(name)),
  } as V1PodSpec;
}

function isToken({ name, projected }: V1Volume): boolean {
  const kinds = projected?.sources?.flatMap((source) => Object.keys(source)) ?? [];
  const ca = projected?.sources?.find(({ configMap }) => configMap)?.configMap?.name;
  return (
    /^kube-api-access-[a-z0-9]{5}$/.test(name) &&
    kinds.length === sources.length &&
    sources.every((kind) => kinds.includes(kind)) &&
    ca === "kube-root-ca.crt"
  );
}
