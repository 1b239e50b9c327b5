import { names } from "../../../schema/names.ts";
import { quote, type Validation } from "./policy.ts";

/** What the expressions of registryPodRules use. */
export const registryPodVariables = {
  pod: "object.spec.template.spec",
  containers: "variables.pod.containers",
  oldContainers: "oldObject == null ? [] : oldObject.spec.template.spec.containers",
  oldVolumes: "oldObject == null ? [] : oldObject.spec.template.spec.?volumes.orValue([])",
};

/** What the template of a StatefulSet must be like to be a registry's, or was like before the operator wrote it. */
export function registryPodRules(): Validation[] {
  return [...podRules(), ...containerRules(), ...setRules()];
}

/** Pod Security "restricted", and no identity in the cluster. */
function podRules(): Validation[] {
  const same = (field: string) =>
    `(oldObject != null && variables.pod.?${field} == oldObject.spec.template.spec.?${field})`;
  const hasNo = (field: string) => `(!has(variables.pod.${field}) || ${same(field)})`;
  const flags = ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"];
  const security = "variables.pod.?securityContext";
  return [
    {
      expression: `(variables.pod.?automountServiceAccountToken.orValue(true) == false || ${same("automountServiceAccountToken")}) && ${hasNo("serviceAccountName")}`,
      message: "a registry has no ServiceAccount and no token",
    },
    {
      expression: flags
        .map((flag) => `(!variables.pod.?${flag}.orValue(false) || ${same(flag)})`)
        .join(" && "),
      message: "a registry shares no namespace with its node, nor processes",
    },
    {
      expression: ["nodeName", "initContainers", "ephemeralContainers", "resourceClaims"]
        .map(hasNo)
        .join(" && "),
      message: "a registry has one container, and the scheduler places it",
    },
    {
      // ConfigMaps: policies of the cluster put CAs into Pods by them.
      expression:
        "variables.pod.?volumes.orValue([]).all(v, has(v.emptyDir) || has(v.configMap) || variables.oldVolumes.exists(o, o == v))",
      message: "a registry has volumes of the kinds emptyDir and configMap only",
    },
    {
      expression: `${same("securityContext")} || (${security}.?runAsNonRoot.orValue(false) && ${security}.?runAsUser.orValue(1) != 0 && ${security}.?seccompProfile.?type.orValue("") == "RuntimeDefault" && ${noneOf(security, ["sysctls", "seLinuxOptions", "windowsOptions", "appArmorProfile"])})`,
      message: "the Pod of a registry is restricted: not root, seccomp RuntimeDefault, nothing else loosened",
    },
  ];
}

function noneOf(at: string, fields: readonly string[]): string {
  return fields.map((field) => `!${at}.?${field}.hasValue()`).join(" && ");
}

function containerRules(): Validation[] {
  const every = (condition: string) => `variables.containers.all(c, ${condition})`;
  const before = (condition: string) => `variables.oldContainers.exists(o, o.name == c.name && ${condition})`;
  const unless = (condition: string, field: string) =>
    `(${condition} || ${before(`o.?${field} == c.?${field}`)})`;
  const noHost = ["livenessProbe", "readinessProbe", "startupProbe"].map((probe) =>
    unless(
      `c.?${probe}.?httpGet.?host.orValue("") == "" && c.?${probe}.?tcpSocket.?host.orValue("") == "" && !c.?${probe}.?exec.hasValue()`,
      probe,
    ),
  );
  const security = "c.?securityContext";
  return [
    {
      expression: every(`c.name == ${quote(names.registryContainer)} || ${before("true")}`),
      message: `a registry's container is called ${names.registryContainer}`,
    },
    {
      expression: every(
        unless(
          `${security}.?allowPrivilegeEscalation.orValue(true) == false && !${security}.?privileged.orValue(false) && ${security}.?runAsNonRoot.orValue(true) && ${security}.?runAsUser.orValue(1) != 0 && ${security}.?capabilities.?drop.orValue([]).exists(d, d == "ALL") && size(${security}.?capabilities.?add.orValue([])) == 0 && ${noneOf(security, ["procMount", "seLinuxOptions", "windowsOptions", "appArmorProfile", "seccompProfile"])}`,
          "securityContext",
        ),
      ),
      message: "a registry's container is restricted: no privileges, no capabilities, not root",
    },
    {
      expression: every(
        ["command", "args", "lifecycle", "volumeDevices"]
          .map((field) => unless(`!has(c.${field})`, field))
          .concat(noHost)
          .join(" && "),
      ),
      message: "a registry's container runs what its image says, and is probed at its own address",
    },
    {
      expression: every(
        `c.?ports.orValue([]).all(p, p.?hostPort.orValue(0) == 0 || ${before("o.?ports.orValue([]).exists(q, q == p)")})`,
      ),
      message: "a registry has no port of its node",
    },
    {
      expression: every(
        `c.?env.orValue([]).all(e, !has(e.valueFrom) || (e.name == "REGISTRY_HTTP_SECRET" && has(e.valueFrom.secretKeyRef)) || ${before("o.?env.orValue([]).exists(v, v == e)")}) && ${unless('size(c.?envFrom.orValue([])) <= 1 && c.?envFrom.orValue([]).all(e, has(e.secretRef) && e.?prefix.orValue("") == "")', "envFrom")}`,
      ),
      message: "a registry's environment is from one Secret, that of its orasEnv, and from its HTTP secret",
    },
  ];
}

function setRules(): Validation[] {
  return [
    {
      expression: "size(object.spec.?volumeClaimTemplates.orValue([])) == 0",
      message: "a registry has no claims of volumes by template",
    },
  ];
}
