import { names } from "../../../schema/names.ts";
import { resources } from "../../../src/kube/resources.ts";
import { component, type Schema } from "../schema.ts";
import { list, type PolicySpec, policy, quote, type Validation } from "./policy.ts";
import { registryPodRules, registryPodVariables } from "./registry-pod.ts";
import { unchanged, unchangedMetadata } from "./same.ts";
import { jobPolicy, podPolicy } from "./steps.ts";

/**
 * Policies that confine the operator's own ServiceAccount to what the operator makes. RBAC lets it create
 * StatefulSets and Secrets in every namespace, so that without them its token were worth the cluster: a Pod with
 * another ServiceAccount, the node's filesystem, a token for anybody. docs/security.md says what they cannot prove.
 *
 * What others put into an object is judged when they write it. The operator's own writes may carry it along, or it
 * could not correct the object; it may not add to it.
 */
export function operatorPolicies(schema: Schema): object[] {
  const user = `system:serviceaccount:${names.operatorNamespace}:${names.serviceAccount}`;
  const onlyIf = { "the-operator": `request.userInfo.username == ${quote(user)}` };
  const rule = (spec: Pick<PolicySpec, "name" | "resources" | "variables" | "operations" | "validations">) =>
    policy({
      ...spec,
      name: `${names.operatorName}-${spec.name}`,
      onlyIf,
      action: "Deny",
      failurePolicy: "Fail",
    });
  const { owned, wasOwned } = ownership();
  const mostReplicas = component(schema, "OrasCacheSpec").properties?.["replicas"]?.maximum ?? 1;
  return [
    ...rule({
      name: "changes-its-children-only",
      resources: [
        at(resources.statefulSets),
        at(resources.services),
        at(resources.configMaps),
        at(resources.networkPolicies),
        at(resources.podDisruptionBudgets),
      ],
      operations: ["UPDATE", "DELETE"],
      validations: [
        {
          expression: wasOwned,
          message: "the operator may only change and delete what an OrasCache controls",
        },
      ],
    }),
    ...rule({
      name: "holds-caches-only",
      resources: [at(resources.orasCaches)],
      operations: ["CREATE", "UPDATE", "DELETE"],
      validations: cacheRules(),
    }),
    ...rule({
      name: "runs-registries-only",
      resources: [at(resources.statefulSets)],
      operations: ["CREATE", "UPDATE"],
      variables: registryPodVariables,
      validations: [
        child(owned, "StatefulSet"),
        ...childRules("StatefulSet"),
        ...registryPodRules(mostReplicas),
      ],
    }),
    ...rule({
      name: "exposes-registries-only",
      resources: [at(resources.services)],
      operations: ["CREATE", "UPDATE"],
      validations: [
        child(owned, "Service", isServiceOf("o.name")),
        ...childRules("Service"),
        ...serviceRules(),
      ],
    }),
    ...rule({
      name: "publishes-cas-only",
      resources: [at(resources.configMaps)],
      operations: ["CREATE", "UPDATE"],
      validations: [
        child(owned, "ConfigMap", `object.metadata.name == o.name + ${quote(names.caConfigMapSuffix)}`),
        ...childRules("ConfigMap"),
        {
          expression: `object.?data.orValue({}).all(k, k in ["ca.crt", "of-secret.crt"]) && size(object.?binaryData.orValue({})) == 0`,
          message: "a ConfigMap that the operator writes holds CAs: ca.crt and of-secret.crt",
        },
      ],
    }),
    ...rule({
      name: "keeps-registries-available-only",
      resources: [at(resources.podDisruptionBudgets)],
      operations: ["CREATE", "UPDATE"],
      validations: [
        child(owned, "PodDisruptionBudget"),
        ...childRules("PodDisruptionBudget"),
        {
          expression: `object.spec.?selector.?matchLabels[?${quote(names.cacheLabel)}].orValue("") == object.metadata.name`,
          message: "the PodDisruptionBudget of a registry selects the Pods of its OrasCache",
        },
        {
          // One by which no Pod may end would keep its node from being drained.
          expression: `(!has(object.spec.minAvailable) && object.spec.?maxUnavailable.orValue(0) == 1) || (oldObject != null && oldObject.spec.?minAvailable == object.spec.?minAvailable && oldObject.spec.?maxUnavailable == object.spec.?maxUnavailable)`,
          message: "the PodDisruptionBudget of a registry lets one of its Pods end: maxUnavailable must be 1",
        },
      ],
    }),
    ...rule({
      name: "closes-registries-only",
      resources: [at(resources.networkPolicies)],
      operations: ["CREATE", "UPDATE"],
      validations: [
        child(owned, "NetworkPolicy"),
        ...childRules("NetworkPolicy"),
        {
          expression: `object.spec.?podSelector.?matchLabels[?${quote(names.cacheLabel)}].orValue("") == object.metadata.name`,
          message: "the NetworkPolicy of a registry selects the Pods of its OrasCache",
        },
        {
          expression: `object.spec.?policyTypes.orValue([]) == ["Ingress"] || (oldObject != null && oldObject.spec.?policyTypes == object.spec.?policyTypes)`,
          message: "the NetworkPolicy of a registry is about who reaches it",
        },
      ],
    }),
    ...rule({
      name: "claims-volumes-for-registries-only",
      resources: [at(resources.persistentVolumeClaims)],
      operations: ["CREATE", "UPDATE", "DELETE"],
      variables: claimVariables,
      validations: claimRules(),
    }),
    ...rule({
      name: "writes-its-secrets-only",
      resources: [at(resources.secrets)],
      operations: ["CREATE", "UPDATE", "DELETE"],
      validations: secretRules(owned, wasOwned),
    }),
    ...rule({
      name: "sets-its-ca-bundle-only",
      resources: [at(resources.mutatingWebhookConfigurations)],
      operations: ["CREATE", "UPDATE", "DELETE"],
      validations: webhookRules(),
    }),
    ...rule({
      name: "holds-its-lease-only",
      resources: [at(resources.leases)],
      operations: ["CREATE", "UPDATE", "DELETE"],
      validations: [
        {
          expression: `request.namespace == ${quote(names.operatorNamespace)} && (object == null ? oldObject : object).metadata.name == ${quote(names.lease)}`,
          message: `the operator may only write the Lease ${names.lease}`,
        },
        noLifetime("Lease"),
      ],
    }),
    ...rule(podPolicy()),
    ...rule(jobPolicy()),
    ...rule({
      name: "writes-events-of-its-work-only",
      resources: [at(resources.events)],
      operations: ["CREATE", "UPDATE"],
      validations: eventRules(),
    }),
  ];
}

