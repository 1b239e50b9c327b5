import { names } from "../../schema/names.ts";

export type Kind = "pods" | "jobs";
export type PatchType = "merge" | "strategic-merge" | "json";

/** What the Job controller writes of a Job that is suspended. */
export const suspended = { type: "Suspended", status: "True", reason: "JobSuspended" };
export const now = "2026-01-01T00:00:00Z";

const digest = `sha256:${"a".repeat(64)}`;
export const memoKey = "b".repeat(64);
export const claim = `${memoKey} ${digest} none Job/split Pod/split-x 2026-01-01T00:00:00Z`;
/** By which the operator ends a Job that takes a result. */
export const criterion = { type: "SuccessCriteriaMet", status: "True", reason: "Memoized" };
const pins = { [names.inputDigestsAnnotation]: `${digest},tag,wait` };
const waitingFor = (value: string | null) => ({ annotations: { [names.waitingForAnnotation]: value } });
const label = (value: string | null) => ({ labels: { [names.waitingLabel]: value } });
const meta = <T extends object>(metadata: T) => ({ metadata });
const spec = (fields: object) => ({ spec: fields });
const status = (fields: object) => ({ status: fields });
const template = (metadata: object, fields: object = {}) =>
  spec({ template: { metadata, ...(Object.keys(fields).length > 0 && { spec: fields }) } });
const kueue = (value: string | null) => ({ annotations: { [names.kueueGatesAnnotation]: value } });
const pin = (value: string | null) => ({ annotations: { [names.inputDigestsAnnotation]: value } });
/** A strategic merge goes by the type, and leaves the others as they are. */
const conditions = (...list: object[]) => status({ conditions: list });
const condition = (type: string, value = "True", reason = type) => ({ type, status: value, reason });
const available = (value: string) => condition(names.inputsAvailable, value, "WaitingForInputs");
const indexed = (value: string) => condition(names.outputIndexed, value, "IndexPushed");
const resumed = { ...spec({ suspend: false }), ...meta({ ...label("false"), ...waitingFor(null) }) };

const ungated = spec({ schedulingGates: [{ name: "example.com/quota" }] });
const target = (reason: string) => condition("FailureTarget", "True", reason);
const scheduled = (value: string, reason: string) => condition("PodScheduled", value, reason);
const failed = (reason: string, fields: object = {}) =>
  status({
    ...{ phase: "Failed", reason, message: "because" },
    conditions: [condition(reason), scheduled("False", reason)],
    ...fields,
  });
const removedGate = [
  { op: "test", path: "/spec/schedulingGates/1/name", value: names.inputsGate },
  { op: "remove", path: "/spec/schedulingGates/1" },
];
const strategic = "strategic-merge";
const note = (key: string, value: string | null) => meta({ annotations: { [key]: value } });
const taken = (fields: object = {}, ...more: object[]) =>
  status({
    ...{ startTime: now, succeeded: 2, ...fields },
    conditions: [criterion, condition("Suspended", "False", "Memoized"), available("True"), ...more],
  });
const some = (completedIndexes: string | null, succeeded: number) => status({ completedIndexes, succeeded });
/** Of a thousand, as it is longest. */
const everyThird = Array.from({ length: 334 }, (_, i) => (i < 333 ? `${3 * i},${3 * i + 1}` : "999")).join(
  ",",
);
const takenPod = (fields: object = {}) =>
  status({
    ...{ phase: "Succeeded", reason: "Memoized", message: "because" },
    conditions: [scheduled("False", "Memoized"), available("True")],
    ...fields,
  });
const marked = meta({
  labels: { [names.waitingLabel]: "false", [names.memoizedLabel]: "true" },
  annotations: {
    ...{ [names.memoizedFromAnnotation]: "Job/split", [names.memoClaimAnnotation]: null },
    [names.waitingForAnnotation]: null,
  },
});
const memoized = (value: string) => ({ labels: { [names.memoizedLabel]: value } });

/** A patch of an object of step-fence.test.ts, or of its status: `NAME/status`. */
export type Write = [what: string, kind: Kind, target: string, body: unknown, type?: PatchType];

