import type { V1Container, V1EnvVar, V1Volume, V1VolumeMount } from "@kubernetes/client-node";
import type { agentOptions } from "../../schema/agent-options.ts";
import { names } from "../../schema/names.ts";
import { amountOf } from "../annotations/quantity.ts";
import { cacheKey, installationId, keySecretName } from "./access.ts";
import { htpasswd } from "./access-pod.ts";
import { isClosed, needsKey } from "./access-secrets.ts";
import { confined } from "./confined.ts";
import { exportSecretName } from "./export.ts";
import type { ChildFacts } from "./facts.ts";
import { limitsOf } from "./fullness.ts";
import { keeperResources } from "./keeper-resources.ts";
import { validUsers } from "./logins.ts";
import { type MirrorParts, mirrorParts } from "./mirror.ts";
import { identityOf } from "./owner.ts";
import { s3KeeperParts } from "./s3.ts";
import { asksForExport, hasKeeper, keepsArtifacts, runsKeeper, storageOf } from "./storage.ts";
import { certificateFile, certificateNames } from "./tls.ts";
import type { StoredOrasCache } from "./types.ts";

/** What runs beside a registry, and before it. */
export interface KeeperParts {
  readonly initContainers: V1Container[];
  readonly containers: V1Container[];
  /** Of the registry. */
  readonly env: readonly V1EnvVar[];
  readonly volumes: readonly V1Volume[];
}

/**
 * The keeper of a registry, which is the agent. Before the registry it writes the users file and the certificate, and looks
 * at the names of its variables; beside it, it renews the certificate and knows how full the volume is.
 *
 * @param cache - whose
 * @param facts - what it depends on
 */
export function keeperParts(cache: StoredOrasCache, facts: ChildFacts): KeeperParts {
  const keeps = runsKeeper(cache);
  const mirror = mirrorParts(cache, facts);
  const closed = isClosed(cache, facts);
  const { secrets, tls, auth } = cache.spec;
  const orasEnv = secrets?.orasEnv;
  return {
    initContainers:
      closed || tls !== undefined || orasEnv !== undefined ? [keeperInit(cache, facts, closed)] : [],
    containers: keeps ? [keeper(cache, facts, closed, mirror)] : [],
    env: [...(keeps ? registryMetrics : []), ...(keepsArtifacts(cache) ? [registryEvents] : [])],
    volumes: [
      ...(needsKey(cache, facts) ? [keyVolume(cache, facts)] : []),
      ...(orasEnv === undefined ? [] : [secretVolume(names.registryEnvironmentVolume, orasEnv)]),
      ...(tls?.secretName === undefined
        ? []
        : [optionalVolume(names.registryCertificateVolume, tls.secretName)]),
      ...(auth?.usersSecretRef === undefined
        ? []
        : [optionalVolume(names.registryUsersVolume, auth.usersSecretRef.name)]),
      ...mirror.volumes,
      ...(canExport(cache) ? [optionalVolume(names.exportVolume, exportSecretName(cache))] : []),
    ],
  };
}

/** The configuration of distribution 3 has them on all addresses of the Pod, with a profiler, where the keeper's are. */
const registryMetrics: readonly V1EnvVar[] = [
  { name: "REGISTRY_HTTP_DEBUG_ADDR", value: `127.0.0.1:${names.registryDebugPort}` },
  { name: "REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED", value: "true" },
];

/**
 * The registry tells the keeper of pulls and pushes of manifests. Of blobs, which there are many of and which a manifest names,
 * it says nothing. An address of the Pod alone needs no password, and no certificate.
 *
 * @see https://distribution.github.io/distribution/about/configuration/#notifications
 */
const registryEvents: V1EnvVar = {
  name: "REGISTRY_NOTIFICATIONS_ENDPOINTS",
  value: JSON.stringify([
    {
      name: names.keeperContainer,
      url: `http://127.0.0.1:${names.registryEventsPort}/`,
      timeout: "5s",
      threshold: 3,
      backoff: "2s",
      ignoredmediatypes: ["application/octet-stream"],
    },
  ]),
};

function keeperInit(cache: StoredOrasCache, facts: ChildFacts, closed: boolean): V1Container {
  const { agentImage: image } = facts;
  const { secrets, storage } = cache.spec;
  const writes = writesOf(cache, facts, closed);
  const looks = secrets?.orasEnv !== undefined;
  return {
    name: names.keeperInitContainer,
    image,
    command: [names.agentPath, "keep-init"],
    args: [
      ...writes.args,
      ...(looks ? [option("environment", names.registryEnvironmentPath)] : []),
      ...(looks && storage !== undefined ? ["--storage-written"] : []),
    ],
    resources: keeperResources(cache.spec.resources),
    securityContext: confined,
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      ...writes.mounts,
      ...(looks ? [mount(names.registryEnvironmentVolume, names.registryEnvironmentPath, true)] : []),
    ],
  };
}

