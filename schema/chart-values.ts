import { names } from "./names.ts";
import { optionTable } from "./options.ts";

/** A value of the chart: plain JSON Schema, with its default. */
export interface Value {
  readonly type: "string" | "integer" | "boolean" | "object" | "array";
  readonly description: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly items?: object;
  readonly additionalProperties?: boolean | object;
  readonly properties?: Record<string, Value>;
}

/** Options that the chart sets itself. */
const setByTheChart = ["toolsImage", "namespace", "certificateDirectory"];

/** Every value of the chart. The options of the manager are among them, whatever options it has. */
export function chartValues(): Record<string, Value> {
  const image = (description: string, repository: unknown): Value =>
    group(description, {
      repository: {
        ...text(`${description.replace(/\.$/, "")}: registry and repository.`, repository),
        minLength: 1,
      },
      tag: text("Tag of that image; the version of the chart when empty.", ""),
    });
  return {
    namespace: group(
      "Namespace of the operator, whichever one the release is in: Pods in it are never changed.",
      {
        name: {
          ...text("Name of the namespace that the operator is installed into.", names.operatorNamespace),
          pattern: "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
        },
        create: flag("Create `namespace.name`, unless it is the namespace of the release.", true),
      },
    ),
    image: image("Image of the operator.", names.operatorImageRepository),
    toolsImage: image("Image of the containers that are added to Pods.", names.toolsImageRepository),
    imagePullPolicy: {
      ...text("When to pull the operator's image; what Kubernetes does for its tag when empty.", ""),
      enum: ["", "Always", "IfNotPresent", "Never"],
    },
    imagePullSecrets: list("Secrets for pulling the operator's image, as in a Pod."),
    replicas: {
      type: "integer",
      description:
        "With two or more, annotated Pods are admitted at any moment, also while a node is drained.",
      default: 1,
      minimum: 0,
    },
    manager: group("Options of the operator's process.", managerValues()),
    certManager: group("Certificate of the webhook.", {
      enabled: flag(
        "Let cert-manager, which must be installed, issue the webhook's certificate; otherwise the operator issues it.",
        false,
      ),
    }),
    policies: group("ValidatingAdmissionPolicies that are installed with the operator.", {
      confineOperator: flag(
        "Confine the operator's own ServiceAccount to what the operator makes: docs/security.md.",
        true,
      ),
      annotations: flag(
        "Warn of annotations that nobody reads, and refuse unknown ones in templates of Deployments and the like.",
        true,
      ),
    }),
    networkPolicy: group("NetworkPolicy for the operator's Pods: who may reach their ports.", {
      enabled: flag(
        "Let everybody reach the webhook, those of `networkPolicy.metricsFrom` the metrics, and the node alone the health port.",
        true,
      ),
      metricsFrom: {
        ...list("Who may read the metrics, as in `from` of a NetworkPolicy; nobody when empty."),
        default: [{ namespaceSelector: { matchLabels: { metrics: "enabled" } } }],
      },
    }),
    resources: free("Resources of the operator.", {
      requests: { cpu: "50m", memory: "128Mi" },
      limits: { memory: "512Mi" },
    }),
    nodeSelector: free("Labels of nodes that the operator may run on.", { "kubernetes.io/os": "linux" }),
    tolerations: list("Taints of nodes that the operator tolerates."),
    affinity: free("Affinity of the operator's Pods."),
    priorityClassName: text("Priority class of the operator's Pods.", ""),
    podLabels: strings("More labels of the operator's Pods."),
    podAnnotations: strings("More annotations of the operator's Pods."),
  };
}

function managerValues(): Record<string, Value> {
  const options = optionTable.filter(({ key }) => !setByTheChart.includes(key));
  return Object.fromEntries(
    options.map(({ key, type, description, default: fallback = "", choices }) => [
      key,
      { type, description, default: fallback, ...(choices ? { enum: choices } : {}) },
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

function free(description: string, fallback: object = {}): Value {
  return { type: "object", description, default: fallback };
}

function strings(description: string): Value {
  return { ...free(description), additionalProperties: { type: "string" } };
}
