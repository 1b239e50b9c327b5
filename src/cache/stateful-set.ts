import type { V1Container, V1PodSpec, V1PodTemplateSpec, V1StatefulSet } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { isCovered } from "./covered.ts";
import type { ChildFacts } from "./facts.ts";
import { httpSecretReference } from "./http-secret.ts";
import { childLabels, selectorLabels } from "./labels.ts";
import { childMetadata, identityOf } from "./owner.ts";
import type { StoredOrasCache } from "./types.ts";

/**
 * The StatefulSet of a cache. Its registry runs as its image means it to, with settings by environment only, so
 * that images of distribution 2 and 3, which keep their files in different places, both work.
 *
 * @param cache - whose
 * @param facts - what it depends on
 */
export function statefulSet(cache: StoredOrasCache, facts: ChildFacts): V1StatefulSet {
  const owner = identityOf(cache);
  const template: V1PodTemplateSpec = {
    metadata: {
      labels: childLabels(owner.name),
      annotations: { "kubectl.kubernetes.io/default-container": names.registryContainer },
    },
    spec: podSpec(cache, facts),
  };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: childMetadata(owner),
    spec: {
      replicas: 1,
      serviceName: owner.name,
      // With OrderedReady a rollout that is stuck, on an image that is not there, is not repaired by the next one.
      podManagementPolicy: "Parallel",
      updateStrategy: { type: updateStrategy(cache, template, facts) },
      selector: { matchLabels: selectorLabels(owner.name) },
      template,
    },
  };
}

/**
 * A new Pod has an empty emptyDir: the artifacts are gone. So only a change of the spec, which somebody asked for,
 * replaces a Pod that has run. What else changes (another version of the operator, another default image) waits until
 * the Pod is deleted; the status says so.
 */
function updateStrategy(
  cache: StoredOrasCache,
  template: V1PodTemplateSpec,
  { statefulSet: live, mayHoldArtifacts }: ChildFacts,
): "RollingUpdate" | "OnDelete" {
  if (live === undefined || !mayHoldArtifacts || isOfAnotherSpec(live, cache)) return "RollingUpdate";
  const current = live.spec?.updateStrategy?.type === "OnDelete" ? "OnDelete" : "RollingUpdate";
  return isCovered(template, live.spec?.template) ? current : "OnDelete";
}

function isOfAnotherSpec(live: V1StatefulSet, cache: StoredOrasCache): boolean {
  const { generation } = identityOf(cache);
  const made = live.metadata?.annotations?.[names.generationAnnotation];
  // An older operator did not write it.
  return made === undefined ? cache.status?.observedGeneration !== generation : made !== String(generation);
}

function podSpec(cache: StoredOrasCache, facts: ChildFacts): V1PodSpec {
  return {
    automountServiceAccountToken: false,
    // A Service called "registry" would put REGISTRY_PORT into the environment, which the registry reads.
    enableServiceLinks: false,
    nodeSelector: { "kubernetes.io/os": "linux" },
    securityContext: {
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
      ...(facts.openshift ? {} : { runAsUser: names.uid, runAsGroup: names.uid, fsGroup: names.uid }),
    },
    containers: [registry(cache, facts)],
    volumes: [{ name: names.registryDataVolume, emptyDir: {} }],
  };
}

function registry(cache: StoredOrasCache, { registryImage }: ChildFacts): V1Container {
  const answers = { path: "/", port: names.registryContainer, scheme: "HTTP" };
  const orasEnv = cache.spec.secrets?.orasEnv;
  return {
    name: names.registryContainer,
    image: cache.spec.image ?? registryImage,
    ports: [{ name: names.registryContainer, containerPort: names.registryPort, protocol: "TCP" }],
    ...(orasEnv === undefined ? {} : { envFrom: [{ secretRef: { name: orasEnv } }] }),
    env: [
      {
        name: "REGISTRY_HTTP_SECRET",
        valueFrom: { secretKeyRef: httpSecretReference(cache) },
      },
      { name: "REGISTRY_HTTP_ADDR", value: `:${names.registryPort}` },
      { name: "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", value: names.registryDataPath },
      { name: "REGISTRY_STORAGE_DELETE_ENABLED", value: "true" },
      // Distribution 3 sends traces to localhost by default, and logs each failure.
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