/** What the operator writes for gates, and to end a step. */
export const contractWrites: readonly Write[] = [
  ["say what a Job waits for", "jobs", "held", meta(waitingFor("[1]"))],
  ["say no more what a Job waits for", "jobs", "held", meta(waitingFor(null))],
  ["keep the pins of a Job's indexes", "jobs", "held", meta({ annotations: pins })],
  ["resume a Job", "jobs", "held", resumed],
  [
    "resume a Job with pins",
    "jobs",
    "held",
    { ...resumed, ...spec({ suspend: false, template: { metadata: { annotations: pins } } }) },
  ],
  ["pin the inputs of a Job that its author resumes", "jobs", "authors", template({ annotations: pins })],
  ["say that a Job waits no more", "jobs", "held", meta(label("false"))],
  ["let Kueue admit a Job", "jobs", "held", meta({ ...label("false"), ...kueue("example.com/data") })],
  ["let Kueue admit a Pod", "pods", "gated", meta(kueue("example.com/data"))],
  ["say what a Job waits for whose status is somebody else's", "jobs", "managed", meta(waitingFor("[1]"))],
  ["resume such a Job", "jobs", "managed", resumed],
  [
    "end a Job that Kubernetes' own controller manages",
    "jobs",
    "kubernetes-own/status",
    status({ startTime: now, conditions: [suspended, target("InputNeverCame")] }),
  ],
  ["say that a Job's inputs are missing", "jobs", "held/status", conditions(available("False")), strategic],
  ["say that a Job's inputs are there", "jobs", "opened/status", conditions(available("True")), strategic],
  ["the same while it runs", "jobs", "runs/status", conditions(available("True")), strategic],
  ["say that a Job's index is written", "jobs", "ran/status", conditions(indexed("True")), strategic],
  ["say that a Job's index is not written", "jobs", "ran/status", conditions(indexed("False")), strategic],
  ...["InputNeverCame", "InputProducerFailed"].flatMap((reason): Write[] => [
    [
      `fail a Job for ${reason}`,
      "jobs",
      "held/status",
      status({ startTime: now, conditions: [target(reason)] }),
      strategic,
    ],
    [
      `fail a Job for ${reason} by a JSON patch`,
      "jobs",
      "held/status",
      [
        { op: "test", path: "/spec/suspend", value: true },
        { op: "add", path: "/status/startTime", value: now },
        { op: "add", path: "/status/conditions/-", value: target(reason) },
        { op: "add", path: "/status/conditions/-", value: available("False") },
      ],
      "json",
    ],
    [`fail a Pod for ${reason}`, "pods", "gated/status", failed(reason), strategic],
  ]),
  ["remove its gate of a Pod", "pods", "gated", removedGate, "json"],
  ["open a Pod", "pods", "gated", { ...ungated, ...meta({ ...label("false"), annotations: pins }) }],
  ["open a Pod without pins", "pods", "gated", { ...ungated, ...meta(label("false")) }],
  ["say what a Pod waits for", "pods", "gated", meta(waitingFor("[1]"))],
  ["say that a Pod's inputs are missing", "pods", "gated/status", conditions(available("False")), strategic],
  ["say that a Pod's inputs are there", "pods", "opened/status", conditions(available("True")), strategic],
  ["end a Pod", "pods", "bound", spec({ activeDeadlineSeconds: 5 })],
  ["resume a Job with a key", "jobs", "held", { ...resumed, ...note(names.memoKeyAnnotation, memoKey) }],
  ["claim a result for a Job", "jobs", "held", note(names.memoClaimAnnotation, claim)],
  ["withdraw a claim", "jobs", "claimed", note(names.memoClaimAnnotation, null)],
  ["end a Job that takes a result", "jobs", "claimed/status", taken(), strategic],
  [
    "end an Indexed Job that takes results",
    "jobs",
    "indexed/status",
    taken({ succeeded: 3, completedIndexes: "0-2" }),
    strategic,
  ],
  ["complete some indexes of a Job", "jobs", "indexed/status", some("0,2", 2)],
  ["complete most indexes of a long Job", "jobs", "long/status", some(everyThird, 667)],
  [
    "end a Job that takes the rest, too",
    "jobs",
    "part/status",
    taken({ succeeded: 3, completedIndexes: "0-2" }),
    strategic,
  ],
  [
    "resume a Job of which some indexes are complete",
    "jobs",
    "part",
    {
      ...resumed,
      ...meta({
        ...label("false"),
        annotations: {
          ...{ [names.waitingForAnnotation]: null, [names.memoClaimAnnotation]: null },
          [names.memoKeyAnnotation]: memoKey,
          [names.memoizedFromAnnotation]: "Job/split 2026-01-01T00:00:00Z indexes 0,2",
        },
      }),
    },
  ],
  ["say that a Job took a result", "jobs", "took", marked],
  [
    "say that the result of a Job is remembered",
    "jobs",
    "ran",
    note(names.memoKeyAnnotation, `${memoKey} written`),
  ],
  ["claim a result for a Pod", "pods", "gated", note(names.memoClaimAnnotation, claim)],
  ["end a Pod that takes a result", "pods", "claimed/status", takenPod(), strategic],
  [
    "say that the result of a Pod is not remembered",
    "pods",
    "ran",
    note(names.memoKeyAnnotation, `${memoKey} refused`),
  ],
];

