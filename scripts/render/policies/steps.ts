import { names } from "../../../schema/names.ts";
import { resources } from "../../../src/kube/resources.ts";
import { list, type PolicySpec, quote, type Validation } from "./policy.ts";
import { unchanged, unchangedMetadata } from "./same.ts";

type StepPolicy = Pick<PolicySpec, "name" | "resources" | "operations" | "variables" | "validations">;

/** Reasons for which a step fails that waits for its inputs. In a Pod also types of conditions. */
const failures = ["InputNeverCame", "InputProducerFailed"];

/** What `input-digests` holds, if anything: no word can name a repository, so a pin leads to no other one. */
const pins = (() => {
  const word = "(sha256:[0-9a-f]{64}|tag|wait)";
  return `^(${word}(,${word})*)?$`;
})();

/** Forms of what is written for memoization: a key, with what became of its result; and whose result is about to be taken. */
const hex = "[0-9a-f]{64}";
const words = "written|refused|different";
const memoKey = `^${hex}$`;
const recordedKey = `^${hex} (${words})$`;
const memoClaim = `^${hex} sha256:${hex} (none|sha256:${hex}) [^\\n]{1,1000}$`;
/** The reason of what ends a step that takes a result. */
const memoized = quote("Memoized");

const deadline = "activeDeadlineSeconds";

/** Some indexes of a Job, as the Job controller writes them. */
const indexes = (() => {
  const row = "(0|[1-9][0-9]{0,5})(-[1-9][0-9]{0,5})?";
  return `^${row}(,${row})*$`;
})();

/** What a Job has of indexes whose results it has taken, and their number. A walk along the list: it may have hundreds. */
const rows = 'variables.indexes.split(",").map(r, r.split("-"))';
const counted = `${rows}.map(r, r.size() == 1 ? 1 : int(r[1]) - int(r[0]) + 1).sum()`;
const ends = 'variables.indexes.replace("-", ",").split(",")';
/** Each after the one before, as twice of it and one more still is before twice of the next. */
const ascending = `${ends}.map(n, string(2 * int(n)) + "," + string(2 * int(n) + 1)).join(",").split(",").map(n, int(n)).isSorted()`;
const last = `${ends}.map(n, int(n)).max()`;

/**
 * What the operator may write of Pods: end a step that cannot end by itself, open the gate of one that waits for its
 * inputs, fail one whose inputs never come, and say of each whether its inputs are there.
 *
 * The policy keeps its first name: `kubectl apply` deletes none, and one that is left behind would refuse what is new.
 */