function at({ group, version, plural }: { group: string; version: string; plural: string }) {
  return { group, version, resource: plural };
}

const finalizers = [names.exportFinalizer, names.emptyFinalizer];

/** Of an OrasCache the operator writes its own finalizers, and the status, which is another resource. */
function cacheRules(): Validation[] {
  const others = (object: string) =>
    `${object}.metadata.?finalizers.orValue([]).filter(f, !(f in [${finalizers.map(quote).join(", ")}]))`;
  const same = ["labels", "annotations", "ownerReferences"]
    .map((field) => `object.metadata.?${field} == oldObject.metadata.?${field}`)
    .join(" && ");
  return [
    {
      expression: `request.operation == "UPDATE" && object.spec == oldObject.spec && ${same} && ${others("object")} == ${others("oldObject")}`,
      message: `of an ${names.kind} the operator may only write the status and the finalizers ${finalizers.join(" and ")}`,
    },
  ];
}

/** That the cache exists cannot be asked here: the API server checks no owner reference. */
function ownership() {
  const cache = `o.kind == ${quote(names.kind)} && o.apiVersion.startsWith(${quote(`${names.group}/`)})`;
  const controlled = (metadata: string, condition: string) =>
    `${metadata}.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false) && ${condition})`;
  const labelled = `oldObject.metadata.?labels[?${quote(names.cacheLabel)}].orValue("")`;
  const label = `oldObject.metadata.name in [${labelled}, ${labelled} + ${quote(names.registryServiceSuffix)}, ${labelled} + ${quote(names.caConfigMapSuffix)}]`;
  return {
    owned: controlled("object.metadata", cache),
    // By its label where somebody took the owner reference away: the operator puts that back.
    wasOwned: `${controlled("oldObject.metadata", cache)} || (!${controlled("oldObject.metadata", "true")} && ${label})`,
  };
}

