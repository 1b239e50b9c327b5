import { names } from "../../../schema/names.ts";
import {
  annotationsOf,
  liveAnnotations,
  lookAlike,
  mistypedStart,
  type Place,
  places,
  projects,
  sentences,
  writtenAnnotations,
  writtenLabels,
} from "../../../src/workload/places.ts";
import { annotationNodes, isList, type Schema } from "../schema.ts";
import { list, type PolicySpec, policy, quote, type Validation } from "./policy.ts";

/**
 * Policies that say what is written for the operator where nobody reads it, and refuse names that nobody knows before
 * they stand in a running controller. They help authors and refuse nothing else: an expression that fails is ignored.
 */
export function annotationPolicies(schema: Schema): object[] {
  const help = (
    spec: Pick<PolicySpec, "name" | "resources" | "operations" | "validations" | "action"> &
      Partial<Pick<PolicySpec, "variables">>,
  ) => policy({ ...spec, name: `oras-annotations-${spec.name}`, onlyIf: byAuthors, failurePolicy: "Ignore" });
  const makers = places.filter(({ read }) => !read.includes("metadata"));
  const steps = places.filter((place) => !makers.includes(place));
  const templates = {
    read: metadataOf("object", makers),
    before: `oldObject == null ? [] : ${metadataOf("oldObject", makers)}`,
    known: list(annotationNodes(schema).map(([name]) => name)),
    lists: list(annotationNodes(schema).flatMap(([name, node]) => (isList(node) ? [name] : []))),
  };
  return [
    ...help({
      name: "without-effect",
      resources: places,
      operations: ["CREATE", "UPDATE"],
      action: "Warn",
      variables: {
        all: metadataOf("object", places),
        where: `{${places.map((place) => `${quote(place.kind)}: ${quote(annotationsOf(place))}`).join(", ")}}[request.kind.kind]`,
      },
      validations: [unread(steps), label(), mistyped(schema)],
    }),
    ...help({
      name: "changed-too-late",
      resources: steps,
      operations: ["UPDATE"],
      action: "Warn",
      variables: {
        now: annotationsIn("object"),
        before: annotationsIn("oldObject"),
        // What the operator reads as long as the step waits; a Job whose Pods wait has no label.
        live: `oldObject.metadata.?labels[?${quote(names.waitingLabel)}].orValue("") == "true" || (request.kind.kind == "Job" && variables.before[?${quote(names.gateAnnotation)}].orValue("") == "pod")`,
        changed: `variables.now.filter(k, ${notLive} && variables.before[?k].orValue("") != variables.now[k]) + variables.before.filter(k, ${notLive} && !(k in variables.now))`,
      },
      validations: [
        {
          expression: "size(variables.changed) == 0",
          message: "Annotations are read when an object is created; a change has no effect.",
          messageExpression: said(few("variables.changed"), sentences.changed),
        },
      ],
    }),
    ...help({
      name: "waits-in-rollout",
      resources: places.filter(({ group }) => group === "apps"),
      operations: ["CREATE", "UPDATE"],
      action: "Warn",
      validations: [
        {
          expression: `object.spec.template.?metadata.?annotations[?${quote(waitForInputs)}].orValue("") != "true"`,
          message: `${waitForInputs}: ${sentences.rollout}`,
        },
      ],
    }),
    ...help({
      name: "waits-at-each-tick",
      resources: places.filter(({ kind }) => kind === "CronJob"),
      operations: ["CREATE", "UPDATE"],
      action: "Warn",
      variables: {
        all: "[object.spec.jobTemplate.?metadata.?annotations.orValue({}), object.spec.jobTemplate.spec.template.?metadata.?annotations.orValue({})]",
      },
      validations: [
        {
          expression: `object.spec.?concurrencyPolicy.orValue("Allow") != "Allow" || !variables.all.exists(m, m[?${quote(waitForInputs)}].orValue("") == "true") || variables.all.exists(m, ${quote(waitTimeout)} in m)`,
          message: `${waitForInputs}: ${sentences.ticks}`,
        },
      ],
    }),
    ...help({
      name: "unknown",
      resources: makers,
      operations: ["CREATE", "UPDATE"],
      action: "Deny",
      variables: templates,
      validations: [unknown("!")],
    }),
    ...help({
      name: "still-unknown",
      resources: makers,
      operations: ["UPDATE"],
      action: "Warn",
      variables: templates,
      validations: [unknown("")],
    }),
  ];
}

/**
 * Objects that another object controls were written by a program, which reads no warnings and whose own object was
 * judged. A Deployment that was there before must get its ReplicaSets, whatever is in its template.
 */
const byAuthors = {
  "by-no-controller": "!object.metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false))",
  "by-no-component-of-kubernetes":
    '!request.userInfo.username.startsWith("system:serviceaccount:kube-system:") && request.userInfo.username != "system:kube-controller-manager"',
};

const waitForInputs = `${names.prefix}wait-for-inputs`;
const waitTimeout = `${names.prefix}wait-timeout`;

/** Whether a key `k` of an annotation is for the operator to read. */
const forUs = `k.startsWith(${quote(names.prefix)}) && !(k in ${list(writtenAnnotations)})`;