export function podPolicy(): StepPolicy {
  const gates = (object: string) => `${object}.spec.?schedulingGates.orValue([])`;
  const lowered = `has(object.spec.${deadline}) && (!has(oldObject.spec.${deadline}) || object.spec.${deadline} < oldObject.spec.${deadline})`;
  const gate = quote(names.inputsGate);
  const text = (object: string, field: string) => `${object}.?status.?${field}.orValue("")`;
  const failed = `${text("object", "reason")} in ${list(failures)} && variables.conditions.exists(c, c.type == object.status.reason && c.status == "True")`;
  return {
    name: "ends-steps-only",
    resources: withSubresources(resources.pods),
    operations: ["CREATE", "UPDATE", "DELETE", "CONNECT"],
    variables: {
      ...commonVariables,
      fails: `variables.isStatus && ${text("oldObject", "phase")} == "Pending" && ${text("object", "phase")} == "Failed"`,
      takes: `variables.isStatus && ${text("oldObject", "phase")} == "Pending" && ${text("object", "phase")} == "Succeeded"`,
      memoized: `${text("oldObject", "phase")} == "Succeeded" && ${text("oldObject", "reason")} == ${memoized}`,
      tookSome: "false",
    },
    validations: [
      ...commonRules("Pod"),
      onMain(
        unchanged(".spec", [deadline, "schedulingGates"]),
        `the operator may change ${deadline} and schedulingGates of a Pod, and no other field of its spec`,
      ),
      onMain(
        // A Pod that does not wait is written to be ended, not to pass through other webhooks again.
        `(variables.injected && ${lowered}) || ((variables.waiting || variables.records) && object.spec.?${deadline} == oldObject.spec.?${deadline})`,
        `the operator may set and lower ${deadline} of a Pod with the label ${names.injectedLabel}, not raise or remove it`,
      ),
      onMain(
        `${gates("object")} == ${gates("oldObject")} || (variables.waiting && ${gates("object")} == ${gates("oldObject")}.filter(g, g.name != ${gate}))`,
        `the operator may remove the scheduling gate ${names.inputsGate} of a Pod that waits, and change no other gate`,
      ),
      onMain(
        pinned(".metadata"),
        `${names.inputDigestsAnnotation} holds sha256:DIGEST, tag or wait for each input, separated by commas`,
      ),
      onStatus(
        unchanged(".?status.orValue({})", ["conditions", "phase", "reason", "message"]),
        "the operator may change phase, reason, message and conditions in the status of a Pod, and no other field",
      ),
      onStatus(
        `variables.fails || variables.takes || ["phase", "reason", "message"].all(f, dyn(object).?status[?f] == dyn(oldObject).?status[?f])`,
        "the operator may change phase, reason and message of a Pod only to make it Failed or Succeeded while it is Pending",
      ),
      onStatus(
        `!variables.takes || (variables.claimed && oldObject.spec.?nodeName.orValue("") == "" && ${gates("oldObject")}.exists(g, g.name == ${gate}) && ${text("object", "reason")} == ${memoized})`,
        `the operator may make a Pod Succeeded that has the label ${names.waitingLabel}, the annotation ${names.memoClaimAnnotation}, the scheduling gate ${names.inputsGate} and no node, with the reason Memoized`,
      ),
      onStatus(
        `!variables.fails || (variables.waiting && oldObject.spec.?nodeName.orValue("") == "" && ${gates("oldObject")}.exists(g, g.name == ${gate}) && ${failed})`,
        `the operator may fail a Pod that has the label ${names.waitingLabel}, the scheduling gate ${names.inputsGate} and no node, with one of these as its reason and as a condition: ${failures.join(", ")}`,
      ),
      ...conditionRules("Pod", [
        `variables.fails && c.type == object.status.reason && c.status == "True"`,
        // Why it is not scheduled: kubectl would go on to say SchedulingGated.
        `(variables.fails || variables.takes) && c.type == "PodScheduled" && c.status == "False"`,
      ]),
    ],
  };
}

/**
 * What the operator may write of Jobs: resume one that it suspended until its inputs are there, fail one whose inputs
 * never come, and say of each whether its inputs are there.
 */