/** What looks like memoization and is none. */
const memoAttacks: readonly Write[] = [
  ["success without a claim", "jobs", "held/status", taken(), strategic],
  ["success, which is somebody else's to say", "jobs", "managed-claimed/status", taken(), strategic],
  ["indexes, which are somebody else's to say", "jobs", "managed-indexed/status", some("0,2", 2)],
  ["success that its author has to resume", "jobs", "authors-claimed/status", taken(), strategic],
  ["success of a part", "jobs", "claimed/status", taken({ succeeded: 1 }), strategic],
  ["more success than there is", "jobs", "claimed/status", taken({ succeeded: 3 }), strategic],
  ["success without a start", "jobs", "claimed/status", taken({ startTime: null }), strategic],
  ["indexes that it has not", "jobs", "claimed/status", taken({ completedIndexes: "0,1" }), strategic],
  [
    "some of its indexes",
    "jobs",
    "indexed/status",
    taken({ succeeded: 3, completedIndexes: "0,2" }),
    strategic,
  ],
  ["some of its indexes without a claim", "jobs", "held-indexed/status", some("0,2", 2)],
  ["some of its indexes that its author has to resume", "jobs", "authors-indexed/status", some("0,2", 2)],
  ["some of its indexes while it runs", "jobs", "runs-indexed/status", some("0,2", 2)],
  ["some of its indexes of a Job with a policy", "jobs", "policy/status", some("0,2", 2)],
  ["some of its indexes after others", "jobs", "part/status", some("0,1", 2)],
  ["no indexes after some", "jobs", "part/status", some(null, 0)],
  ["indexes of a Job without any", "jobs", "claimed/status", some("0", 1)],
  ["all of its indexes without an end", "jobs", "indexed/status", some("0-2", 3)],
  ["more than its indexes", "jobs", "indexed/status", some("0,2", 3)],
  ["less than its indexes", "jobs", "indexed/status", some("0,2", 1)],
  ["an index that it has not", "jobs", "indexed/status", some("0,3", 2)],
  ["an index twice", "jobs", "indexed/status", some("0,0", 2)],
  ["indexes in another order", "jobs", "indexed/status", some("2,0", 2)],
  ["a range backwards", "jobs", "indexed/status", some("2-0", -1)],
  ["words for indexes", "jobs", "indexed/status", some("a,b", 2)],
  ["success and no indexes", "jobs", "indexed/status", status({ succeeded: 2 })],
  ["indexes and no success", "jobs", "indexed/status", status({ completedIndexes: "0,2" })],
  [
    "some of its indexes and a start",
    "jobs",
    "indexed/status",
    status({ ...some("0,2", 2).status, startTime: now }),
  ],
  [
    "some of its indexes and failures",
    "jobs",
    "indexed/status",
    status({ ...some("0,2", 2).status, failed: 1 }),
  ],
  [
    "some of its indexes and failed ones",
    "jobs",
    "indexed/status",
    status({ ...some("0,2", 2).status, failedIndexes: "1" }),
  ],
  [
    "some of its indexes and counted Pods",
    "jobs",
    "indexed/status",
    status({ ...some("0,2", 2).status, uncountedTerminatedPods: { succeeded: ["x"] } }),
  ],
  ["the label of what took a result", "jobs", "part", meta(memoized("true"))],
  ["none of its indexes", "jobs", "indexed/status", taken({ succeeded: 3 }), strategic],
  [
    "success for another reason",
    "jobs",
    "claimed/status",
    taken({}, { ...criterion, reason: "x" }),
    strategic,
  ],
  ["success and active Pods", "jobs", "claimed/status", taken({ active: 1 }), strategic],
  ["success and completion", "jobs", "claimed/status", taken({}, condition("Complete")), strategic],
  ["success while it runs", "jobs", "runs/status", taken(), strategic],
  ["success after it was opened", "jobs", "opened/status", taken(), strategic],
  ["success without a criterion", "jobs", "claimed/status", status({ succeeded: 2 })],
  ["the label of what took a result", "jobs", "claimed", meta(memoized("true"))],
  ["another value of that label", "jobs", "took", meta(memoized("yes"))],
  ["a maker of its result", "jobs", "claimed", note(names.memoizedFromAnnotation, "evil")],
  ["a claim that is none", "jobs", "held", note(names.memoClaimAnnotation, "x")],
  ["a key that is none", "jobs", "held", note(names.memoKeyAnnotation, "x")],
  ["a key after it was opened", "jobs", "opened", note(names.memoKeyAnnotation, memoKey)],
  ["another key after it ran", "jobs", "ran", note(names.memoKeyAnnotation, `${"c".repeat(64)} written`)],
  ["another word after it ran", "jobs", "ran", note(names.memoKeyAnnotation, `${memoKey} evil`)],
  [
    "a pause, as its result is remembered",
    "jobs",
    "ran",
    { ...note(names.memoKeyAnnotation, `${memoKey} written`), ...spec({ suspend: false }) },
  ],
  [
    "a template, as its result is remembered",
    "jobs",
    "ran",
    { ...note(names.memoKeyAnnotation, `${memoKey} written`), ...template({ annotations: pins }) },
  ],
  ["success without a claim", "pods", "gated/status", takenPod(), strategic],
  ["success for another reason", "pods", "claimed/status", takenPod({ reason: "x" }), strategic],
  ["success and an address", "pods", "claimed/status", takenPod({ podIP: "10.0.0.9" }), strategic],
  ["success after it was opened", "pods", "opened/status", takenPod(), strategic],
  ["the label of what took a result", "pods", "claimed", meta(memoized("true"))],
  [
    "no gate, as its result is remembered",
    "pods",
    "ran",
    { ...note(names.memoKeyAnnotation, `${memoKey} written`), ...ungated },
  ],
];

