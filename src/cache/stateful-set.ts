import type { V1Container, V1PodSpec, V1StatefulSet } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { httpSecretKey, httpSecretName } from "./http-secret.ts";
import { type CacheIdentity, childLabels, childMetadata, selectorLabels } from "./owner.ts";
import type { StoredOrasCacheSpec } from "./types.ts";

/** Facts about the cluster that the children depend on. */
export interface ClusterTraits {
  /** OpenShift assigns user IDs itself and refuses fixed ones. */
  readonly openshift: boolean;
}

/**
 * The StatefulSet of a cache. Its registry runs as its image means it to, with settings by environment only, so
 * that images of distribution 2 and 3, which keep their files in different places, both work.
 *
 * @param cache - whose
 * @param spec - its spec
 * @param cluster - where it will run
 */
export function desiredStatefulSet(
  cache: CacheIdentity,
  spec: StoredOrasCacheSpec,
  cluster: ClusterTraits,
): V1StatefulSet {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: childMetadata(cache),
    spec: {
      replicas: 1,
      serviceName: cache.name,
      // With OrderedReady a rollout that got stuck, on an image that is not there, is not mended by the next.
      podManagementPolicy: "Parallel",
      selector: { matchLabels: selectorLabels(cache.name) },
      template: {
        metadata: {
          labels: childLabels(cache.name),
          annotations: { "kubectl.kubernetes.io/default-container": names.registryContainer },
        },
        spec: podSpec(cache, spec, cluster),
      },
    },
  };
}

function podSpec(cache: CacheIdentity, spec: StoredOrasCacheSpec, cluster: ClusterTraits): V1PodSpec {
  return {
    automountServiceAccountToken: false,
    // A Service called "registry" would put REGISTRY_PORT into the environment, which the registry reads.
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
      ...(cluster.openshift ? {} : { runAsUser: names.uid, runAsGroup: names.uid, fsGroup: names.uid }),
    },
    containers: [registry(cache, spec)],
    volumes: [{ name: names.registryDataVolume, emptyDir: {} }],
  };
}

function registry(cache: CacheIdentity, spec: StoredOrasCacheSpec): V1Container {
  const answers = { path: "/", port: names.registryContainer, scheme: "HTTP" };
  const orasEnv = spec.secrets?.orasEnv;
  return {
    name: names.registryContainer,
    image: spec.image,
    ports: [{ name: names.registryContainer, containerPort: names.registryPort, protocol: "TCP" }],
    ...(orasEnv === undefined ? {} : { envFrom: [{ secretRef: { name: orasEnv } }] }),
    env: [
      {
        name: "REGISTRY_HTTP_SECRET",
        valueFrom: { secretKeyRef: { name: httpSecretName(cache.name, spec), key: httpSecretKey } },
      },
      { name: "REGISTRY_HTTP_ADDR", value: `:${names.registryPort}` },
      { name: "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", value: names.registryDataPath },
      { name: "REGISTRY_STORAGE_DELETE_ENABLED", value: "true" },
      // Distribution 3 sends traces to localhost unless told not to, and logs each failure.
      { name: "OTEL_TRACES_EXPORTER", value: "none" },
    ],
    // "/" answers 200 in every version, also where "/v2/" asks for credentials.
    readinessProbe: { httpGet: answers, periodSeconds: 2, timeoutSeconds: 2 },
    livenessProbe: { httpGet: answers, periodSeconds: 20, timeoutSeconds: 5, failureThreshold: 6 },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
    },
    volumeMounts: [{ name: names.registryDataVolume, mountPath: names.registryDataPath }],
  };
}
