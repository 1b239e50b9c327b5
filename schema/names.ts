import packageJson from "../package.json" with { type: "json" };

const group = "cache.converged-computing.github.io";
const version = "v1alpha1";
const domain = "oras.converged-computing.github.io";
const prefix = `${domain}/`;
const operator = "oras-operator";
const operatorImageRepository = "ghcr.io/converged-computing/oras-operator";
const agentImageRepository = "ghcr.io/converged-computing/oras-operator-agent";
const scriptsImageRepository = "ghcr.io/converged-computing/oras-operator-scripts";

/** Names that more than one part of the product must agree on. The chart and the agent get them by generation. */
export const names = {
  group,
  kind: "OrasCache",
  plural: "orascaches",
  singular: "orascache",
  shortName: "oc",
  version,
  apiVersion: `${group}/${version}`,
  prefix,
  markerAnnotation: `${prefix}injected`,
  /** On what was injected, and in the variable of its added containers: the uid of the review that did it. */
  requestAnnotation: `${prefix}request-id`,
  requestVariable: "ORAS_OPERATOR_REQUEST_ID",
  injectedLabel: `${prefix}injected`,
  /** Its value on a Job that is not injected itself, but whose Pods are. */
  injectedPods: "pods",
  /** On the Pod of a step that waits: what it pulls of each input, and the variable of the container that pulls. */
  inputDigestsAnnotation: `${prefix}input-digests`,
  inputDigestsVariable: "ORAS_OPERATOR_INPUT_DIGESTS",
  inputPinnedVariable: "ORAS_OPERATOR_INPUT_PINNED",
  usesCacheLabel: `${prefix}uses-cache`,
  /** On a step that the operator holds until its inputs are there: "true", and "false" once it may start. */
  waitingLabel: `${prefix}waiting`,
  /** On the same: how it is held, see src/workflow/gate.ts. */
  gateAnnotation: `${prefix}gate`,
  /** On the same: what it waits for, as JSON, so that the next leader knows what this one knew. */
  waitingForAnnotation: `${prefix}waiting-for`,
  /** On a step that may be memoized: the key that it was opened with, for the entry that is written when it has succeeded. */
  memoKeyAnnotation: `${prefix}memo-key`,
  /** On a step whose result is about to be given to it: key and digest. */
  memoClaimAnnotation: `${prefix}memo-claim`,
  /** On a step that did not run: who made its result. */
  memoizedFromAnnotation: `${prefix}memoized-from`,
  /** On the same: "true". */
  memoizedLabel: `${prefix}memoized`,
  /** The scheduling gate of a Pod that waits for its inputs. */
  inputsGate: `${prefix}inputs`,
  /** Label of what Kueue admits, and its annotation with the names of those whom it waits for before it does. */
  kueueQueueLabel: "kueue.x-k8s.io/queue-name",
  kueueGatesAnnotation: "kueue.x-k8s.io/admission-gated-by",
  /** In `managedBy` of a Job whose status the controller of Kubernetes writes; also where there is none. */
  jobController: "kubernetes.io/job-controller",
  kueueGroup: "kueue.x-k8s.io",
  /** The condition of a step that waits, or has waited. */
  inputsAvailable: `${prefix}InputsAvailable`,
  /** The condition of a Job with output-index that is complete. */
  outputIndexed: `${prefix}OutputIndexed`,
  cacheLabel: `${prefix}cache`,
  /** On children: the generation of the OrasCache that they were made from. */
  generationAnnotation: `${prefix}generation`,
  /** On a StatefulSet: who reaches the registry over the network, where the operator has made a NetworkPolicy. */
  networkPolicyAnnotation: `${prefix}network-policy`,
  /** On an OrasCache: another value restarts the registry's Pod, also where its artifacts are lost then. */
  restartAnnotation: `${prefix}restart`,
  /** The same on the registry's Pod: what stands under the prefix on a Pod is about a step. */
  podRestartAnnotation: `registry.${domain}/restart`,
  /** On an OrasCache: another value makes another login. */
  rotateAnnotation: `${prefix}rotate`,
  /** On an OrasCache: another value makes the operator forget results of steps. */
  forgetAnnotation: `${prefix}forget`,
  /** On an OrasCache: the registry that its artifacts are copied to when it is deleted. */
  exportAnnotation: `${prefix}export-to`,
  /** What that annotation may be, as messages say it. */
  exportAllowed:
    "allowed is oci://HOST, oci://HOST:PORT or oci://HOST/PATH of a registry, in lower case after the host; http:// instead of oci:// for one without TLS",
  /** On an OrasCache with that annotation, until its artifacts are copied. */
  exportFinalizer: `${prefix}export`,
  /** What the name of the Secret with the login for that registry has after that of the cache. */
  exportSecretSuffix: "-export",
  /** On an OrasCache with storage.s3.onDelete: Delete, until its folder of the bucket is empty. */
  emptyFinalizer: `${prefix}empty`,
  shareVolume: "oras-share",
  sharePath: "/mnt/oras",
  credentialsVolume: "oras-credentials",
  credentialsPath: "/var/run/oras/credentials",
  cacheLoginVolume: "oras-cache-login",
  cacheLoginPath: "/var/run/oras/cache",
  /** Of a script of the author's that pulls and pushes: a folder that it may write to, with a copy of the logins. */
  scriptLoginVolume: "oras-script-login",
  scriptLoginPath: "/var/run/oras/docker",
  /** An input that is mounted. */
  inputVolume: "oras-input",
  pushContainer: "oras",
  pullContainer: "oras-pull",
  installContainer: "oras-install",
  /** Of the program in its image. */
  agentPath: "/agent",
  uid: 65532,
  registryContainer: "registry",
  registryPort: 5000,
  registryImage: "docker.io/library/registry:3.1.2",
  registryStorageVariable: "REGISTRY_STORAGE",
  registryDataVolume: "registry-data",
  registryDataPath: "/var/lib/registry",
  registryS3CaVolume: "registry-s3-ca",
  registryS3CaPath: "/var/run/oras/s3-ca",
  /** What the name of a cache's second Service has after that of the cache. */
  registryServiceSuffix: "-registry",
  keeperInitContainer: "keeper-init",
  keeperContainer: "keeper",
  keeperPort: 5002,
  registryMetricsPort: 5001,
  /** Of the registry itself, which has a profiler there, too: in its Pod only. */
  registryDebugPort: 5003,
  /** Where the registry tells its keeper of pulls: in its Pod only. */
  registryEventsPort: 5004,
  /** Of those that read manifests to list them: that is no pull. */
  listingUserAgent: `${operator}-list`,
  mirrorVolume: "registry-mirror",
  mirrorPath: "/var/run/oras/mirror",
  exportVolume: "registry-export",
  exportPath: "/var/run/oras/export",
  registryEnvironmentVolume: "registry-environment",
  registryEnvironmentPath: "/var/run/oras/environment",
  registryAuthVolume: "registry-auth",
  registryAuthPath: "/var/run/oras/auth",
  /** The author's Secret with other users of the registry. */
  registryUsersVolume: "registry-users",
  registryUsersPath: "/var/run/oras/users",
  /** The author's Secret with the registry's certificate. */
  registryCertificateVolume: "registry-certificate",
  registryCertificatePath: "/var/run/oras/certificate",
  /** What the name of the ConfigMap with a registry's CAs has after that of the cache. */
  caConfigMapSuffix: "-ca",
  registryKeyVolume: "registry-key",
  registryKeyPath: "/var/run/oras/key",
  operatorImageRepository,
  agentImageRepository,
  scriptsImageRepository,
  operatorImage: `${operatorImageRepository}:${packageJson.version}`,
  agentImage: `${agentImageRepository}:${packageJson.version}`,
  scriptsImage: `${scriptsImageRepository}:${packageJson.version}`,
  operatorNamespace: `${operator}-system`,
  operatorName: operator,
  // Other names than the original's: its Deployment's selector cannot change, its ServiceAccount has other rights,
  // and its Service selects its Pods.
  deployment: operator,
  serviceAccount: operator,
  webhookService: `${operator}-webhook`,
  webhookPath: "/mutate",
  webhookSecret: `${operator}-webhook-cert`,
  /** In the operator's namespace: what the passwords of all caches are made from. */
  cacheKeySecret: `${operator}-cache-key`,
  webhookConfiguration: `${operator}-mutating-webhook-configuration`,
  podsWebhook: `pods.${domain}`,
  jobsWebhook: `jobs.${domain}`,
  lease: `${operator}-leader`,
  fieldManager: operator,
  minimumKubernetesMinor: 30,
  /** From here on the feature gates of Pods without an init container are on by default: KEP-3721, KEP-5307. */
  hookShapeMinor: 35,
  /** From here on the feature gate of image volumes is on by default: KEP-4639. */
  imageVolumesMinor: 35,
  /** Where nothing says otherwise; kubeadm, kind and the hosted clusters use it. */
  clusterDomain: "cluster.local",
  variablePrefix: "ORAS_OPERATOR_",
  /** Variable of the first added container that says what was injected into the Pod. */
  injectionVariable: "ORAS_OPERATOR_INJECTION",
  /** Variable of a wrapped container that the kubelet reads from a file of the container oras, which has to be there. */
  readyVariable: "ORAS_AGENT_READY",
  artifactType: "application/vnd.converged-computing.oras-operator.artifact.v1",
  artifactImageAnnotation: `${prefix}image`,
  artifactInputAnnotation: `${prefix}input`,
  /** On the manifest of a statement about an artifact: the UID of the Pod that made it. */
  invocationAnnotation: `${prefix}invocation-id`,
  /** On an artifact that an index lists: the index of the Pod that pushed it. */
  completionIndexAnnotation: `${prefix}completion-index`,
  artifactUnpackAnnotation: `${prefix}unpack`,
  /** On a manifest, and on an OrasCache: what retention does not delete. */
  keepAnnotation: `${prefix}keep`,
  /** The repository of a registry that is the operator's own, which no list shows. */
  stateRepository: `${operator}-state`,
  /** The tag, in that repository, of what says whose folder of a bucket it is. */
  ownerTag: "owner",
  ownerInstallationAnnotation: `${prefix}installation`,
  ownerCacheAnnotation: `${prefix}owner`,
  /** On the layer of a single file whose mode is not 0644. */
  artifactModeAnnotation: `${prefix}mode`,
  /** Of a manifest that says what a step with a key has made, and of the blob that the key is the digest of. */
  memoArtifactType: "application/vnd.converged-computing.oras-operator.memo.v1",
  memoPartsType: "application/vnd.converged-computing.oras-operator.memo-key.v1+json",
  /** On such a manifest: what it says, as JSON, and the operator's signature of that. */
  memoAnnotation: `${prefix}memo`,
  memoSignatureAnnotation: `${prefix}memo-signature`,
  /** Where they are, unless the OrasCache says otherwise. */
  memoRepository: "oras-memo",
} as const;