const owner = {
  apiVersion: "v1",
  kind: "ConfigMap",
  name: "gone",
  uid: "11111111-1111-1111-1111-111111111111",
};
const container = (fields: object) => ({ containers: [{ name: "main", ...fields }] });

/** What neither a Pod nor a Job of a step may get in its metadata. */
const metadataAttacks = (kind: Kind, name: string): Write[] => [
  ["a label", kind, name, meta({ labels: { a: "b" } })],
  ["the label of a Job's Pods", kind, name, meta({ labels: { "batch.kubernetes.io/controller-uid": "x" } })],
  ["a changed label", kind, name, meta({ labels: { app: "dns" } })],
  ["a label less", kind, name, meta({ labels: { [names.injectedLabel]: null } })],
  ["the label waiting less", kind, name, meta(label(null))],
  ["another value of the label waiting", kind, name, meta(label("maybe"))],
  ["an annotation", kind, name, meta({ annotations: { a: "b" } })],
  ["what Kueue waits for", kind, name, meta(kueue(null))],
  ["what Kueue waits for of others", kind, name, meta(kueue(names.inputsGate))],
  ["something else that Kueue waits for", kind, name, meta(kueue("example.com/data,example.com/x"))],
  ["an annotation less", kind, name, meta({ annotations: { theirs: null } })],
  ["another gate by its annotation", kind, name, meta({ annotations: { [names.gateAnnotation]: "in-pod" } })],
  ["an annotation of the author's", kind, name, meta({ annotations: { [`${names.prefix}input-uri`]: "x" } })],
  ["an owner", kind, name, meta({ ownerReferences: [owner] })],
  ["a finalizer", kind, name, meta({ finalizers: ["example.com/x"] })],
];