/** The same, less those that count while a step waits. */
const notLive = `${forUs} && !(variables.live && k in ${list(liveAnnotations)})`;

/** More keys than this in one place no person writes: what the API server spends on CEL grows with their square. */
const mostKeys = 1_000;

/** CEL for every metadata that is read in an object of one of the kinds. Those that it lacks are left out. */
function metadataOf(object: string, kinds: readonly Place[]): string {
  const paths = [...new Set(kinds.flatMap(({ read }) => read))];
  const sized = `size(m.?annotations.orValue({})) + size(m.?labels.orValue({})) <= ${mostKeys}`;
  const found = paths.map((path) => {
    const [first = "", inner] = path.split("[].").map((part) => part.replaceAll(".", ".?"));
    const start = `dyn(${object}).?${first}`;
    if (inner === undefined) return `[${start}]`;
    return `(size(${start}.orValue([])) <= ${mostKeys} ? ${start}.orValue([]) : []).map(e, dyn(e).?${inner})`;
  });
  return `(${found.join(" + ")}).filter(m, m.hasValue()).map(m, m.value()).filter(m, ${sized})`;
}

/** CEL for a list of keys as text. Messages of more than 5 KiB are dropped, so only some are named. */
export function few(keys: string): string {
  return `(size(${keys}) <= 8 ? ${keys}.join(", ") : ${keys}[0] + " and " + string(size(${keys}) - 1) + " more")`;
}

/** CEL for the keys of every metadata in a list that a condition on `k` holds for, as text. */
function keysIn(metadata: string, field: string, condition: string): string {
  return `${metadata}.map(m, m.?${field}.orValue({}).filter(k, ${condition})).filter(ks, size(ks) > 0).map(ks, ${few("ks")}).join(", ")`;
}

function none(metadata: string, field: string, condition: string): string {
  return `!${metadata}.exists(m, m.?${field}.orValue({}).exists(k, ${condition}))`;
}

/** CEL for the annotations or labels of an object; none where there are too many to look at. */
export function annotationsIn(object: string, field = "annotations"): string {
  const map = `${object}.metadata.?${field}.orValue({})`;
  return `size(${map}) <= ${mostKeys} ? ${map} : {}`;
}

function unread(steps: readonly Place[]): Validation {
  const own = `[{"annotations": ${annotationsIn("object")}}]`;
  return {
    expression: `request.kind.kind in ${list(steps.map(({ kind }) => kind))} || ${none(own, "annotations", forUs)}`,
    message: "Annotations are read in the templates of Pods and Jobs only.",
    messageExpression: said(keysIn(own, "annotations", forUs), sentences.unread),
  };
}

function label(): Validation {
  const condition = `k.startsWith(${quote(names.prefix)}) && !(k in ${list(writtenLabels)})`;
  return {
    expression: none("variables.all", "labels", condition),
    message: "Labels have no effect: the operator reads annotations.",
    messageExpression: said(keysIn("variables.all", "labels", condition), sentences.label),
  };
}

function mistyped(schema: Schema): Validation {
  const lower = "k.lowerAscii()";
  const maybe = projects.map((word) => `${lower}.contains(${quote(word)})`).join(" || ");
  const alike = lookAlike(annotationNodes(schema).map(([name]) => name));
  const condition = `!k.startsWith(${quote(names.prefix)}) && (${maybe}) && (${lower}.startsWith(${quote(mistypedStart)}) || ${lower}.matches(${quote(alike)}))`;
  const found = ["annotations", "labels"].map((field) => keysIn("variables.all", field, condition));
  return {
    expression: ["annotations", "labels"]
      .map((field) => none("variables.all", field, condition))
      .join(" && "),
    message: `Mistyped: ${sentences.mistyped}`,
    messageExpression: said(`[${found.join(", ")}].filter(s, s != "").join(", ")`, sentences.mistyped),
  };
}

/** @param before - `!` for what the request brings in, nothing for what was there */
function unknown(before: "!" | ""): Validation {
  const name = `k.substring(${names.prefix.length})`;
  const numbered = `${name}.contains("_") && ${name}.substring(0, ${name}.indexOf("_")) in variables.lists && ${name}.substring(${name}.indexOf("_") + 1).matches("^[1-9][0-9]{0,5}$")`;
  const condition = `${forUs} && !(${name} in variables.known) && !(${numbered}) && ${before}variables.before.exists(b, k in b.?annotations.orValue({}))`;
  const advice = before
    ? "Correct or remove it; if an earlier revision or a backup has it, apply that with the correction."
    : "Correct or remove it: Pods that have it are refused.";
  return {
    expression: none("variables.read", "annotations", condition),
    message: "An annotation has a name that the operator does not know.",
    messageExpression: `${keysIn("variables.read", "annotations", condition)} + ": no such annotation; known are " + variables.known.join(", ") + ${quote(`. ${advice}`)}`,
  };
}

/** CEL for keys and a sentence about them. */
function said(keys: string, words: string): string {
  const filled = quote(`: ${words}`)
    .replaceAll("{kind}", '" + request.kind.kind + "')
    .replaceAll("{at}", '" + variables.where + "');
  return `${keys} + ${filled}`;
}
