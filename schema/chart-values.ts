import { names } from "./names.ts";
import { optionTable } from "./options.ts";

type Type = "string" | "integer" | "boolean" | "object" | "array";

/** A value of the chart: plain JSON Schema, with its default. */
export interface Value {
  readonly type: Type | readonly Type[];
  readonly description: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly items?: object;
  readonly additionalProperties?: boolean | object;
  readonly properties?: Record<string, Value>;
}

/** Options that the chart sets itself. */
const setByTheChart = [
  ...["agentImage", "scriptsImage", "namespace", "certificateDirectory"],
  ...["httpProxy", "httpsProxy", "noProxy", "workflow"],
];

/** Every value of the chart. The options of the manager are among them, whatever options it has. */
export function chartValues(): Record<string, Value> {
  const image = (description: string, repository: unknown): Value =>
    group(description, {
      repository: {
        ...text(`${description.replace(/\.$/, "")}: registry and repository.`, repository),
        minLength: 1,
      },
      tag: text("Tag of the image. If it is empty, the version of the chart is used.", ""),
      digest: {
        ...text("Digest of the image, such as sha256:…, which then decides instead of the tag.", ""),
        pattern: "^(sha256:[0-9a-f]{64})?$",
      },
    });
  return {
    global: {
      ...group("Values that a chart shares with those that it depends on.", {
        imageRegistry: {
          ...text(
            "Registry in which all images are, in place of the one that their names begin with: a mirror, such as registry.example.com or registry.example.com/mirror.",
            "",
          ),
          // No scheme, as in all names of images.
          pattern: "^([\\w.:-]+(/[\\w.-]+)*/?)?$",
        },
        imagePullSecrets: pullSecrets("imagePullSecrets of the operator's Pods, beside `imagePullSecrets`."),
      }),
      additionalProperties: true,
    },
    nameOverride: name("Name of the chart's objects, in place of oras-operator."),
    fullnameOverride: name(
      "The same, and it wins over `nameOverride`. What the operator's program finds by name keeps it: the webhook's Service and its configuration, the Lease and the Secrets.",
    ),
    commonLabels: strings("Additional labels of every object of the chart, and of the operator's Pods."),
    namespace: group("Namespace of the operator. Pods in it are never changed.", {
      name: {
        ...text(
          "Name of the namespace into which the operator is installed. If it is empty, that is the namespace of the release.",
          "",
        ),
        pattern: "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$",
      },
      create: flag(
        "Whether to create `namespace.name`, with its Pod Security labels, if it is not the namespace of the release. helm uninstall keeps it.",
        true,
      ),
    }),
    image: image("Image of the operator.", names.operatorImageRepository),
    agentImage: image("Image of the containers that are added to Pods.", names.agentImageRepository),
    scriptsImage: image(
      "Image of the added container that runs a script of the annotation oras-entrypoint.",
      names.scriptsImageRepository,
    ),
    imagePullPolicy: {
      ...text("imagePullPolicy of the operator. If it is empty, the default of Kubernetes applies.", ""),
      enum: ["", "Always", "IfNotPresent", "Never"],
    },
    imagePullSecrets: pullSecrets("imagePullSecrets of the operator's Pods."),
    replicas: {
      type: "integer",
      description:
        "Number of replicas. Each answers the API server, so with two or more the webhook stays available while a node is drained. One of them reconciles.",
      default: 2,
      minimum: 0,
    },
    strategy: free(
      "Rollout strategy of the operator's Deployment. If it is empty, no replica stops before a new one is ready.",
    ),
    podDisruptionBudget: group("PodDisruptionBudget of the operator's Pods.", {
      enabled: flag("Whether to create it.", true),
      maxUnavailable: {
        type: ["integer", "string"],
        description:
          "How many replicas a drain of nodes may stop at the same time: a number or a percentage.",
        default: 1,
      },
    }),
    topologySpreadConstraints: {
      ...list(
        "topologySpreadConstraints of the operator's Pods. Those without a labelSelector get the one that selects the operator's Pods.",
      ),
      default: ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
        topologyKey,
        maxSkew: 1,
        whenUnsatisfiable: "ScheduleAnyway",
        matchLabelKeys: ["pod-template-hash"],
      })),
    },
    manager: group("Options of the operator's process.", managerValues()),
    proxy: group(
      "Proxy by which the Internet is reached: by the containers that are added to Pods, and by the operator where it looks up images.",
      Object.fromEntries(
        (["http", "https", "no"] as const).map((which) => {
          const option = optionTable.find(({ key }) => key === `${which}Proxy`);
          return [which === "no" ? "noProxy" : which, text(option?.description ?? "", "")];
        }),
      ),
    ),
    certManager: group("Certificate of the webhook.", {
      enabled: flag(
        "Whether cert-manager, which must be installed, issues the webhook's certificate. Otherwise the operator issues it.",
        false,
      ),
    }),
    webhook: group(
      "MutatingWebhookConfiguration: which Pods and Jobs the API server shows to the operator.",
      {
        failurePolicy: {
          ...text(
            "What the API server does with annotated Pods and Jobs while the operator does not answer: refuse them (Fail), or start them without their inputs, and lose their outputs (Ignore).",
            "Fail",
          ),
          enum: ["Fail", "Ignore"],
        },
        timeoutSeconds: {
          type: "integer",
          description: "How long the API server waits for the operator's answer.",
          default: 10,
          minimum: 1,
          maximum: 30,
        },
        namespaceSelector: {
          ...group("Labels of the namespaces whose Pods and Jobs are shown; all namespaces if it is empty.", {
            matchLabels: strings("Labels that a namespace must have."),
            matchExpressions: list("Conditions that its labels must meet."),
          }),
        },
        annotations: strings(
          "Additional annotations of the MutatingWebhookConfiguration, such as admissions.enforcer/disabled on AKS.",
        ),
      },
    ),
    policies: group("ValidatingAdmissionPolicies that are installed with the operator.", {
      confineOperator: flag(
        "Whether to restrict the operator's ServiceAccount to the objects that the operator manages. See docs/security.md.",
        true,
      ),
      annotations: flag(
        "Whether to warn about annotations that have no effect and about an OrasCache that leaves its artifacts behind, and to refuse unknown ones in the templates of Deployments and other controllers.",
        true,
      ),
    }),
    workflow: group("Steps that wait for their inputs. See docs/workflows.md.", {
      enabled: flag(optionTable.find(({ key }) => key === "workflow")?.description ?? "", true),
    }),
    networkPolicy: group("NetworkPolicy for the ports of the operator's Pods.", {
      enabled: flag(
        "Whether to create it. It allows everybody to reach the webhook port, the peers in `networkPolicy.metricsFrom` to reach the metrics port, and only the node to reach the health port.",
        true,
      ),
      metricsFrom: {
        ...list(
          "Peers that may read the metrics, as in `from` of a NetworkPolicy. If it is empty, no peer may.",
        ),
        default: [{ namespaceSelector: { matchLabels: { metrics: "enabled" } } }],
      },
    }),
    hostNetwork: flag(
      "Whether the operator's Pods use the network of their node, for clusters whose API server does not reach Pods. The ports of `manager` must then be free on the nodes, and NetworkPolicies do not apply to the operator: allow the nodes' addresses in `spec.networkPolicy` of each OrasCache.",
      false,
    ),
    dnsPolicy: {
      ...text(
        "dnsPolicy of the operator's Pods. If it is empty, it is ClusterFirst, with `hostNetwork` ClusterFirstWithHostNet.",
        "",
      ),
      // Not None, which takes a dnsConfig.
      enum: ["", "ClusterFirst", "ClusterFirstWithHostNet", "Default"],
    },
    extraEnv: list("Additional environment variables of the operator, as in `env` of a container."),
    serviceAccount: group("ServiceAccount of the operator.", {
      annotations: strings("Its annotations."),
    }),
    metrics: group("What Prometheus and Grafana get from the operator. See docs/reference/metrics.md.", {
      serviceMonitor: group(
        "ServiceMonitors of the operator and of the registries; the Prometheus operator must be installed.",
        {
          enabled: flag("Whether to create them.", false),
          interval: text(
            "How often the metrics are read, such as 30s. If it is empty, Prometheus decides.",
            "",
          ),
          labels: strings("Its labels, by which some installations of Prometheus choose."),
        },
      ),
      prometheusRule: group("PrometheusRule with the alerts; the Prometheus operator must be installed.", {
        enabled: flag("Whether to create it.", false),
        labels: strings("Its labels, by which some installations of Prometheus choose."),
      }),
      dashboard: group("ConfigMap with a dashboard, for Grafana's sidecar.", {
        enabled: flag("Whether to create it.", false),
        labels: {
          ...strings("Its labels, by which the sidecar finds it."),
          default: { grafana_dashboard: "1" },
        },
      }),
    }),
    resources: free("Resource requests and limits of the operator.", {
      requests: { cpu: "50m", memory: "128Mi" },
      limits: { memory: "512Mi" },
    }),
    nodeSelector: free("nodeSelector of the operator's Pods.", { "kubernetes.io/os": "linux" }),
    tolerations: list("Tolerations of the operator's Pods."),
    affinity: free("Affinity of the operator's Pods."),
    priorityClassName: text("Priority class of the operator's Pods.", ""),
    podLabels: strings("Additional labels of the operator's Pods."),
    podAnnotations: strings("Additional annotations of the operator's Pods."),
  };
}