/** What nobody may do with the operator's token, and what that would give to an object. */
export const attacks: readonly Write[] = [
  ...memoAttacks,
  ...metadataAttacks("jobs", "held"),
  ...metadataAttacks("pods", "gated"),
  ["no gate of its own", "jobs", "authors", spec({ suspend: false })],
  ["no label waiting", "jobs", "foreign", spec({ suspend: false })],
  ["the label waiting", "jobs", "foreign", { ...meta(label("true")), ...spec({ suspend: false }) }],
  ["the label waiting again", "jobs", "opened", meta(label("true"))],
  ["a pause", "jobs", "runs", spec({ suspend: true })],
  ["more Pods at a time", "jobs", "held", spec({ parallelism: 9 })],
  ["other completions", "jobs", "held", spec({ completions: 9 })],
  ["other retries", "jobs", "held", spec({ backoffLimit: 0 })],
  ["a deadline", "jobs", "held", spec({ activeDeadlineSeconds: 1 })],
  ["an end", "jobs", "held", spec({ ttlSecondsAfterFinished: 0 })],
  ["a label of its template", "jobs", "held", template({ labels: { app: "dns" } })],
  ["an annotation of its template", "jobs", "held", template({ annotations: { a: "b" } })],
  ["an annotation of its template less", "jobs", "held", template({ annotations: { theirs: null } })],
  ["a finalizer of its template", "jobs", "held", template({ finalizers: ["example.com/x"] })],
  ["a pin to a repository", "jobs", "held", template(pin(`evil.example.com/x@${digest}`))],
  ["a pin that is no digest", "jobs", "held", template(pin("sha256:a"))],
  ["a pin of another word", "jobs", "held", template(pin(`${digest},evil`))],
  ["a node", "jobs", "held", template({}, { nodeSelector: { a: "b" } })],
  ["a toleration", "jobs", "held", template({}, { tolerations: [{ operator: "Exists" }] })],
  ["a gate", "jobs", "held", template({}, { schedulingGates: [{ name: "example.com/x" }] })],
  ["an affinity", "jobs", "held", template({}, { affinity: { nodeAffinity: {} } })],
  [
    "resources",
    "jobs",
    "held",
    template({}, container({ resources: { requests: { cpu: "9" } } })),
    strategic,
  ],
  ["an image", "jobs", "held", template({}, container({ image: "evil:1" })), strategic],
  [
    "an image as it is resumed",
    "jobs",
    "held",
    spec({ suspend: false, template: { spec: container({ image: "evil:1" }) } }),
    strategic,
  ],
  ["a command", "jobs", "held", template({}, container({ command: ["evil"] })), strategic],
  ["a variable", "jobs", "held", template({}, container({ env: [{ name: "A", value: "b" }] })), strategic],
  ["success", "jobs", "held/status", status({ succeeded: 2 })],
  ["indexes", "jobs", "held/status", status({ succeeded: 1, completedIndexes: "0" })],
  ["active Pods", "jobs", "held/status", status({ active: 1 })],
  ["terminating Pods", "jobs", "held/status", status({ terminating: 1 })],
  ["ready Pods", "jobs", "held/status", status({ ready: 1 })],
  ["failures", "jobs", "held/status", status({ failed: 1 })],
  ["a start", "jobs", "held/status", status({ startTime: now })],
  ["another start", "jobs", "runs/status", status({ startTime: "2025-01-01T00:00:00Z" })],
  [
    "a criterion",
    "jobs",
    "held/status",
    status({ startTime: now, conditions: [condition("SuccessCriteriaMet", "True", "Memoized")] }),
    strategic,
  ],
  [
    "a criterion with success",
    "jobs",
    "held/status",
    status({
      startTime: now,
      succeeded: 2,
      conditions: [condition("SuccessCriteriaMet", "True", "Memoized")],
    }),
    strategic,
  ],
  [
    "completion",
    "jobs",
    "held/status",
    status({ startTime: now, completionTime: now, conditions: [condition("Complete")] }),
    strategic,
  ],
  [
    "failure",
    "jobs",
    "held/status",
    status({ startTime: now, conditions: [condition("Failed", "True", "InputNeverCame")] }),
    strategic,
  ],
  ["no suspension", "jobs", "held/status", status({ conditions: [] })],
  ["another suspension", "jobs", "held/status", conditions(condition("Suspended", "False")), strategic],
  [
    "a failure for another reason",
    "jobs",
    "held/status",
    status({ startTime: now, conditions: [target("BackoffLimitExceeded")] }),
    strategic,
  ],
  ["a failure while it runs", "jobs", "runs/status", conditions(target("InputNeverCame")), strategic],
  [
    "a failure after it was opened",
    "jobs",
    "opened/status",
    status({ startTime: now, conditions: [target("InputNeverCame")] }),
    strategic,
  ],
  [
    "a failure of a stranger",
    "jobs",
    "foreign/status",
    status({ startTime: now, conditions: [target("InputNeverCame")] }),
    strategic,
  ],
  ["a condition of a stranger", "jobs", "foreign/status", conditions(available("True")), strategic],
  ["the index of a stranger", "jobs", "foreign/status", conditions(indexed("True")), strategic],
  ["an index of which nothing is known", "jobs", "ran/status", conditions(indexed("Unknown")), strategic],
  [
    "a condition of somebody else",
    "jobs",
    "held/status",
    conditions(condition("example.com/Approved")),
    strategic,
  ],
  ["a condition that knows nothing", "jobs", "held/status", conditions(available("Unknown")), strategic],
  ...[
    available("True"),
    available("False"),
    indexed("True"),
    condition("Suspended", "False", "Memoized"),
  ].map(
    (one): Write => [
      "a condition that is not its to say",
      "jobs",
      "managed/status",
      conditions(one),
      strategic,
    ],
  ),
  [
    "an end that is not its to say",
    "jobs",
    "managed/status",
    status({ startTime: now, conditions: [suspended, target("InputNeverCame")] }),
  ],
  ["a label by the status", "jobs", "held/status", meta({ labels: { a: "b" } })],
  ["an owner by the status", "jobs", "held/status", meta({ ownerReferences: [owner] })],
  ["a finalizer by the status", "jobs", "held/status", meta({ finalizers: ["example.com/x"] })],
  ["the label waiting by the status", "jobs", "held/status", meta(label("false"))],

  ["nothing to wait for", "pods", "foreign", ungated],
  ["the label waiting", "pods", "foreign", { ...meta(label("true")), ...ungated }],
  ["the label waiting again", "pods", "opened", meta(label("true"))],
  ["no gate after it was opened", "pods", "opened", ungated],
  ["no gate at all", "pods", "gated", spec({ schedulingGates: null })],
  [
    "the gate of somebody else removed",
    "pods",
    "gated",
    spec({ schedulingGates: [{ name: names.inputsGate }] }),
  ],
  [
    "a gate more",
    "pods",
    "gated",
    [{ op: "add", path: "/spec/schedulingGates/-", value: { name: "a.com/b" } }],
    "json",
  ],
  [
    "another gate instead",
    "pods",
    "gated",
    spec({ schedulingGates: [{ name: "example.com/quota" }, { name: "a.com/b" }] }),
  ],
  ["an image", "pods", "gated", spec(container({ image: "evil:1" })), strategic],
  [
    "an image as it is opened",
    "pods",
    "gated",
    [...removedGate, { op: "replace", path: "/spec/containers/0/image", value: "evil:1" }],
    "json",
  ],
  ["a command", "pods", "gated", spec(container({ command: ["evil"] })), strategic],
  ["a variable", "pods", "gated", spec(container({ env: [{ name: "A", value: "b" }] })), strategic],
  ["a node by its labels", "pods", "gated", spec({ nodeSelector: { a: "b" } })],
  ["a toleration", "pods", "gated", spec({ tolerations: [{ key: "x", operator: "Exists" }] })],
  ["a grace period", "pods", "gated", spec({ terminationGracePeriodSeconds: 0 })],
  ["a pin to a repository", "pods", "gated", meta(pin(`evil.example.com/x@${digest}`))],
  ["pins after it was opened", "pods", "opened", meta({ annotations: pins })],
  [
    "an ephemeral container",
    "pods",
    "gated/ephemeralcontainers",
    spec({ ephemeralContainers: [{ name: "d", image: "evil:1" }] }),
    strategic,
  ],
  ["an address", "pods", "gated/status", status({ podIP: "10.0.0.9", podIPs: [{ ip: "10.0.0.9" }] })],
  ["a node's address", "pods", "gated/status", status({ hostIP: "10.0.0.9" })],
  ["readiness", "pods", "gated/status", conditions(condition("Ready")), strategic],
  ["a schedule", "pods", "gated/status", conditions(scheduled("True", "x")), strategic],
  ["another reason of its schedule", "pods", "gated/status", conditions(scheduled("False", "x")), strategic],
  ["no conditions", "pods", "gated/status", status({ conditions: null })],
  [
    "statuses of containers",
    "pods",
    "gated/status",
    status({ containerStatuses: [{ name: "main", image: "x", imageID: "x", ready: true, restartCount: 0 }] }),
  ],
  [
    "statuses of init containers",
    "pods",
    "gated/status",
    status({
      initContainerStatuses: [{ name: "main", image: "x", imageID: "x", ready: true, restartCount: 0 }],
    }),
  ],
  [
    "statuses of ephemeral containers",
    "pods",
    "gated/status",
    status({
      ephemeralContainerStatuses: [{ name: "main", image: "x", imageID: "x", ready: true, restartCount: 0 }],
    }),
  ],
  ["a nominated node", "pods", "gated/status", status({ nominatedNodeName: "node" })],
  ["a start", "pods", "gated/status", status({ startTime: now })],
  ["success", "pods", "gated/status", status({ phase: "Succeeded" })],
  [
    "success for its inputs",
    "pods",
    "gated/status",
    failed("InputNeverCame", { phase: "Succeeded" }),
    strategic,
  ],
  ["a run", "pods", "gated/status", status({ phase: "Running" })],
  ["a reason alone", "pods", "gated/status", status({ reason: "InputNeverCame" })],
  ["a message alone", "pods", "gated/status", status({ message: "evil" })],
  [
    "a failure without a condition",
    "pods",
    "gated/status",
    status({ phase: "Failed", reason: "InputNeverCame" }),
  ],
  [
    "a failure without a reason",
    "pods",
    "gated/status",
    status({ phase: "Failed", conditions: [condition("InputNeverCame")] }),
    strategic,
  ],
  ["a failure for another reason", "pods", "gated/status", failed("Evicted"), strategic],
  [
    "two reasons for a failure",
    "pods",
    "gated/status",
    failed("InputNeverCame", { conditions: [condition("InputProducerFailed")] }),
    strategic,
  ],
  [
    "a condition of a failure alone",
    "pods",
    "gated/status",
    conditions(condition("InputNeverCame")),
    strategic,
  ],
  [
    "a disruption",
    "pods",
    "gated/status",
    failed("InputNeverCame", { conditions: [condition("InputNeverCame"), condition("DisruptionTarget")] }),
    strategic,
  ],
  ["a failure on its node", "pods", "bound/status", failed("InputNeverCame"), strategic],
  ["a failure without the operator's gate", "pods", "other-gate/status", failed("InputNeverCame"), strategic],
  ["a failure after it was opened", "pods", "opened/status", failed("InputNeverCame"), strategic],
  ["a failure of a stranger", "pods", "foreign/status", failed("InputNeverCame"), strategic],
  ["a condition of a stranger", "pods", "foreign/status", conditions(available("True")), strategic],
  ["the index of a Pod", "pods", "opened/status", conditions(indexed("True")), strategic],
  ["a label by the status", "pods", "gated/status", meta({ labels: { a: "b" } })],
  ["a pin by the status", "pods", "gated/status", meta({ annotations: pins })],
  ["a finalizer by the status", "pods", "gated/status", meta({ finalizers: ["example.com/x"] })],
];
