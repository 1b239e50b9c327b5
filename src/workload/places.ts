import { names } from "../../schema/names.ts";
import { injectedAnnotations, injectedLabels, isOurs } from "../annotations/map.ts";
import { workloadKinds } from "./read.ts";
import type { WorkloadKind } from "./workload.ts";

/** A kind of object that is a Pod or makes Pods, and where in it annotations are read. */
export interface Place {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** As in URLs of the API server. */
  readonly resource: string;
  /** Paths of the metadata whose annotations reach a Pod or a Job; `[]` stands for each element of a list. */
  readonly read: readonly [string, ...string[]];
}

const template = "spec.template.metadata";

/**
 * Where annotations are read. The webhook sees Pods and Jobs; every other kind here only makes them, and hands on
 * the metadata of its template. JobSet copies that of its Job templates too.
 */
export const places: readonly Place[] = [
  ...workloadKinds.map(placeOf),
  {
    group: "batch",
    version: "v1",
    kind: "CronJob",
    resource: "cronjobs",
    read: ["spec.jobTemplate.metadata", "spec.jobTemplate.spec.template.metadata"],
  },
  { group: "apps", version: "v1", kind: "Deployment", resource: "deployments", read: [template] },
  { group: "apps", version: "v1", kind: "StatefulSet", resource: "statefulsets", read: [template] },
  { group: "apps", version: "v1", kind: "DaemonSet", resource: "daemonsets", read: [template] },
  { group: "apps", version: "v1", kind: "ReplicaSet", resource: "replicasets", read: [template] },
  {
    group: "jobset.x-k8s.io",
    version: "v1alpha2",
    kind: "JobSet",
    resource: "jobsets",
    read: [
      "spec.replicatedJobs[].template.metadata",
      "spec.replicatedJobs[].template.spec.template.metadata",
    ],
  },
];

function placeOf({ group, kind, plural: resource, template: fields }: WorkloadKind): Place {
  const below = fields.length === 0 ? [] : [[...fields, "metadata"].join(".")];
  return { group, version: "v1", kind, resource, read: ["metadata", ...below] };
}

/** Names under the prefix that the operator writes itself, as annotations; nobody else's are judged by them. */
export const writtenAnnotations: readonly string[] = injectedAnnotations;

/** Annotations of authors that are read again for as long as a step waits for its inputs. */
export const liveAnnotations: readonly string[] = [
  "wait-for-inputs",
  "wait-timeout",
  "on-producer-failure",
  "memoize",
].map((name) => names.prefix + name);

/** Names under the prefix that are read on an OrasCache, as annotations. */
export const cacheAnnotations: readonly string[] = [
  names.keepAnnotation,
  names.restartAnnotation,
  names.rotateAnnotation,
  names.forgetAnnotation,
  names.exportAnnotation,
];

/** Labels under the prefix that the operator writes itself. */
export const writtenLabels: readonly string[] = [...injectedLabels, names.cacheLabel];

/** What keys begin with that were meant for the operator, but do not begin with its prefix. */
export const mistypedStart = names.prefix.slice(0, names.prefix.indexOf("github"));

/**
 * The expression for keys, in lower case, that have the name of an annotation under another prefix of this project, such
 * as the API group. Only names that say what they are for: `input-uri` under `cache.converged-computing.github.io/` was
 * meant for the operator, `timeout` may be another program's. JavaScript and RE2 read it alike.
 *
 * @param known - names of all annotations
 */
export function lookAlike(known: readonly string[]): string {
  const telling = known.filter((name) => /^(input|output|oras)-/.test(name));
  return `^([^/]*[^/a-z])?(${projects.join("|")})([^/a-z][^/]*)?/(${telling.join("|")})(_[0-9]+)?$`;
}

/** Words of a prefix that may be meant for the operator. CEL looks for them first: it is cheaper than an expression. */
export const projects = ["oras", "converged"] as const;

/** Whether a key of an annotation was written by an author for the operator to read. */
export function isForUs(key: string): boolean {
  return isOurs(key) && !writtenAnnotations.includes(key);
}

/**
 * The sentences about annotations that nobody reads: the ValidatingAdmissionPolicies of the cluster say the same as
 * `oras-operator validate`. Each follows the keys that it is about; `{kind}` and `{at}` stand for the object's kind
 * and for where its annotations are read.
 */
export const sentences = {
  unread: "no effect on the {kind} itself; write it in {at}.",
  label: "no effect as a label; write it in {at}.",
  mistyped: `no effect; the prefix is ${names.prefix}.`,
  rollout:
    "a Pod that waits is not available to its controller: a rollout stops at it, and the progress deadline of a Deployment runs.",
  ticks:
    "each tick adds a Job that waits, with concurrencyPolicy Allow; write Forbid, or wait-timeout, which ends those whose inputs do not come.",
  changed: "no effect once the {kind} is created; delete the {kind} and create it again.",
} as const;

/** Where annotations of a kind are read, in words. */
export function annotationsOf({ read }: Place): string {
  return read.map((path) => `${path}.annotations`).join(" or ");
}