function child(owned: string, kind: string, named = "o.name == object.metadata.name"): Validation {
  return {
    expression: `${owned} && object.metadata.ownerReferences.exists(o, o.?controller.orValue(false) && ${named})`,
    message: `a ${kind} that the operator writes must be controlled by the OrasCache of its name`,
  };
}

/** CEL for whether a Service is one of the two of a cache. */
function isServiceOf(cache: string): string {
  return `(object.metadata.name == ${cache} || object.metadata.name == ${cache} + ${quote(names.registryServiceSuffix)})`;
}

/** CEL for the annotations of a child that neither the operator sets nor were stored before. */
function addedAnnotations(own: readonly string[]): string {
  return `dyn(object.metadata).?annotations.orValue({}).filter(k, !(k in [${own.map(quote).join(", ")}]) && !(oldObject != null && k in oldObject.metadata.?annotations.orValue({}) && oldObject.metadata.annotations[k] == object.metadata.annotations[k]))`;
}

/**
 * Metadata by which other controllers act: who deletes the object, what must happen before, and orders to
 * controllers such as external-dns. Labels are free: policies of clusters label every object.
 */
function childRules(
  kind: "StatefulSet" | "Service" | "ConfigMap" | "NetworkPolicy" | "PodDisruptionBudget",
): Validation[] {
  const own = [
    names.generationAnnotation,
    ...(kind === "StatefulSet" ? [names.networkPolicyAnnotation] : []),
  ];
  const added = addedAnnotations(own);
  const said = `the operator sets no annotation on a ${kind} but ${own.join(" and ")}`;
  return [
    {
      expression: `object.metadata.ownerReferences.all(o, o.?controller.orValue(false) || ${stored("ownerReferences", "o")})`,
      message: `a ${kind} that the operator writes has one owner, its OrasCache`,
    },
    {
      expression: noFinalizer,
      message: `the operator sets no finalizers on a ${kind}`,
    },
    {
      expression: `size(${added}) == 0`,
      message: said,
      messageExpression: `${quote(`${said}; found `)} + ${added}.join(", ")`,
    },
  ];
}

/** CEL for whether an element of a list of the metadata was stored before. */
function stored(field: "ownerReferences" | "finalizers", element: string): string {
  return `(oldObject != null && oldObject.metadata.?${field}.orValue([]).exists(b, b == ${element}))`;
}

const noFinalizer = `object.metadata.?finalizers.orValue([]).all(f, ${stored("finalizers", "f")})`;

const lifetime = `(object.metadata.?ownerReferences.orValue([]).all(r, ${stored("ownerReferences", "r")}) && ${noFinalizer})`;

/** An owner that does not exist has the garbage collector delete an object; a finalizer keeps it for ever. */
function noLifetime(kind: string): Validation {
  return {
    expression: `object == null || ${lifetime}`,
    message: `the operator sets no owner and no finalizers on its ${kind}`,
  };
}

/** An Event can say anything; it must be about what the operator works on, where that is, and in the operator's name. */
function eventRules(): Validation[] {
  const about = list([names.kind, resources.pods.kind, resources.jobs.kind]);
  return [
    {
      expression: `object.?reportingController.orValue("") == ${quote(names.group)}`,
      message: `an Event that the operator writes is reported by ${names.group}`,
    },
    {
      expression: `object.?regarding.?kind.orValue("") in ${about} && object.?regarding.?namespace.orValue("") == request.namespace && object.metadata.name.startsWith(object.?regarding.?name.orValue("") + ".")`,
      message: `the operator writes Events about an ${names.kind}, a Pod or a Job, in its namespace, named after it`,
    },
    noLifetime("Events"),
  ];
}

