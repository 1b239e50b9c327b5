import { names } from "../../../schema/names.ts";
import { childLabels, selectorLabels } from "../../../src/cache/labels.ts";
import { list, quote, type Validation } from "./policy.ts";

/** Any name, to find where the name of the cache stands in its labels. */
const anyName = "name";

/** Fields of a Pod that the operator or the API server sets, to any value or as other rules say. */
const podFields = [
  ...["automountServiceAccountToken", "containers", "enableServiceLinks", "initContainers"],
  ...["securityContext", "terminationGracePeriodSeconds", "volumes", "nodeSelector"],
  // The author's of an OrasCache. The API server keeps the old name of serviceAccountName, too.
  ...["affinity", "tolerations", "topologySpreadConstraints", "priorityClassName", "imagePullSecrets"],
  ...["serviceAccountName", "serviceAccount"],
];
/** CEL for the only value that other fields of a Pod may have. */
const podValues = {
  dnsPolicy: '"ClusterFirst"',
  hostIPC: "false",
  hostNetwork: "false",
  hostPID: "false",
  hostUsers: "false",
  restartPolicy: '"Always"',
  schedulerName: '"default-scheduler"',
  shareProcessNamespace: "false",
};
/** Fields of a container that the operator or the API server sets. */
const containerFields = [
  ...["env", "envFrom", "image", "imagePullPolicy", "livenessProbe", "name", "ports", "readinessProbe"],
  ...["resources", "securityContext", "terminationMessagePath", "terminationMessagePolicy", "volumeMounts"],
];
/** The registry runs as its image means it to; the agent has commands. */
const keeperFields = ["args", "command"];
const keepers = [names.keeperContainer, names.keeperInitContainer];
const containerAnnotation = "kubectl.kubernetes.io/default-container";

/** What to do when a policy of the cluster added what is refused. */
const orLimit = "If a mutating policy of the cluster adds that, limit it to Pods.";

/**
 * What the expressions of registryPodRules use. What a Pod may have is listed, not what it may not have: Kubernetes
 * gets new fields.
 */
export const registryPodVariables = {
  template: "object.spec.template",
  oldTemplate: "oldObject == null ? dyn({}) : dyn(oldObject.spec.template)",
  pod: "variables.template.spec",
  oldPod: "oldObject == null ? dyn({}) : dyn(oldObject.spec.template.spec)",
  containers: "variables.pod.containers + variables.pod.?initContainers.orValue([])",
  oldContainers:
    "oldObject == null ? [] : oldObject.spec.template.spec.containers + oldObject.spec.template.spec.?initContainers.orValue([])",
  oldVolumes: "oldObject == null ? [] : oldObject.spec.template.spec.?volumes.orValue([])",
  labels: celMap(childLabels(anyName)),
  podValues: `{${Object.entries(podValues).map(([field, value]) => `${quote(field)}: dyn(${value})`)}}`,
  addedMetadata: `dyn(variables.template.metadata).filter(k, !(k in ["annotations", "creationTimestamp", "labels"]) && !(k in variables.oldTemplate.metadata))`,
  addedLabels: addedKeys(
    "labels",
    `(k in variables.labels ? variables.labels[k] != m[k] : k == "k8s-app" || k.startsWith(${quote(names.prefix)}))`,
  ),
  addedAnnotations: addedKeys(
    "annotations",
    `(k == ${quote(containerAnnotation)} ? m[k] != ${quote(names.registryContainer)} : k.contains("apparmor.security.") || k.contains("seccomp.security.") || k.startsWith(${quote(names.prefix)}))`,
  ),
  addedToPod: `dyn(variables.pod).filter(k, !(k in ${list(podFields)}) && !(k in variables.podValues && variables.podValues[k] == dyn(variables.pod)[k]) && !(k in variables.oldPod && variables.oldPod[k] == dyn(variables.pod)[k]))`,
  addedToContainers: `variables.containers.map(c, dyn(c).filter(k, !(k in ${list(containerFields)}) && !(c.name in ${list(keepers)} && k in ${list(keeperFields)}) && !variables.oldContainers.exists(o, o.name == c.name && k in dyn(o) && dyn(o)[k] == dyn(c)[k]))).filter(ks, size(ks) > 0)`,
};

/** CEL for the keys of a map of the template's metadata that a condition holds for, unless they were stored. */
function addedKeys(field: "labels" | "annotations", condition: string): string {
  const before = `variables.oldTemplate.?metadata.?${field}.orValue({})`;
  return `[dyn(variables.template).?metadata.?${field}.orValue({})].map(m, m.filter(k, ${condition} && !(k in ${before} && ${before}[k] == m[k])))[0]`;
}

/** CEL for labels in which the name of the cache is that of the object. */
function celMap(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([key, value]) => `${quote(key)}: ${value === anyName ? "string(object.metadata.name)" : quote(value)}`,
  );
  return `{${pairs.join(", ")}}`;
}

/**
 * What the template of a StatefulSet must be like to be a registry's, or was like before the operator wrote it.
 *
 * @param mostReplicas - that an OrasCache may ask for
 */