function keeper(
  cache: StoredOrasCache,
  facts: ChildFacts,
  closed: boolean,
  mirror: MirrorParts,
): V1Container {
  const { agentImage: image } = facts;
  const writes = writesOf(cache, facts, closed);
  const measures = hasKeeper(cache);
  const storage = storageOf(cache);
  const s3 =
    storage.kind === "s3" ? s3KeeperParts(cache, storage.s3, installationId(facts.operatorKey)) : undefined;
  const sizeLimit = storage.kind === "emptyDir" ? storage.sizeLimit : undefined;
  const env = [
    ...Object.entries(canExport(cache) ? facts.proxies : {}).flatMap(([name, value]) =>
      value ? [{ name, value }] : [],
    ),
    ...(s3?.env ?? []),
  ];
  return {
    name: names.keeperContainer,
    image,
    command: [names.agentPath, "keep"],
    args: [
      ...(writes.args.length > 0 ? writes.args : [option("key", names.registryKeyPath)]),
      ...(measures ? [option("data", names.registryDataPath)] : []),
      ...(keepsArtifacts(cache) ? [option("events", `127.0.0.1:${names.registryEventsPort}`)] : []),
      option("cache-uid", identityOf(cache).uid),
      ...(sizeLimit === undefined ? [] : [option("limit", String(Math.floor(amountOf(sizeLimit))))]),
      option("refuse-at", String(limitsOf(cache).refuseAt)),
      ...mirror.options.map(([name, value]) => option(name, value)),
      ...(canExport(cache) ? [option("export-credentials", names.exportPath)] : []),
      ...(s3?.options ?? []).map(([name, value]) => option(name, value)),
    ],
    ...(env.length === 0 ? {} : { env }),
    ports: [
      { name: "metrics", containerPort: names.registryMetricsPort, protocol: "TCP" },
      { name: names.keeperContainer, containerPort: names.keeperPort, protocol: "TCP" },
    ],
    resources: keeperResources(cache.spec.resources),
    securityContext: confined,
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: [
      ...(measures ? [mount(names.registryDataVolume, names.registryDataPath)] : []),
      ...(writes.mounts.length > 0 ? writes.mounts : [keyMount]),
      ...mirror.volumeMounts,
      ...(canExport(cache) ? [mount(names.exportVolume, names.exportPath, true)] : []),
      ...(s3?.volumeMounts ?? []),
    ],
  };
}

/** Without a value it is a flag. */
function option(name: keyof typeof agentOptions, value?: string): string {
  return value === undefined ? `--${name}` : `--${name}=${value}`;
}

/**
 * Whether a keeper can copy everything when its cache is deleted. One that looks after artifacts can always: in an emptyDir it is
 * too late for another Pod then.
 */
function canExport(cache: StoredOrasCache): boolean {
  return keepsArtifacts(cache) || asksForExport(cache);
}

const keyMount = mount(names.registryKeyVolume, names.registryKeyPath, true);

/** What the keeper writes for the registry, if anything: before it starts, and while it runs. */
function writesOf(cache: StoredOrasCache, { clusterDomain }: ChildFacts, closed: boolean) {
  const { tls, auth } = cache.spec;
  if (!closed && tls === undefined) return { args: [], mounts: [] };
  const hasUsers = closed && auth?.usersSecretRef !== undefined;
  const isAuthors = tls?.secretName !== undefined;
  return {
    args: [
      option("key", names.registryKeyPath),
      ...(closed
        ? [option("htpasswd", htpasswd), ...validUsers(cache).map((user) => option("user", user))]
        : []),
      ...(hasUsers ? [option("users", names.registryUsersPath)] : []),
      ...(tls === undefined ? [] : [option("tls", certificateFile)]),
      ...(isAuthors ? [option("certificate", names.registryCertificatePath)] : []),
      ...(tls === undefined
        ? []
        : certificateNames(identityOf(cache), cache.spec, clusterDomain).map((name) => option("name", name))),
    ],
    mounts: [
      keyMount,
      mount(names.registryAuthVolume, names.registryAuthPath),
      ...(hasUsers ? [mount(names.registryUsersVolume, names.registryUsersPath, true)] : []),
      ...(isAuthors ? [mount(names.registryCertificateVolume, names.registryCertificatePath, true)] : []),
    ],
  };
}

/** Optional: the keeper says in words that it is not there, where the kubelet would only wait. */
function optionalVolume(name: string, secretName: string): V1Volume {
  return { name, secret: { secretName, optional: true, defaultMode: 0o440 } };
}

function mount(name: string, mountPath: string, readOnly = false): V1VolumeMount {
  return { name, mountPath, ...(readOnly ? { readOnly } : {}) };
}

function keyVolume(cache: StoredOrasCache, { operatorKey }: ChildFacts): V1Volume {
  const owner = identityOf(cache);
  return secretVolume(names.registryKeyVolume, keySecretName(cacheKey(operatorKey, owner), owner.name));
}

function secretVolume(name: string, secretName: string): V1Volume {
  return { name, secret: { secretName, defaultMode: 0o440 } };
}