export function jobPolicy(): StepPolicy {
  const template = ".spec.template.?metadata.orValue({})";
  const annotations = ".spec.template.?metadata.?annotations.orValue({})";
  const suspended = (object: string) => `${object}.spec.?suspend.orValue(false)`;
  const has = (object: string, type = "FailureTarget") =>
    `${object}.?status.?conditions.orValue([]).exists(c, c.type == "${type}")`;
  const gate = `oldObject.metadata.?annotations[?${quote(names.gateAnnotation)}].orValue("")`;
  // Where nobody says how many, it is one.
  const completions = "oldObject.spec.?completions.orValue(oldObject.spec.?parallelism.orValue(1))";
  const all = `(${completions} == 1 ? "0" : ${completions} == 2 ? "0,1" : "0-" + string(${completions} - 1))`;
  const isIndexed = `oldObject.spec.?completionMode.orValue("") == "Indexed"`;
  const status = ".?status.orValue({})";
  const completed = (object: string) => `${object}.?status.?completedIndexes.orValue("")`;
  /** It has never run, and nothing but its indexes counts. */
  const fresh = `!has(oldObject.status.startTime) && oldObject.status.?succeeded.orValue(0) == 0 && oldObject.status.?failed.orValue(0) == 0 && ${completed("oldObject")} == "" && !has(oldObject.spec.successPolicy)`;
  return {
    name: "opens-jobs-only",
    resources: withSubresources(resources.jobs),
    operations: ["CREATE", "UPDATE", "DELETE", "CONNECT"],
    variables: {
      ...commonVariables,
      fails: `variables.isStatus && variables.waiting && ${suspended("oldObject")} && !${has("oldObject")} && ${has("object")}`,
      takes: `variables.isStatus && variables.claimed && ${suspended("oldObject")} && ${gate} == "suspend" && !${has("oldObject", "SuccessCriteriaMet")} && ${has("object", "SuccessCriteriaMet")}`,
      takesSome: `variables.isStatus && variables.claimed && ${suspended("oldObject")} && ${gate} == "suspend" && ${isIndexed} && !${has("object", "SuccessCriteriaMet")} && ${completed("object")} != ${completed("oldObject")}`,
      indexes: completed("object"),
      memoized: `oldObject.?status.?conditions.orValue([]).exists(c, c.type == "SuccessCriteriaMet" && c.status == "True" && c.?reason.orValue("") == ${memoized})`,
      tookSome: `variables.claimed && ${suspended("oldObject")} && ${isIndexed} && ${completed("oldObject")} != ""`,
    },
    validations: [
      ...commonRules("Job"),
      onMain(
        `variables.waiting || (variables.records && ${unchanged(".spec")})`,
        `the operator may only change Jobs with the label ${names.waitingLabel}, and the annotation ${names.memoKeyAnnotation} of others`,
      ),
      onMain(
        unchanged(".spec", ["suspend", "template"]),
        "the operator may change suspend and template of a Job, and no other field of its spec",
      ),
      onMain(
        `${suspended("object")} == ${suspended("oldObject")} || (${suspended("oldObject")} && oldObject.metadata.?annotations[?${quote(names.gateAnnotation)}].orValue("") == "suspend")`,
        `the operator may resume a Job whose annotation ${names.gateAnnotation} is "suspend", and suspend none`,
      ),
      onMain(
        [
          unchanged(".spec.template", ["metadata"]),
          unchanged(template, ["annotations"]),
          unchanged(annotations, [names.inputDigestsAnnotation]),
        ].join(" && "),
        `the operator may change the annotation ${names.inputDigestsAnnotation} of a Job's template, and no other field of it`,
      ),
      onMain(
        pinned(".spec.template.?metadata"),
        `${names.inputDigestsAnnotation} of a Job's template holds sha256:DIGEST, tag or wait for each input, separated by commas`,
      ),
      onStatus(
        `oldObject.spec.?managedBy.orValue(${quote(names.jobController)}) == ${quote(names.jobController)}`,
        `the operator may not write the status of a Job whose managedBy is another than ${names.jobController}`,
      ),
      onStatus(
        `${unchanged(status, ["conditions", "startTime"])} || (variables.takes && ${unchanged(status, ["conditions", "startTime", "succeeded", "completedIndexes"])}) || (variables.takesSome && ${unchanged(status, ["succeeded", "completedIndexes"])})`,
        "the operator may change startTime and conditions in the status of a Job, and succeeded and completedIndexes of one that takes results, and no other field",
      ),
      onStatus(
        "object.?status.?startTime == oldObject.?status.?startTime || ((variables.fails || variables.takes) && !has(oldObject.status.startTime))",
        "the operator may set startTime of a Job only with the condition FailureTarget or SuccessCriteriaMet, and not change it",
      ),
      onStatus(
        // The API server does not compare them.
        `!variables.takes || (has(object.status.startTime) && object.status.?succeeded.orValue(0) == ${completions} && (${isIndexed} ? object.status.?completedIndexes.orValue("") == ${all} : !has(object.status.completedIndexes)))`,
        "the operator may end a Job that takes a result only as a whole: succeeded is spec.completions, and completedIndexes has all indexes of an Indexed Job",
      ),
      onStatus(
        `!variables.takesSome || (${fresh} && variables.indexes.matches(${quote(indexes)}) && ${ascending} && ${last} < ${completions} && ${counted} == object.status.?succeeded.orValue(0) && ${counted} < ${completions})`,
        "the operator may complete some indexes of an Indexed Job that has never run and has no successPolicy, once: succeeded is how many completedIndexes has, and others are left",
      ),
      ...conditionRules("Job", [
        `c.type == ${quote(names.outputIndexed)} && c.status in ["True", "False"] && variables.injected`,
        `variables.fails && c.type == "FailureTarget" && c.status == "True" && c.?reason.orValue("") in ${list(failures)}`,
        `variables.takes && c.type == "SuccessCriteriaMet" && c.status == "True" && c.?reason.orValue("") == ${memoized}`,
        // Some health checks look at this one first.
        `variables.takes && c.type == "Suspended" && c.status == "False" && c.?reason.orValue("") == ${memoized}`,
      ]),
    ],
  };
}