export function registryPodRules(mostReplicas: number): Validation[] {
  return [...templateRules(), ...podRules(), ...containerRules(), ...setRules(mostReplicas)];
}

/** A rule that there is nothing in a list of names, which its message has. */
function nothing(variable: string, message: string): Validation {
  return {
    expression: `size(variables.${variable}) == 0`,
    message: `${message}. ${orLimit}`,
    messageExpression: `${quote(`${message}, but not `)} + variables.${variable}.join(", ") + ${quote(`. ${orLimit}`)}`,
  };
}

/** Services, policies and webhooks of the cluster find Pods by labels, and take orders by annotations. */
function templateRules(): Validation[] {
  return [
    nothing(
      "addedLabels",
      "the Pod of a registry has no labels by which the cluster or the operator finds others",
    ),
    {
      expression: `variables.labels.all(k, variables.template.metadata.?labels[?k].orValue("") == variables.labels[k] || (oldObject != null && variables.template.metadata.?labels[?k] == variables.oldTemplate.?metadata.?labels[?k]))`,
      message: "the Pod of a registry has the labels of its OrasCache",
    },
    nothing(
      "addedAnnotations",
      "the Pod of a registry has no annotations that loosen its confinement or make it a step",
    ),
    nothing("addedMetadata", "the Pod of a registry has labels and annotations"),
  ];
}

/** CEL for whether the registry has the Secret of a volume in its environment anyway. */
const isOrasEnv = `variables.pod.containers.exists(c, c.name == ${quote(names.registryContainer)} && c.?envFrom.orValue([]).exists(e, e.?secretRef.?name.orValue("") == v.secret.?secretName.orValue("") && v.secret.?secretName.orValue("") != ""))`;

/** Pod Security "restricted", and no identity in the cluster. */
function podRules(): Validation[] {
  const security = "variables.pod.?securityContext";
  const oldSecurity = "variables.oldPod.?securityContext";
  const unless = (condition: string, ...fields: string[]) =>
    `((${condition}) || (oldObject != null && ${fields.map((field) => `${security}.?${field} == ${oldSecurity}.?${field}`).join(" && ")}))`;
  return [
    {
      expression:
        "variables.pod.?automountServiceAccountToken.orValue(true) == false || (oldObject != null && variables.pod.?automountServiceAccountToken == variables.oldPod.?automountServiceAccountToken)",
      message: "a registry has no ServiceAccount's token: automountServiceAccountToken must be false",
    },
    nothing("addedToPod", "the Pod of a registry has the fields that the operator sets"),
    {
      expression: `variables.pod.?nodeSelector[?"kubernetes.io/os"].orValue("linux") == "linux"`,
      message: "a registry runs on Linux nodes",
    },
    {
      // ConfigMaps: policies of the cluster put CAs into Pods by them.
      expression: `variables.pod.?volumes.orValue([]).all(v, has(v.emptyDir) || has(v.configMap) || (has(v.persistentVolumeClaim) && v.name == ${quote(names.registryDataVolume)}) || (has(v.secret) && (v.name in ${list([names.registryS3CaVolume, names.registryCertificateVolume, names.registryUsersVolume, names.mirrorVolume])} || v.secret.?secretName.orValue("").startsWith(object.metadata.name + "-key-") || (v.name == ${quote(names.exportVolume)} && v.secret.?secretName.orValue("") == object.metadata.name + ${quote(names.exportSecretSuffix)}))) || (has(v.secret) && v.name == ${quote(names.registryEnvironmentVolume)} && ${isOrasEnv}) || variables.oldVolumes.exists(o, o == v))`,
      message: `a registry has volumes of the kinds emptyDir and configMap, a claim as ${names.registryDataVolume}, and the Secrets with its key, with its whole environment, with its users, with its certificate, with the CA of its object storage, with the login of its mirror and with that of its export only`,
    },
    {
      expression: unless(
        `${security}.?runAsNonRoot.orValue(false) && ${security}.?runAsUser.orValue(1) != 0`,
        "runAsNonRoot",
        "runAsUser",
      ),
      message: "the Pod of a registry does not run as root: runAsNonRoot must be true, runAsUser not 0",
    },
    {
      expression: unless(`${profile(security, "seccompProfile")} in ${confined}`, "seccompProfile"),
      message: "the seccompProfile of a registry's Pod must be RuntimeDefault or Localhost",
    },
    {
      expression: unless(`${profile(security, "appArmorProfile")} in ${confinedOrNone}`, "appArmorProfile"),
      message: "the appArmorProfile of a registry's Pod must be RuntimeDefault, Localhost or absent",
    },
    {
      expression: ["sysctls", "seLinuxOptions", "windowsOptions"]
        .map((field) => unless(`!${security}.?${field}.hasValue()`, field))
        .join(" && "),
      message: "the securityContext of a registry's Pod has no sysctls, seLinuxOptions or windowsOptions",
    },
  ];
}

const confined = list(["RuntimeDefault", "Localhost"]);
const confinedOrNone = list(["", "RuntimeDefault", "Localhost"]);

function profile(security: string, field: "seccompProfile" | "appArmorProfile"): string {
  return `${security}.?${field}.?type.orValue("")`;
}

