import type {
  V1Container,
  V1EnvVar,
  V1PodSpec,
  V1PodTemplateSpec,
  V1Probe,
  V1ResourceRequirements,
  V1Volume,
} from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { type AccessParts, accessParts } from "./access-pod.ts";
import { isClosed } from "./access-secrets.ts";
import { confined } from "./confined.ts";
import { spread } from "./disruption-budget.ts";
import type { ChildFacts } from "./facts.ts";
import { httpSecretReference } from "./http-secret.ts";
import { keeperParts } from "./keeper-pod.ts";
import { childLabels } from "./labels.ts";
import { identityOf } from "./owner.ts";
import { type S3Parts, s3Parts } from "./s3.ts";
import { mayBeElsewhere, storageOf } from "./storage.ts";
import type { StoredOrasCache } from "./types.ts";

/** The kubelet kills at the end of the grace period; a drain that lasts as long would be cut off in its last moment. */
const afterDrainSeconds = 15;

/**
 * What a registry that does nothing needs, measured: 42 MB, and almost no CPU. With a request its Pod is not BestEffort,
 * so the kubelet does not evict it first, and with it the artifacts of an emptyDir.
 */
const leastRequests: Readonly<Record<string, string>> = { cpu: "10m", memory: "64Mi" };

/**
 * The template of a registry's Pod. The registry runs as its image means it to, with settings by environment only, so
 * that images of distribution 2 and 3, which keep their files in different places, both work.
 *
 * @param cache - whose
 * @param facts - what it depends on
 */
export function registryPod(cache: StoredOrasCache, facts: ChildFacts): V1PodTemplateSpec {
  const { podLabels, podAnnotations } = cache.spec;
  const restart = restartOf(cache, facts);
  return {
    metadata: {
      labels: { ...podLabels, ...childLabels(identityOf(cache).name) },
      annotations: {
        ...podAnnotations,
        "kubectl.kubernetes.io/default-container": names.registryContainer,
        ...(restart === undefined ? {} : { [names.podRestartAnnotation]: restart }),
      },
    },
    spec: podSpec(cache, facts),
  };
}

/** When somebody asked for a restart last. It stays in the template: its removal would be another restart. */
function restartOf({ metadata }: StoredOrasCache, { statefulSet }: Pick<ChildFacts, "statefulSet">) {
  return metadata?.annotations?.[names.restartAnnotation] ?? restartIn(statefulSet?.spec?.template);
}

/** The restart that a template or a Pod was made for. */
export function restartIn(
  template: { readonly metadata?: V1PodTemplateSpec["metadata"] | undefined } | undefined,
): string | undefined {
  return template?.metadata?.annotations?.[names.podRestartAnnotation];
}

function podSpec(cache: StoredOrasCache, facts: ChildFacts): V1PodSpec {
  const { spec } = cache;
  const access = accessParts(isClosed(cache, facts), spec.tls !== undefined);
  const keeper = keeperParts(cache, facts);
  // Their schema has no required fields: the API server says what is missing when it sees the StatefulSet.
  const scheduling = {
    affinity: spec.affinity,
    tolerations: spec.tolerations,
    topologySpreadConstraints: spec.topologySpreadConstraints ?? spread(cache),
    priorityClassName: spec.priorityClassName,
    imagePullSecrets: spec.imagePullSecrets,
    serviceAccountName: spec.serviceAccountName,
  } as Partial<V1PodSpec>;
  return {
    automountServiceAccountToken: false,
    // A Service called "registry" would put REGISTRY_PORT into the environment, which the registry reads.
    enableServiceLinks: false,
    ...Object.fromEntries(Object.entries(scheduling).filter(([, value]) => value !== undefined)),
    nodeSelector: { ...spec.nodeSelector, "kubernetes.io/os": "linux" },
    securityContext: {
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
      // Else the kubelet changes the group of every blob at each start: minutes for a hundred thousand files.
      fsGroupChangePolicy: "OnRootMismatch",
      ...(facts.openshift ? {} : { runAsUser: names.uid, runAsGroup: names.uid, fsGroup: names.uid }),
    },
    terminationGracePeriodSeconds: spec.drainSeconds + afterDrainSeconds,
    ...(keeper.initContainers.length > 0 ? { initContainers: keeper.initContainers } : {}),
    containers: [
      registry(cache, facts, { ...access, env: [...access.env, ...keeper.env] }),
      ...keeper.containers,
    ],
    volumes: [...(s3Of(cache)?.volumes ?? [dataVolume(cache)]), ...access.volumes, ...keeper.volumes],
  };
}

/** What takes the place of the data volume where artifacts are in S3. */
function s3Of(cache: StoredOrasCache): S3Parts | undefined {
  const storage = storageOf(cache);
  return storage.kind === "s3" ? s3Parts(storage.s3, storage.prefix) : undefined;
}

