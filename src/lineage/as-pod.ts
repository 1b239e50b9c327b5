import type { V1Container, V1PodSpec, V1Volume } from "@kubernetes/client-node";

const directory = "/var/run/secrets/kubernetes.io/serviceaccount";
const sources = ["serviceAccountToken", "configMap", "downwardAPI"];

/**
 * A spec of a Pod and the one of its template made alike. Some defaults are only given to Pods; and the API server mounts
 * a token into each container of a Pod, which belongs to the ServiceAccount that does not count, by a random name.
 *
 * @param spec - of a Pod or of a template, as the API server stores it
 * @see https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/apis/core/v1/defaults.go SetDefaults_Pod; what it does to
 * requests does not count
 * @see https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-token-volume
 */
export function asPod(spec: V1PodSpec): V1PodSpec {
  const tokens = new Set(spec.volumes?.filter(isToken).map(({ name }) => name));
  const alike = <C extends V1Container>({ volumeMounts, ports, ...container }: C) => ({
    ...container,
    volumeMounts: volumeMounts?.filter(
      ({ name, mountPath }) => !(tokens.has(name) && mountPath === directory),
    ),
    ports: spec.hostNetwork
      ? ports?.map((port) => ({ ...port, hostPort: port.hostPort || port.containerPort }))
      : ports,
  });
  return {
    ...spec,
    enableServiceLinks: spec.enableServiceLinks ?? true,
    initContainers: spec.initContainers?.map(alike),
    containers: spec.containers.map(alike),
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