function serviceRules(): Validation[] {
  const label = quote(names.cacheLabel);
  const asBefore = (field: string) =>
    `(oldObject != null && object.spec.?${field} == oldObject.spec.?${field})`;
  return [
    {
      expression: `request.namespace != ${quote(names.operatorNamespace)}`,
      message: `no registry runs in the namespace of the operator, ${names.operatorNamespace}: create the ${names.kind} in another one`,
    },
    {
      expression: `object.spec.?type.orValue("ClusterIP") == "ClusterIP" || ${asBefore("type")}`,
      message: "the Service of a registry is reached within the cluster",
    },
    {
      expression: `object.spec.?clusterIP.orValue("") == "None" || object.metadata.ownerReferences.exists(o, o.?controller.orValue(false) && o.name != object.metadata.name) || ${asBefore("clusterIP")}`,
      message: "the Service that gives a registry's Pods their names is headless",
    },
    {
      expression: ["externalIPs", "externalName", "loadBalancerIP"]
        .map((field) => `(!has(object.spec.${field}) || ${asBefore(field)})`)
        .join(" && "),
      message: "the Service of a registry has no address outside of the cluster",
    },
    {
      expression: `object.metadata.ownerReferences.exists(o, o.?controller.orValue(false) && object.spec.?selector[?${label}].orValue("") == o.name)`,
      message: "the Service of a registry selects the Pods of its OrasCache",
    },
  ];
}

/** Fields of a claim that the operator sets when it makes one, and what the API server adds to it. */
const claimFields = ["accessModes", "resources", "storageClassName", "volumeMode"];
/** The API server sets it on each claim that is made. */
const claimProtection = "kubernetes.io/pvc-protection";

const claimVariables = {
  label: `object == null ? "" : object.metadata.?labels[?${quote(names.cacheLabel)}].orValue("")`,
  oldLabel: `oldObject == null ? "" : oldObject.metadata.?labels[?${quote(names.cacheLabel)}].orValue("")`,
};

/** A claim holds artifacts: it is made, given an owner and made larger, never deleted, and no other one is touched. */
function claimRules(): Validation[] {
  const isOurs = (object: string, label: string) =>
    `${object} == null || (variables.${label} != "" && ${object}.metadata.name == variables.${label} + "-data")`;
  const cache = `o.kind == ${quote(names.kind)} && o.apiVersion.startsWith(${quote(`${names.group}/`)}) && o.name == variables.label`;
  const isUpdate = "object != null && oldObject != null";
  const grows =
    // Of no type: the type checker knows no fields of resources.
    "dyn(oldObject).spec.?resources.?limits == dyn(object).spec.?resources.?limits && quantity(string(dyn(object).spec.resources.requests.storage)).compareTo(quantity(string(dyn(oldObject).spec.resources.requests.storage))) >= 0";
  return [
    {
      expression: `object != null && request.namespace != ${quote(names.operatorNamespace)}`,
      message: "the operator deletes no PersistentVolumeClaim, and makes none in its own namespace",
    },
    {
      expression: `(${isOurs("object", "label")}) && (${isOurs("oldObject", "oldLabel")})`,
      message: `the operator may only write PersistentVolumeClaims with the label ${names.cacheLabel} and the name that belongs to it`,
    },
    {
      expression: `object == null || object.metadata.?ownerReferences.orValue([]).all(o, (${cache}) || ${stored("ownerReferences", "o")})`,
      message: "a PersistentVolumeClaim that the operator writes has no owner but its OrasCache",
    },
    {
      expression: `object == null || object.metadata.?finalizers.orValue([]).all(f, f == ${quote(claimProtection)} || ${stored("finalizers", "f")})`,
      message: "the operator sets no finalizers on a PersistentVolumeClaim",
    },
    {
      expression: `object == null || size(${addedAnnotations([names.generationAnnotation])}) == 0`,
      message: "the operator sets no annotations on a PersistentVolumeClaim",
    },
    {
      expression: `object == null || oldObject != null || dyn(object.spec).all(k, k in ${list(claimFields)})`,
      message: `a PersistentVolumeClaim that the operator makes has these fields: ${claimFields.join(", ")}`,
    },
    {
      expression: `!(${isUpdate}) || (${unchanged(".spec", ["resources"])} && ${grows})`,
      message: "the operator may make a PersistentVolumeClaim larger, and change nothing else of its spec",
    },
  ];
}

