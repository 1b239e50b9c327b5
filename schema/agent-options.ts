/** What runs in the containers of a step, and beside a registry: see agent/README.md. */
export type AgentCommand =
  | "install"
  | "pull"
  | "exec"
  | "started"
  | "ready"
  | "push"
  | "serve"
  | "sidecar"
  | "application"
  | "keep-init"
  | "keep";

interface AgentOption {
  /** A flag is true where it is named; lists are named again for each value. */
  readonly type: "text" | "texts" | "flag" | "count" | "bytes" | "seconds";
  readonly default?: string | number | boolean;
  readonly commands: readonly AgentCommand[];
  /** What it is, without its name. */
  readonly description: string;
}

const all = ["install", "pull", "exec", "push", "serve", "sidecar", "application"] as const;
const registry = ["pull", "push", "serve", "sidecar"] as const;
const logins = ["install", ...registry] as const;
const pullers = ["pull", "serve", "sidecar"] as const;
const pushers = ["push", "serve", "sidecar"] as const;
const program = ["exec", "application"] as const;
const keepers = ["keep-init", "keep"] as const;

/** The command line of the agent, which the operator writes and the agent reads. */
export const agentOptions = {
  share: {
    type: "text",
    commands: [...all, "started", "ready"],
    description: "the volume of the step, or what of it a wrapped container sees",
  },
  containers: {
    type: "count",
    default: 1,
    commands: ["install", "pull"],
    description: "how many containers are wrapped",
  },
  entrypoint: {
    type: "text",
    commands: ["install"],
    description: "the URL of the author's own application script",
  },
  "oras-entrypoint": {
    type: "text",
    commands: ["install"],
    description: "the URL of the author's own script that pulls and pushes",
  },
  "ca-file": {
    type: "text",
    commands: ["install"],
    description: "a file with CAs (PEM) that are trusted beside the system's; it need not be there",
  },
  "docker-config": {
    type: "text",
    commands: ["install"],
    description: "the folder in which the author's script that pulls and pushes finds the step's logins",
  },
  "forget-outputs": {
    type: "flag",
    commands: ["install", "pull"],
    description: "whether what an earlier round of all containers has handed over is dropped",
  },
  input: {
    type: "texts",
    commands: pullers,
    description: "the whole reference of an input, with its registry",
  },
  "mounted-inputs": {
    type: "flag",
    commands: ["pull", "serve"],
    description: "whether inputs are volumes of the Pod, and only what their tags stand for is looked up",
  },
  "wait-for-inputs": {
    type: "flag",
    commands: pullers,
    description: "whether inputs that are not there are waited for",
  },
  "wait-timeout": {
    type: "seconds",
    commands: pullers,
    description: "how long; 0 is for ever",
  },
  output: {
    type: "text",
    commands: registry,
    description: "the whole reference of the artifact that is pushed",
  },
  unpack: {
    type: "flag",
    default: true,
    commands: pullers,
    description: "whether inputs that are archives are unpacked",
  },
  "input-path": { type: "text", commands: program, description: "where inputs are unpacked" },
  streams: {
    type: "flag",
    commands: ["exec"],
    description: "whether inputs come from a container `oras`, without whose word the program does not start",
  },
  "keep-inputs": {
    type: "flag",
    commands: ["exec"],
    description: "whether another attempt needs the inputs",
  },
  pushes: {
    type: "flag",
    commands: ["exec"],
    description: "whether a container `oras` has to know how the program ended",
  },
  "output-path": { type: "text", commands: program, description: "what is packed" },
  "output-pipe": {
    type: "text",
    commands: program,
    description: "the file that gets a copy of the program's standard output",
  },
  "push-on": {
    type: "text",
    default: "success",
    commands: ["exec", "push", "serve"],
    description: "after which ends of the program its output is pushed: as the annotation says",
  },
  "failure-output": {
    type: "text",
    commands: ["push", "serve"],
    description: "the whole reference of the artifact that is pushed after a failure",
  },
  "keep-failure": {
    type: "flag",
    commands: ["exec"],
    description: "whether output and log of a program that fails are handed over",
  },
  "oras-comes-back": {
    type: "flag",
    commands: ["exec"],
    description: "whether the kubelet starts the container `oras` again",
  },
  variable: {
    type: "texts",
    commands: program,
    description: "the name of an environment variable that is not the program's",
  },
  "leave-out": {
    type: "texts",
    commands: ["exec"],
    description: "a mount that is never packed (JSON: path, and what it is)",
  },
  policy: {
    type: "texts",
    commands: pushers,
    description: "what the kubelet does when a wrapped container ends (JSON), for each in their order",
  },
  image: {
    type: "texts",
    commands: pushers,
    description: "the image of a wrapped container, for each in their order",
  },
  compression: {
    type: "text",
    default: "auto",
    commands: pushers,
    description: "how directories are packed: as the annotation says",
  },
  format: {
    type: "text",
    default: "artifact",
    commands: ["exec", ...pushers],
    description: "what is pushed: as the annotation says",
  },
  timeout: { type: "seconds", commands: logins, description: "how long a registry is waited for" },
  "stall-timeout": {
    type: "seconds",
    commands: registry,
    description: "how long no byte may move before a connection is given up",
  },
  limit: {
    type: "bytes",
    commands: ["pull", "sidecar", "keep"],
    description: "how much the volume of the step, or of the registry, takes; 0 where that is not known",
  },
  credentials: { type: "text", commands: logins, description: "the folder of the step's Secret" },
  "credentials-host": {
    type: "text",
    commands: registry,
    description: "the one host that user and passwords are shown to, unless the Secret names another",
  },
  "cache-credentials": {
    type: "text",
    commands: logins,
    description: "the folder with the login and the CA of the step's own cache, which may come later",
  },
  "cache-host": {
    type: "text",
    commands: logins,
    description: "the host of the step's own cache, where that is spoken to over TLS",
  },
  "plain-login-host": {
    type: "text",
    commands: [...logins, "keep"],
    description: "the one host that a login is shown to without TLS: the step's own cache",
  },
  keeper: {
    type: "text",
    commands: ["pull", "serve"],
    description: "where the keeper of the registry that the output goes to listens, if it has one",
  },
  "message-path": {
    type: "text",
    default: "/dev/termination-log",
    commands: [...all, ...keepers],
    description: "the file of the termination message",
  },
  debug: {
    type: "flag",
    commands: [...all, ...keepers],
    description: "whether the log says everything that is done",
  },
  key: {
    type: "text",
    commands: keepers,
    description: "the folder of the Secret with the cache's key, from which passwords are derived",
  },
  htpasswd: {
    type: "text",
    commands: keepers,
    description: "the file that the registry reads users from; empty where everybody may do everything",
  },
  user: {
    type: "texts",
    commands: keepers,
    description: "a user of the operator's, oras-1 and so on; `keep` goes on with those that the file has",
  },
  users: {
    type: "text",
    commands: keepers,
    description: "the folder of a Secret with other users, as lines of htpasswd",
  },
  environment: {
    type: "text",
    commands: ["keep-init"],
    description: "the folder of the Secret that the registry gets variables from; its names are looked at",
  },
  "storage-written": {
    type: "flag",
    commands: ["keep-init"],
    description: "whether the operator writes where artifacts are",
  },
  data: {
    type: "text",
    commands: ["keep"],
    description: "the root directory of the registry; empty where that is on no volume of the Pod",
  },
  "refuse-at": {
    type: "count",
    default: 95,
    commands: ["keep"],
    description: "how full the volume may be, in percent, until steps are told that there is no room",
  },
  "cache-uid": {
    type: "text",
    commands: ["keep"],
    description: "the UID of the OrasCache, for the mark on a volume that has none yet",
  },
  tls: {
    type: "text",
    commands: keepers,
    description:
      "the file that the registry reads its certificate and key from; empty where it serves no TLS",
  },
  certificate: {
    type: "text",
    commands: keepers,
    description: "the folder of the author's Secret with the certificate; empty where the keeper issues it",
  },
  name: {
    type: "texts",
    commands: keepers,
    description: "a name of the registry in its certificate; the first is the one that steps use",
  },
  registry: {
    type: "text",
    default: "127.0.0.1:5000",
    commands: ["keep"],
    description: "where the registry listens, which is asked for its certificate",
  },
  listen: {
    type: "text",
    default: ":5002",
    commands: ["keep"],
    description: "where the operator, steps and the kubelet ask",
  },
  metrics: { type: "text", default: ":5001", commands: ["keep"], description: "where /metrics is" },
  events: {
    type: "text",
    commands: ["keep"],
    description: "where the registry tells of pulls and pushes; empty where it does not",
  },
  "mirror-to": {
    type: "text",
    commands: ["keep"],
    description: "the registry that artifacts are copied to; empty where they are not",
  },
  "mirror-repository": {
    type: "texts",
    commands: ["keep"],
    description: "which repositories are copied: a name, or a glob",
  },
  "mirror-credentials": {
    type: "text",
    commands: ["keep"],
    description: "the folder of the Secret with logins for that registry",
  },
  "export-credentials": {
    type: "text",
    commands: ["keep"],
    description:
      "the folder of the Secret with logins for the registry that everything is copied to in the end",
  },
  "s3-endpoint": {
    type: "text",
    commands: ["keep"],
    description:
      "the URL of the object storage that the registry keeps its artifacts in; empty where it does not. The keys are those of the registry's environment",
  },
  "s3-bucket": {
    type: "text",
    commands: ["keep"],
    description: "the bucket there",
  },
  "s3-region": {
    type: "text",
    commands: ["keep"],
    description: "its region",
  },
  "s3-folder": {
    type: "text",
    commands: ["keep"],
    description: "the registry's folder in the bucket",
  },
  "s3-virtual-host": {
    type: "flag",
    commands: ["keep"],
    description: "whether the bucket is part of the host of a URL",
  },
  installation: {
    type: "text",
    commands: ["keep"],
    description: "whose the folder has to be: the installation, see ADR 44",
  },
  cache: {
    type: "text",
    commands: ["keep"],
    description: "whose the folder has to be: the OrasCache, as namespace/name",
  },
  "registry-metrics": {
    type: "text",
    default: "http://127.0.0.1:5003/metrics",
    commands: ["keep"],
    description: "where the registry's own metrics are",
  },
} as const satisfies Record<string, AgentOption>;