function managerValues(): Record<string, Value> {
  const options = optionTable.filter(({ key }) => !setByTheChart.includes(key));
  return Object.fromEntries(
    options.map(({ key, type, description, default: fallback = "", choices }) => [
      key,
      key === "registryImage"
        ? // As a value, `helm upgrade --reuse-values` would have the next version run the image of this one.
          text(`${description} If it is empty, ${names.registryImage}.`, "")
        : { type, description, default: fallback, ...(choices ? { enum: choices } : {}) },
    ]),
  );
}

function group(description: string, properties: Record<string, Value>): Value {
  return { type: "object", description, additionalProperties: false, properties };
}

function text(description: string, fallback: unknown): Value {
  return { type: "string", description, default: fallback };
}

function flag(description: string, fallback: boolean): Value {
  return { type: "boolean", description, default: fallback };
}

function list(description: string): Value {
  return { type: "array", description, items: { type: "object" }, default: [] };
}

function name(description: string): Value {
  // The longest name that is made of it ends in -metrics-service, and has 63 characters at most.
  return { ...text(description, ""), pattern: "^([a-z]([-a-z0-9]{0,45}[a-z0-9])?)?$" };
}

/** Charts that share values write the names of Secrets alone, too. */
function pullSecrets(description: string): Value {
  return { ...list(description), items: { type: ["object", "string"] } };
}

function free(description: string, fallback: object = {}): Value {
  return { type: "object", description, default: fallback };
}

function strings(description: string): Value {
  return { ...free(description), additionalProperties: { type: "string" } };
}