/** Secrets of a cache that are created once: their names end in a digest (see src/cache/once-secret.ts). */
const onceSecrets = [
  { purpose: "http", type: "Opaque", keys: ["httpSecret"] },
  { purpose: "key", type: "Opaque", keys: ["key"] },
  {
    purpose: "credentials",
    type: "kubernetes.io/dockerconfigjson",
    keys: [".dockerconfigjson", "username", "password"],
  },
];

/** CEL for whether a Secret is such a one. */
function isOnce({ purpose, type, keys }: (typeof onceSecrets)[number]): string {
  const named = `object.metadata.ownerReferences.exists(o, object.metadata.name.startsWith(o.name + "-${purpose}-") && object.metadata.name.substring(size(o.name)).matches("^-${purpose}-[0-9a-f]{10}$"))`;
  return `object.type == ${quote(type)} && ${named} && object.?data.orValue({}).all(k, k in ${list(keys)})`;
}

function secretRules(owned: string, wasOwned: string): Validation[] {
  const certificate = (object: string) =>
    `${object}.metadata.namespace == ${quote(names.operatorNamespace)} && ${object}.metadata.name == ${quote(names.webhookSecret)} && ${object}.type == "kubernetes.io/tls"`;
  const cacheKey = `object.metadata.namespace == ${quote(names.operatorNamespace)} && object.metadata.name == ${quote(names.cacheKeySecret)} && object.type == "Opaque" && oldObject == null && object.?immutable.orValue(false) && ${lifetime}`;
  const ofCache = `object.?immutable.orValue(false) && request.namespace != ${quote(names.operatorNamespace)} && ${owned} && size(object.metadata.ownerReferences) == 1 && (${onceSecrets.map(isOnce).join(" || ")}) && ${noFinalizer}`;
  return [
    {
      // Also before a patch is answered with what the Secret holds.
      expression: `oldObject == null || (${certificate("oldObject")}) || ${wasOwned}`,
      message: "the operator may only change Secrets that it made",
    },
    {
      expression: `object == null || (${certificate("object")}) || (${cacheKey}) || (${ofCache})`,
      message: `the operator may only write its certificate, ${names.webhookSecret}, create ${names.cacheKeySecret}, and the Secrets of an OrasCache`,
    },
    {
      expression: `object == null || (${certificate("object")}) || size(${addedAnnotations([names.generationAnnotation])}) == 0`,
      message: `the operator sets one annotation on a Secret, ${names.generationAnnotation}`,
    },
    {
      expression: `object == null || !(${certificate("object")}) || ${lifetime}`,
      message: `the operator sets no owner and no finalizers on ${names.webhookSecret}`,
    },
  ];
}

/** Every field of a webhook but the CA bundle, as admissionregistration.k8s.io/v1 has them. */
const webhookFields = [
  ...["name", "rules", "matchConditions", "namespaceSelector", "objectSelector", "matchPolicy"],
  ...["failurePolicy", "reinvocationPolicy", "sideEffects", "timeoutSeconds", "admissionReviewVersions"],
];

function webhookRules(): Validation[] {
  const same = [
    ...webhookFields.map((field) => `o.?${field} == w.?${field}`),
    "o.clientConfig.?service == w.clientConfig.?service",
    "o.clientConfig.?url == w.clientConfig.?url",
  ];
  return [
    {
      expression: `object != null && oldObject != null && object.metadata.name == ${quote(names.webhookConfiguration)}`,
      message: `the operator may only change ${names.webhookConfiguration}`,
    },
    {
      expression: `object == null || oldObject == null || (object.webhooks.map(w, w.name) == oldObject.webhooks.map(w, w.name) && object.webhooks.all(w, oldObject.webhooks.exists(o, ${same.join(" && ")})))`,
      message: "the operator may only change the caBundle of its webhooks",
    },
    {
      expression: `object == null || oldObject == null || (${unchangedMetadata()})`,
      message: `the operator may not change the metadata of ${names.webhookConfiguration}`,
    },
  ];
}