/** With every subresource: exec, eviction, ephemeral containers, status and those to come. */
function withSubresources({ group, version, plural }: { group: string; version: string; plural: string }) {
  return [plural, `${plural}/*`].map((resource) => ({ group, version, resource }));
}

const noted = (object: string, annotation: string) =>
  `${object}.metadata.?annotations[?${quote(annotation)}].orValue("")`;

const bears = (label: string) => `oldObject.metadata.?labels[?${quote(label)}].orValue("") == "true"`;

const commonVariables = {
  // Absent on the object itself, not empty.
  isMain: 'request.operation == "UPDATE" && request.?subResource.orValue("") == ""',
  isStatus: 'request.operation == "UPDATE" && request.?subResource.orValue("") == "status"',
  injected: bears(names.injectedLabel),
  waiting: bears(names.waitingLabel),
  claimed: `${bears(names.waitingLabel)} && ${noted("oldObject", names.memoClaimAnnotation)}.matches(${quote(memoClaim)})`,
  // What became of the result of a step that ran.
  records: `${bears(names.injectedLabel)} && ${noted("oldObject", names.memoKeyAnnotation)}.matches(${quote(memoKey)}) && ${noted("object", names.memoKeyAnnotation)}.matches(${quote(recordedKey)}) && ${noted("object", names.memoKeyAnnotation)}.startsWith(${noted("oldObject", names.memoKeyAnnotation)})`,
  conditions: "object.?status.?conditions.orValue([])",
  oldConditions: "oldObject.?status.?conditions.orValue([])",
};