function containerRules(): Validation[] {
  const every = (condition: string) => `variables.containers.all(c, ${condition})`;
  const before = (condition: string) => `variables.oldContainers.exists(o, o.name == c.name && ${condition})`;
  const unless = (condition: string, ...fields: string[]) =>
    `((${condition}) || ${before(fields.map((field) => `o.?${field} == c.?${field}`).join(" && "))})`;
  const security = "c.?securityContext";
  const secure = (condition: string, ...fields: string[]) =>
    every(unless(condition, ...fields.map((field) => `securityContext.?${field}`)));
  return [
    {
      expression: `variables.pod.containers.all(c, c.name in ${list([names.registryContainer, names.keeperContainer])} || ${before("true")}) && variables.pod.?initContainers.orValue([]).all(c, c.name == ${quote(names.keeperInitContainer)} || ${before("true")})`,
      message: `a registry's containers are called ${names.registryContainer} and ${names.keeperContainer}, its only init container ${names.keeperInitContainer}`,
    },
    {
      expression: "size(variables.addedToContainers) == 0",
      message: `a registry's container has the fields that the operator sets. ${orLimit}`,
      messageExpression: `"a registry's container has the fields that the operator sets, but not " + variables.addedToContainers.map(ks, ks.join(", ")).join(", ") + ${quote(`. ${orLimit}`)}`,
    },
    {
      expression: secure(
        `${security}.?allowPrivilegeEscalation.orValue(true) == false && !${security}.?privileged.orValue(false)`,
        "allowPrivilegeEscalation",
        "privileged",
      ),
      message:
        "a registry's container has no privileges: allowPrivilegeEscalation must be false, privileged absent or false",
    },
    {
      expression: secure(
        `${security}.?capabilities.?drop.orValue([]).exists(d, d == "ALL") && size(${security}.?capabilities.?add.orValue([])) == 0`,
        "capabilities",
      ),
      message: "a registry's container has no capabilities: it drops ALL and adds none",
    },
    {
      expression: secure(
        `${security}.?runAsNonRoot.orValue(true) && ${security}.?runAsUser.orValue(1) != 0`,
        "runAsNonRoot",
        "runAsUser",
      ),
      message:
        "a registry's container does not run as root: runAsNonRoot must be true or absent, runAsUser not 0",
    },
    ...(["seccompProfile", "appArmorProfile"] as const).map((field) => ({
      expression: secure(`${profile(security, field)} in ${confinedOrNone}`, field),
      message: `the ${field} of a registry's container must be RuntimeDefault, Localhost or absent`,
    })),
    {
      expression: every(
        [
          unless(`${security}.?procMount.orValue("Default") == "Default"`, "securityContext.?procMount"),
          ...["seLinuxOptions", "windowsOptions"].map((field) =>
            unless(`!${security}.?${field}.hasValue()`, `securityContext.?${field}`),
          ),
        ].join(" && "),
      ),
      message:
        "the securityContext of a registry's container has no procMount, seLinuxOptions or windowsOptions",
    },
    {
      expression: every(
        ["livenessProbe", "readinessProbe"]
          .map((probe) =>
            unless(
              `c.?${probe}.?httpGet.?host.orValue("") == "" && c.?${probe}.?tcpSocket.?host.orValue("") == "" && !c.?${probe}.?exec.hasValue()`,
              probe,
            ),
          )
          .join(" && "),
      ),
      message: "a registry's container is probed at its own address, without a command",
    },
    {
      expression: every(
        `c.?ports.orValue([]).all(p, p.?hostPort.orValue(0) == 0 || ${before("o.?ports.orValue([]).exists(q, q == p)")})`,
      ),
      message: "a registry has no port of its node",
    },
    {
      expression: every(
        `${unless('size(c.?envFrom.orValue([])) <= 1 && c.?envFrom.orValue([]).all(e, has(e.secretRef) && e.?prefix.orValue("") == "")', "envFrom")}`,
      ),
      message: "a registry's whole environment is from one Secret, that of its orasEnv",
    },
  ];
}

function setRules(mostReplicas: number): Validation[] {
  const same = (field: string) => `(oldObject != null && object.spec.${field} == oldObject.spec.${field})`;
  return [
    {
      expression: `request.namespace != ${quote(names.operatorNamespace)}`,
      message: `no registry runs in the namespace of the operator, ${names.operatorNamespace}: create the ${names.kind} in another one`,
    },
    {
      expression: `object.spec.?replicas.orValue(1) <= ${mostReplicas} || ${same("replicas")}`,
      message: `a registry has at most ${mostReplicas} replicas`,
    },
    {
      expression: `(object.spec.serviceName == object.metadata.name || ${same("serviceName")}) && (dyn(object.spec.selector) == {"matchLabels": ${celMap(selectorLabels(anyName))}} || ${same("selector")})`,
      message: "the StatefulSet of a registry has the Service and the selector of its OrasCache",
    },
    {
      expression: "size(object.spec.?volumeClaimTemplates.orValue([])) == 0",
      message: "a registry has no claims of volumes by template",
    },
  ];
}
