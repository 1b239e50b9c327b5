import { names } from "./names.ts";

interface OptionData {
  readonly type: "string" | "integer" | "boolean";
  readonly default?: string | number | boolean;
  /** What the default is, where it is not a constant. */
  readonly defaultText?: string;
  readonly choices?: readonly string[];
  /** The environment variable, where it is not named after the option. */
  readonly env?: string;
  readonly description: string;
}

/** Settings of the operator's process: each is a flag, an environment variable and a value of the chart. */
const options = {
  agentImage: {
    type: "string",
    default: names.agentImage,
    description: "Image of the containers that are added to Pods.",
  },
  scriptsImage: {
    type: "string",
    default: names.scriptsImage,
    description:
      "Image of the added container that runs a script of the annotation oras-entrypoint. It has a shell and the oras CLI.",
  },
  registryImage: {
    type: "string",
    default: names.registryImage,
    description:
      "Image of the registries whose OrasCache has no spec.image. One that runs on a volume changes to a new image at once, one in an emptyDir when its Pod is restarted.",
  },
  registryAuth: {
    type: "string",
    choices: ["htpasswd", "none"],
    default: "htpasswd",
    description:
      "Whether registries whose OrasCache has no spec.auth ask for a password. A registry that runs already without one stays open.",
  },
  registryNetworkPolicy: {
    type: "string",
    choices: ["namespace", "none"],
    default: "namespace",
    description:
      "Whether registries whose OrasCache has no spec.networkPolicy are closed to Pods of other namespaces. A registry that runs already without a NetworkPolicy stays so.",
  },
  clusterDomain: {
    type: "string",
    default: "",
    description:
      "DNS domain of the cluster. If it is empty, the domain in /etc/resolv.conf of the operator's Pod is used, or cluster.local.",
  },
  webhookPort: { type: "integer", default: 9443, description: "Port of the admission webhook." },
  metricsPort: { type: "integer", default: 8080, description: "Port of the metrics endpoint (Prometheus)." },
  healthPort: { type: "integer", default: 8081, description: "Port of /healthz and /readyz." },
  certificateDirectory: {
    type: "string",
    defaultText: "none: the operator issues and rotates its own certificate",
    description: "Directory with tls.crt and tls.key, as cert-manager writes them.",
  },
  leaderElect: {
    type: "boolean",
    default: true,
    description: "Whether to use leader election. Only the leader reconciles.",
  },
  imageLookup: {
    type: "boolean",
    default: true,
    description:
      "Whether to look up the entrypoint of an image in its registry if a container to wrap has no command: anonymously, or with the imagePullSecrets of the Pod if the operator may read them. With false, such containers are refused.",
  },
  imageLookupHosts: {
    type: "string",
    defaultText: "none",
    description:
      "Registries without public addresses in which images may be looked up, as in image names, separated by commas, such as harbor.example.com,registry.example.com:5000.",
  },
  httpProxy: {
    type: "string",
    env: "HTTP_PROXY",
    defaultText: "none",
    description:
      "Proxy for HTTP of the containers that are added to Pods, such as http://proxy.example.com:3128.",
  },
  httpsProxy: {
    type: "string",
    env: "HTTPS_PROXY",
    defaultText: "none",
    description:
      "Proxy for HTTPS of the containers that are added to Pods, and of the operator where it looks up images. Who may read a Pod can read it there, so it should have no password.",
  },
  noProxy: {
    type: "string",
    env: "NO_PROXY",
    defaultText: "none",
    description:
      "What is reached without a proxy: hosts, which are those of all below them too, addresses and networks, separated by commas. The Services of the cluster are always reached without one.",
  },
  shareSizeLimit: {
    type: "string",
    defaultText: "none",
    description:
      "Default sizeLimit of the emptyDir volume that is added to Pods, such as 10Gi, for clusters whose policies require one.",
  },
  podShape: {
    type: "string",
    choices: ["auto", "init"],
    default: "init",
    description:
      "How steps are laid out in Pods. With init, an init container pulls the inputs. With auto, Pods that allow it get none and start sooner, if the API server has the feature gates EnvFiles and ContainerRestartRules and the kubelets of all Linux nodes have version 1.35 or later. See docs/pods.md.",
  },
  workflow: {
    type: "boolean",
    default: true,
    description:
      "Whether steps that wait for their inputs are held until these are there. With false the operator may not change Jobs, and such steps wait inside their Pods.",
  },
  namespace: {
    type: "string",
    default: names.operatorNamespace,
    env: "POD_NAMESPACE",
    description: "Namespace in which the operator runs.",
  },
  logLevel: {
    type: "string",
    choices: ["debug", "info", "warn", "error"],
    default: "info",
    description: "Minimum level of log messages.",
  },
} as const satisfies Record<string, OptionData>;

type Options = typeof options;

type ValueOf<O extends OptionData> = O extends { choices: readonly (infer Choice)[] }
  ? Choice
  : { string: string; integer: number; boolean: boolean }[O["type"]];

/** Settings of the operator's process. What has no default may be absent. */
export type ManagerOptions = {
  readonly [K in keyof Options as Options[K] extends { default: unknown } ? K : never]: ValueOf<Options[K]>;
} & {
  readonly [K in keyof Options as Options[K] extends { default: unknown } ? never : K]?:
    | ValueOf<Options[K]>
    | undefined;
};

/** An option of the manager. */
export interface OptionDefinition extends OptionData {
  /** As {@link ManagerOptions} and the chart call it: `leaderElect`. */
  readonly key: string;
  /** As the flag is called: `leader-elect`. */
  readonly name: string;
  readonly env: string;
}

/** Every option of the manager. */
export const optionTable: readonly OptionDefinition[] = Object.entries<OptionData>(options).map(
  ([key, option]) => {
    const words = key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const env = option.env ?? `ORAS_OPERATOR_${words.replaceAll("-", "_").toUpperCase()}`;
    return { ...option, key, name: words, env };
  },
);

/** The defaults of the options that have one. */
export const optionDefaults = Object.fromEntries(
  optionTable.flatMap((option) => (option.default === undefined ? [] : [[option.key, option.default]])),
) as ManagerOptions;