function commonRules(kind: "Pod" | "Job"): Validation[] {
  const labels = ".metadata.?labels.orValue({})";
  const annotations = ".metadata.?annotations.orValue({})";
  const own = [names.waitingForAnnotation, names.inputDigestsAnnotation, names.kueueGatesAnnotation];
  const memo = [names.memoKeyAnnotation, names.memoClaimAnnotation, names.memoizedFromAnnotation];
  const label = (object: string, name: string) => `${object}.metadata.?labels[?${quote(name)}]`;
  const annotation = (object: string, name: string) => `${object}.metadata.?annotations[?${quote(name)}]`;
  const same = (name: string) => `${annotation("object", name)} == ${annotation("oldObject", name)}`;
  const formed = (name: string, form: string) =>
    `${same(name)} || ${annotation("object", name)}.orValue("").matches(${quote(form)})`;
  const kueue = (object: string) =>
    `${object}.metadata.?annotations[?${quote(names.kueueGatesAnnotation)}].orValue("")`;
  const gates = (object: string, keep: string) =>
    `${kueue(object)}.split(",").map(n, n.trim()).filter(n, n != ""${keep})`;
  return [
    {
      expression: "(variables.isMain || variables.isStatus) && (variables.injected || variables.waiting)",
      message: `the operator may only change ${kind}s with the label ${names.injectedLabel} or ${names.waitingLabel}, and their status, and no other part of them that has an address of its own`,
    },
    onStatus(
      `${unchangedMetadata()} && ${unchanged(".spec")}`,
      `the operator may change nothing of a ${kind} but the status by its status`,
    ),
    onMain(
      `${unchangedMetadata(["labels", "annotations"])} && ${unchanged(labels, [names.waitingLabel, names.memoizedLabel])} && (${unchanged(annotations)} || (variables.waiting && ${unchanged(annotations, [...own, ...memo])}) || (variables.records && ${unchanged(annotations, [names.memoKeyAnnotation])}))`,
      `the operator may change the labels ${names.waitingLabel} and ${names.memoizedLabel} and the annotations ${[...own, ...memo].join(", ")} of a ${kind} that waits, ${names.memoKeyAnnotation} of one that has run, and nothing else of their metadata`,
    ),
    onMain(
      `${kueue("object")} == ${kueue("oldObject")} || (variables.waiting && ${gates("object", "")} == ${gates("oldObject", ` && n != ${quote(names.inputsGate)}`)})`,
      `the operator may remove ${names.inputsGate} from the annotation ${names.kueueGatesAnnotation} of a ${kind} that waits, and no other name`,
    ),
    onMain(
      // Where the last label of a Job goes, the API server gives it those of its template.
      `${label("object", names.waitingLabel)} == ${label("oldObject", names.waitingLabel)} || (variables.waiting && ${label("object", names.waitingLabel)}.orValue("") == "false")`,
      `the operator may change the label ${names.waitingLabel} from "true" to "false" only`,
    ),
    onMain(
      `(${label("object", names.memoizedLabel)} == ${label("oldObject", names.memoizedLabel)} || (variables.memoized && variables.waiting && ${label("object", names.memoizedLabel)}.orValue("") == "true")) && (${same(names.memoizedFromAnnotation)} || variables.memoized || variables.tookSome)`,
      `the operator may set the label ${names.memoizedLabel} to "true" of a ${kind} that it has ended with the reason Memoized, and the annotation ${names.memoizedFromAnnotation} of one that has taken results`,
    ),
    onMain(
      `variables.records || ((${formed(names.memoKeyAnnotation, memoKey)}) && (!has(object.metadata.annotations) || !(${quote(names.memoClaimAnnotation)} in object.metadata.annotations) || ${formed(names.memoClaimAnnotation, memoClaim)}))`,
      `${names.memoKeyAnnotation} holds a key, and ${names.memoClaimAnnotation} a key, two digests and who made the result`,
    ),
  ];
}

/**
 * The operator's own condition may be written, others as they are allowed here; all that were there stay.
 *
 * @param more - CEL for what else the condition `c` may be
 */
function conditionRules(kind: "Pod" | "Job", more: readonly string[]): Validation[] {
  const ends =
    kind === "Pod"
      ? `${failures.join(", ")} and PodScheduled`
      : "FailureTarget, SuccessCriteriaMet and Suspended=False";
  const own = `c.type == ${quote(names.inputsAvailable)} && c.status in ["True", "False"] && variables.injected`;
  const allowed = [own, ...more].map((one) => `(${one})`).join(" || ");
  return [
    onStatus(
      `variables.conditions.all(c, variables.oldConditions.exists(o, o == c) || ${allowed})`,
      `the operator may write the condition ${names.inputsAvailable} of a ${kind} with the label ${names.injectedLabel}, ${kind === "Job" ? `${names.outputIndexed}, ` : ""}and those with which it ends one that waits: ${ends}`,
    ),
    onStatus(
      "variables.oldConditions.all(o, variables.conditions.exists(c, c.type == o.type)) && variables.conditions.all(c, variables.conditions.exists_one(o, o.type == c.type))",
      `the operator removes no condition of a ${kind}, and writes none twice`,
    ),
  ];
}

/**
 * CEL for whether the pins in some annotations are as before, or have their form.
 *
 * @param path - of the metadata, from the object on
 */
function pinned(path: string): string {
  const value = (object: string) => `${object}${path}.?annotations[?${quote(names.inputDigestsAnnotation)}]`;
  return `${value("object")} == ${value("oldObject")} || ${value("object")}.orValue("").matches(${quote(pins)})`;
}

function onMain(expression: string, message: string): Validation {
  return { expression: `!variables.isMain || (${expression})`, message };
}

function onStatus(expression: string, message: string): Validation {
  return { expression: `!variables.isStatus || (${expression})`, message };
}