function dataVolume(cache: StoredOrasCache): V1Volume {
  const storage = storageOf(cache);
  const name = names.registryDataVolume;
  if (storage.kind === "persistentVolumeClaim")
    return { name, persistentVolumeClaim: { claimName: storage.claim } };
  const sizeLimit = storage.kind === "emptyDir" ? storage.sizeLimit : undefined;
  return { name, emptyDir: sizeLimit === undefined ? {} : { sizeLimit } };
}

/**
 * The keeper says that a registry lives which serves TLS, and that it does not once its certificate was renewed: the kubelet
 * then starts the container again in place, and the emptyDir stays. A port of another container is found by its number only.
 * A keeper that ends again and again is away for five minutes at most, and takes no registry with it.
 */
const keeperSaysLive: V1Probe = {
  httpGet: { path: "/live", port: names.keeperPort, scheme: "HTTPS" },
  periodSeconds: 10,
  timeoutSeconds: 5,
  failureThreshold: 36,
};

function registry(cache: StoredOrasCache, facts: ChildFacts, access: AccessParts): V1Container {
  const isTls = cache.spec.tls !== undefined;
  const answers = { path: "/", port: names.registryContainer, scheme: isTls ? "HTTPS" : "HTTP" };
  const orasEnv = cache.spec.secrets?.orasEnv;
  const s3 = s3Of(cache);
  // Without S3 "/" answers 503, and a restart of every registry would not bring it back.
  const lives = s3 ? { tcpSocket: { port: names.registryContainer } } : { httpGet: answers };
  return {
    name: names.registryContainer,
    image: cache.spec.image ?? facts.registryImage,
    ports: [{ name: names.registryContainer, containerPort: names.registryPort, protocol: "TCP" }],
    ...(orasEnv === undefined ? {} : { envFrom: [{ secretRef: { name: orasEnv } }] }),
    env: environment(cache, access.env),
    resources: resourcesOf(cache),
    // "/" answers 200 in every version, also where "/v2/" asks for credentials.
    readinessProbe: { httpGet: answers, periodSeconds: 2, timeoutSeconds: 2 },
    livenessProbe: isTls
      ? keeperSaysLive
      : { ...lives, periodSeconds: 20, timeoutSeconds: 5, failureThreshold: 6 },
    securityContext: confined,
    volumeMounts: [
      ...(s3?.volumeMounts ?? [{ name: names.registryDataVolume, mountPath: names.registryDataPath }]),
      ...access.volumeMounts,
    ],
  };
}

const onDataVolume: V1EnvVar = {
  name: "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY",
  value: names.registryDataPath,
};

/** The operator's variables and the author's, who may set any that the CRD does not keep for the operator. */
function environment(cache: StoredOrasCache, access: readonly V1EnvVar[]): V1EnvVar[] {
  const theirs = (cache.spec.env ?? []) as V1EnvVar[];
  const isTheirs = ({ name }: V1EnvVar) => theirs.some((variable) => variable.name === name);
  const ours: V1EnvVar[] = [
    { name: "REGISTRY_HTTP_SECRET", valueFrom: { secretKeyRef: httpSecretReference(cache) } },
    { name: "REGISTRY_HTTP_ADDR", value: `:${names.registryPort}` },
    { name: "REGISTRY_HTTP_DRAINTIMEOUT", value: `${cache.spec.drainSeconds}s` },
    // Distribution panics where variables choose two storages. The images expect their data at this path anyway.
    ...(s3Of(cache)?.env ?? (mayBeElsewhere(cache) ? [] : [onDataVolume])),
    { name: "REGISTRY_STORAGE_DELETE_ENABLED", value: "true" },
    // The configuration of the images switches a cache on by which the registry answers for blobs that are gone, with
    // 200 and no bytes. It has no word for none; a type that it does not know switches the cache off.
    { name: "REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR", value: "none" },
    // Distribution 3 sends traces to localhost by default, and logs each failure.
    { name: "OTEL_TRACES_EXPORTER", value: "none" },
    ...access,
  ];
  return [...ours.filter((variable) => !isTheirs(variable)), ...theirs];
}

/** The author's, and least requests for what the author says nothing of. */
function resourcesOf({ spec }: StoredOrasCache): V1ResourceRequirements {
  const limits = texts(spec.resources?.limits);
  const requests = texts(spec.resources?.requests);
  const least = Object.entries(leastRequests).filter(([name]) => !(name in limits) && !(name in requests));
  const all = { ...Object.fromEntries(least), ...requests };
  return {
    ...(Object.keys(all).length > 0 ? { requests: all } : {}),
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
  };
}

function texts(quantities: Readonly<Record<string, string | number>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(quantities).map(([name, value]) => [name, String(value)]));
}
