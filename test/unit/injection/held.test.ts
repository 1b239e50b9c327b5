import type { V1Job, V1ObjectMeta, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { isOurs } from "../../../src/annotations/map.ts";
import { readAnnotations } from "../../../src/annotations/parse.ts";
import { gateOf, release } from "../../../src/workflow/gate.ts";
import { planOf } from "../../../src/workflow/step.ts";
import { readWorkload, workloadKind } from "../../../src/workload/read.ts";
import type { Workload } from "../../../src/workload/workload.ts";
import { cacheOf, jobOf, keyed, keyOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { created, reviewed, updated } from "../../support/patched.ts";
import { admit, createRequest } from "../../support/pods.ts";

const waits: StepAnnotations = { "input-uri": "a/b:1", "wait-for-inputs": "true" };
const { gateAnnotation: gate, waitingLabel, waitingForAnnotation, inputDigestsAnnotation: pins } = names;
const digest = `sha256:${"a".repeat(64)}`;

const ownedBy = (kind: string, apiVersion = "batch/v1"): Partial<V1ObjectMeta> => ({
  ownerReferences: [{ kind, apiVersion, name: "owner", uid: "u", controller: true }],
});
const job = (map = waits, spec: object = {}, metadata: object = {}, pod: object = {}): V1Job => {
  const made = jobOf("step", map, "true", spec, pod);
  return { ...made, metadata: { ...made.metadata, ...metadata } };
};
const pod = (map = waits, spec: object = {}): V1Pod => podOf("step", map, "true", {}, spec);
const gatesOf = (spec: V1Pod["spec"]) => (spec?.schedulingGates ?? []).map(({ name }) => name);

function workloadOf(object: V1Job | V1Pod): Workload {
  const kind = workloadKind(object.kind === "Job" ? "batch" : "", object.kind ?? "");
  if (kind === undefined) throw new Error("no such kind");
  const workload = readWorkload(kind, object);
  if ("expected" in workload) throw new Error(`${workload.path}: ${workload.expected}`);
  return workload;
}

describe("how a step is held", () => {
  const perPod: StepAnnotations = { ...waits, "input-uri": "a/b:$(JOB_COMPLETION_INDEX)" };
  const indexed = { completionMode: "Indexed", completions: 3, parallelism: 3 };
  it.each<[string, V1Job | V1Pod, string | undefined]>([
    ["a Job", job(), "suspend"],
    ["a Pod", pod(), "pod"],
    ["one that does not wait", job({ "input-uri": "a/b:1" }), undefined],
    ["one that waits no more", pod({ ...waits, "wait-for-inputs": "false" }), undefined],
    ["a Job that its author suspends", job(waits, { suspend: true }), "author"],
    ["a Job that its author runs", job(waits, { suspend: false }), "suspend"],
    ["a Job of a CronJob", job(waits, {}, ownedBy("CronJob")), "suspend"],
    ["a Job of a JobSet", job(waits, {}, ownedBy("JobSet", "jobset.x-k8s.io/v1alpha2")), "pod"],
    ["a Job of a foreign CronJob", job(waits, {}, ownedBy("CronJob", "example.com/v1")), "pod"],
    ["a Job whose inputs have an index", job(perPod, indexed), "pod"],
    ["a Job whose inputs have a Pod's name", job({ ...waits, "input-uri": "a/$(POD_NAME):1" }), "pod"],
    ["a Job whose second input has a UID", job({ ...waits, "input-uri_1": "a/b:$(POD_UID)" }), "pod"],
    ["a Job whose inputs have the Job's name", job({ ...waits, "input-uri": "$(JOB_NAME)/a:1" }), "suspend"],
    ["a Job whose output has an index", job({ ...waits, "output-uri": "a/$(POD_NAME):1" }), "suspend"],
    ["a Pod whose inputs have its node", pod({ ...waits, "input-uri": "a/$(NODE_NAME):1" }), "in-pod"],
    ["a Job whose inputs have a node", job({ ...waits, "input-uri": "a/$(NODE_NAME):1" }), "in-pod"],
    ["a Pod on a node", pod(waits, { nodeName: "n" }), "in-pod"],
    ["a Job on a node", job(waits, {}, {}, { nodeName: "n" }), "in-pod"],
    ["a login for a registry", job({ ...waits, registry: "ghcr.io", "oras-env": "login" }), "suspend"],
    [
      "a login for the registry of an input",
      pod({ ...waits, "input-uri": "oci://ghcr.io/a/b:1", "oras-env": "login" }),
      "pod",
    ],
    ["a login, and inputs of the cache", job({ ...waits, "oras-env": "login" }), "suspend"],
    ["a registry without a login", job({ ...waits, registry: "ghcr.io" }), "suspend"],
  ])("%s", (_, object, expected) => {
    const { settings } = readAnnotations(object.metadata?.annotations ?? {});
    expect(gateOf(workloadOf(object), settings, true)).toBe(expected);
    const stored = created<V1Job | V1Pod>(object);
    expect(stored.metadata?.annotations?.[gate]).toBe(expected);
    const isSuspended = (stored as V1Job).spec?.suspend === true;
    expect(isSuspended).toBe(expected === "suspend" || expected === "author");
    const template = stored.kind === "Job" ? (stored as V1Job).spec?.template : (stored as V1Pod);
    expect(gatesOf(template?.spec)).toEqual(expected === "pod" ? [names.inputsGate] : []);
    const label = (expected === "pod" ? template : stored)?.metadata?.labels?.[waitingLabel];
    expect(label).toBe(expected === undefined || expected === "in-pod" ? undefined : "true");
  });

  it("gates of others stay, before it and when it is released", () => {
    const object = pod(waits, { schedulingGates: [{ name: "example.com/quota" }] });
    const stored = created(object);
    expect(gatesOf(stored.spec)).toEqual(["example.com/quota", names.inputsGate]);
    const released = release(workloadOf(stored)).object as V1Pod;
    expect(gatesOf(released.spec)).toEqual(["example.com/quota"]);
    expect((release(workloadOf(created(job()))).object as V1Job).spec).not.toHaveProperty("suspend");
    expect((release(workloadOf(created(job(waits, { suspend: true })))).object as V1Job).spec?.suspend).toBe(
      true,
    );
  });
});

const ofCache = { cache: cacheOf("oras", { workflow: { waitForInputs: true } }) };
const unsaid: StepAnnotations = { "input-uri": "a/b:1" };

describe("a cache whose steps wait", () => {
  const waitsOf = (object: V1Job | V1Pod) => {
    const annotations = object.metadata?.annotations ?? {};
    const asked = Object.fromEntries(Object.entries(annotations).filter(([key]) => isOurs(key)));
    return planOf(asked, {}, annotations[gate])?.waits;
  };
  const asksAgent = (object: V1Job | V1Pod) => JSON.stringify(object).includes("--wait-for-inputs");

  it.each<[string, V1Job | V1Pod, string | undefined]>([
    ["a Job", job(unsaid), "suspend"],
    ["a Pod", pod(unsaid), "pod"],
    ["a Job of a JobSet", job(unsaid, {}, ownedBy("JobSet", "jobset.x-k8s.io/v1alpha2")), "pod"],
    ["a Pod on a node", pod(unsaid, { nodeName: "n" }), "in-pod"],
    ["one that says how long", job({ ...unsaid, "wait-timeout": "2h" }), "suspend"],
    ["one that says so itself", job(waits), "suspend"],
    ["one that does not want it", job({ ...unsaid, "wait-for-inputs": "false" }), undefined],
    ["one without inputs", job({ "output-uri": "a/b:1" }), undefined],
    ["one of another registry", job({ ...unsaid, registry: "ghcr.io" }), undefined],
    ["one of other registries", pod({ "input-uri": "oci://ghcr.io/a/b:1" }), undefined],
  ])("%s", (_, object, expected) => {
    const stored = created<V1Job | V1Pod>(object, ofCache);
    expect(stored.metadata?.annotations?.[gate]).toBe(expected);
    expect([waitsOf(stored), asksAgent(stored)]).toEqual([expected !== undefined, expected !== undefined]);
    // Created again, as it was exported, it is the step that it was, whatever its cache says by now.
    expect(created(stored)).toEqual(stored);
    expect(created(stored, ofCache)).toEqual(stored);
  });

  it("a change of its default changes no step that is there", () => {
    for (const around of [{}, ofCache]) {
      const stored = created(job(unsaid), around);
      const isHeld = around === ofCache;
      // Neither kubectl apply nor a PUT of the manifest.
      for (const submitted of [job(unsaid), changedBy(stored, () => {})])
        expect(waitsOf(updated(stored, submitted))).toBe(isHeld);
      const byHand = changedBy(stored, ({ metadata }) =>
        annotate(metadata, { [keyOf("wait-for-inputs")]: "false" }),
      );
      expect(waitsOf(updated(stored, byHand))).toBe(false);
    }
  });

  it("what only a step that waits may say is refused where none does", () => {
    const object = job({ ...unsaid, "wait-timeout": "2h" });
    expect(admit(createRequest(object))).toMatchObject({ problems: [{ code: "NothingToWaitFor" }] });
  });

  it("more inputs than can be waited for are refused", () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`input-uri_${i + 1}`, "a/b:1"]));
    const object = job(many as StepAnnotations);
    expect(admit(createRequest(object)).kind).toBe("allowed");
    expect(admit(createRequest(object), ofCache)).toMatchObject({ problems: [{ code: "TooManyInputs" }] });
  });

  it("a gate that an author writes holds nothing", () => {
    const object = job(unsaid, {}, { annotations: { ...keyed(unsaid), [gate]: "suspend" } });
    const stored = created(object);
    expect([stored.metadata?.annotations?.[gate], waitsOf(stored)]).toEqual([undefined, false]);
  });
});

describe("a step for a queue of Kueue", () => {
  const { kueueGatesAnnotation: kueueGates, kueueQueueLabel: queue, inputsGate } = names;
  const of = <T extends V1Job | V1Pod>(object: T, gates?: string): T =>
    changedBy(object, ({ metadata }) => {
      if (metadata) metadata.labels = { ...metadata.labels, [queue]: "team" };
      if (gates !== undefined) annotate(metadata, { [kueueGates]: gates });
    });
  const kueueGateOf = (object: V1Job | V1Pod) => object.metadata?.annotations?.[kueueGates];

  it.each<[string, V1Job | V1Pod, string | undefined]>([
    ["a Job", of(job()), inputsGate],
    ["a Job that Kueue has suspended", of(job(waits, { suspend: true })), inputsGate],
    ["a Pod", of(pod()), inputsGate],
    [
      "a Job that waits for others, too",
      of(job(), "example.com/a, x.io/b"),
      `example.com/a,x.io/b,${inputsGate}`,
    ],
    ["a Job whose Pods wait one by one", of(job({ ...waits, "input-uri": "a/$(POD_NAME):1" })), undefined],
    ["a Pod on a node", of(pod(waits, { nodeName: "n" })), undefined],
    ["one that does not wait", of(job({ "input-uri": "a/b:1" })), undefined],
    ["one of no queue", job(), undefined],
  ])("%s", (_, object, expected) => {
    const stored = created<V1Job | V1Pod>(object);
    expect(kueueGateOf(stored)).toBe(expected);
    expect(created(stored)).toEqual(stored);
    if ((stored as V1Job).spec?.template)
      expect((stored as V1Job).spec?.template.metadata?.annotations?.[kueueGates]).toBeUndefined();
    const released = release(workloadOf(stored)).object as V1Job;
    expect(kueueGateOf(released)).toBe(object.metadata?.annotations?.[kueueGates]?.replace(", ", ","));
  });

  it.each([
    ["as its manifest says", {}],
    ["suspended by Kueue, whose webhook comes first", { suspend: true }],
  ])("is the operator's to end with a remembered result: %s", (_, spec) => {
    const memoized: StepAnnotations = { ...waits, "output-uri": "a/c:1", "output-path": "o", memoize: "on" };
    const stored = created(of(job(memoized, spec)));
    expect([stored.metadata?.annotations?.[gate], stored.spec?.suspend]).toEqual(["suspend", true]);
  });

  it("waits for its inputs also after its manifest was put again, until it is opened", () => {
    for (const object of [of(job(), "example.com/a"), of(pod(), "example.com/a")]) {
      const stored = created<V1Job | V1Pod>(object);
      expect(kueueGateOf(updated(stored, object))).toBe(`example.com/a,${inputsGate}`);
      const started = changedBy(opened(stored), ({ metadata }) =>
        annotate(metadata, { [kueueGates]: "example.com/a" }),
      );
      expect(kueueGateOf(updated(started, object))).toBe("example.com/a");
    }
  });

  it("that was exported after its start is held again", () => {
    const stored = created(of(job()));
    const exported = changedBy(opened(stored), ({ metadata }) => delete metadata?.annotations?.[kueueGates]);
    expect(kueueGateOf(created(exported))).toBe(inputsGate);
  });

  it("has a name that Kueue takes", () => {
    expect(inputsGate.length).toBeLessThanOrEqual(63);
  });
});

describe("an operator that holds no steps", () => {
  const off = { workflow: false, cache: cacheOf("oras", {}) };

  it.each<[string, V1Job | V1Pod]>([
    ["a Job", job()],
    ["a Pod", pod()],
    ["a Job of a JobSet", job(waits, {}, ownedBy("JobSet", "jobset.x-k8s.io/v1alpha2"))],
    ["a Job that an operator held", created(job())],
    ["a Pod that an operator held", created(pod())],
    [
      "a Job of a JobSet that was held",
      created(job(waits, {}, ownedBy("JobSet", "jobset.x-k8s.io/v1alpha2"))),
    ],
  ])("%s waits in its Pods", (_, object) => {
    const stored = created<V1Job | V1Pod>(object, off);
    expect(stored.metadata?.annotations?.[gate]).toBe("in-pod");
    const { suspend, template } = (stored as V1Job).spec ?? {};
    expect([suspend ?? false, gatesOf(template?.spec ?? (stored as V1Pod).spec)]).toEqual([false, []]);
    expect(JSON.stringify(stored)).not.toContain(waitingLabel);
    expect(JSON.stringify(stored)).toContain("--wait-for-inputs");
  });

  it("says so, also of a template whose Pods will wait", () => {
    const below = jobOf("step", {}, "true", {}, {});
    Object.assign(below.spec?.template ?? {}, { metadata: { annotations: keyed(waits) } });
    for (const object of [job(), pod(), below])
      expect(admit(createRequest(object), off).warnings).toMatchObject([{ code: "WaitsInPod" }]);
    expect(admit(createRequest(job({ "input-uri": "a/b:1" })), off).warnings).toEqual([]);
  });

  it("lets people start by hand what was held before it was told not to", () => {
    const stored = created(job());
    const resumed = changedBy(stored, ({ spec }) => void (spec && Object.assign(spec, { suspend: false })));
    const change = { ...createRequest(resumed), operation: "UPDATE" as const };
    const request = { ...change, object: resumed, oldObject: stored };
    expect(reviewed(request, off).spec?.suspend).toBe(false);
    expect(reviewed(request).spec?.suspend).toBe(true);
  });
});

const kinds: readonly (readonly [string, V1Job | V1Pod])[] = [
  ["a Job", job()],
  ["a Job of its author's", job(waits, { suspend: true })],
  ["a Job of a JobSet", job(waits, {}, ownedBy("JobSet", "jobset.x-k8s.io/v1alpha2"))],
  ["a Pod", pod()],
  ["a Pod on a node", pod(waits, { nodeName: "n" })],
];

describe.each(kinds)("%s that is held", (_, object) => {
  it("stays as it is when it is reviewed again", () => {
    const stored = created<V1Job | V1Pod>(object);
    expect(created(stored)).toEqual(stored);
    expect(admit(createRequest(stored))).toMatchObject({ kind: "allowed", outcome: "untouched" });
  });

  it("is held again when it was exported, in whatever state, and with whatever left out", () => {
    const stored = created<V1Job | V1Pod>(object);
    const exported = [waited(stored), opened(stored), memoized(stored)];
    const all = exported.flatMap((one) => [one, withoutLabels(one), withoutGate(one)]);
    for (const namespace of ["default", "elsewhere"]) {
      const [anew, author] = [suspended(object, false), suspended(object, true)].map((one) =>
        reviewed({ ...createRequest(one, namespace), object: one }),
      ) as [V1Job | V1Pod, V1Job | V1Pod];
      for (const one of all) {
        const again = reviewed({ ...createRequest(one, namespace), object: one });
        // Of a Job that is suspended and does not say by whom, it was its author.
        const isAuthors = again.metadata?.annotations?.[gate] === "author";
        if (isAuthors) expect((one as V1Job).spec?.suspend).toBe(true);
        const by = isAuthors ? author : anew;
        expect(outputsOf(again)).toEqual(outputsOf(by));
        expect(JSON.stringify(again)).not.toContain(digest);
      }
    }
  });
});

const suspended = (object: V1Job | V1Pod, suspend: boolean) =>
  changedBy(object, ({ kind, spec }) => void (kind === "Job" && Object.assign(spec ?? {}, { suspend })));

/** All that says that a step is held, and what is left of an earlier life. */
function outputsOf(object: V1Job | V1Pod) {
  const { template } = (object as V1Job).spec ?? {};
  const of = (metadata: V1ObjectMeta | undefined) =>
    [gate, waitingForAnnotation, pins, keyOf("memoized-from")].map((key) => metadata?.annotations?.[key]);
  return {
    annotations: [of(object.metadata), of(template?.metadata)],
    labels: [object.metadata?.labels?.[waitingLabel], template?.metadata?.labels?.[waitingLabel]],
    gates: gatesOf(template?.spec ?? (object as V1Pod).spec),
    suspend: (object as V1Job).spec?.suspend === true,
  };
}

function changedBy<T extends object>(object: T, change: (copy: T) => void): T {
  const copy = structuredClone(object);
  change(copy);
  return copy;
}

const annotate = (metadata: V1ObjectMeta | undefined, map: Record<string, string>) =>
  metadata && Object.assign(metadata, { annotations: { ...metadata.annotations, ...map } });

const waited = (stored: V1Job | V1Pod) =>
  changedBy(stored, ({ metadata }) => annotate(metadata, { [waitingForAnnotation]: "[]" }));

/** As the operator opens it. */
const opened = (stored: V1Job | V1Pod) =>
  changedBy(stored, (object) => {
    const job = object as V1Job;
    const { labels } = object.metadata ?? {};
    if (labels?.[waitingLabel]) labels[waitingLabel] = "false";
    if (object.kind === "Pod") {
      annotate(object.metadata, { [pins]: digest });
      delete (object as V1Pod).spec?.schedulingGates;
    } else if (object.metadata?.annotations?.[gate] !== "pod" && job.spec) {
      job.spec.suspend = false;
      job.spec.template.metadata ??= {};
      annotate(job.spec.template.metadata, { [pins]: digest });
    }
  });

const memoized = (stored: V1Job | V1Pod) =>
  changedBy(stored, ({ metadata }) => annotate(metadata, { [keyOf("memoized-from")]: digest }));

const withoutLabels = (stored: V1Job | V1Pod) =>
  changedBy(stored, ({ metadata }) => {
    delete metadata?.labels?.[waitingLabel];
  });

const withoutGate = (stored: V1Job | V1Pod) =>
  changedBy(stored, ({ metadata }) => {
    delete metadata?.annotations?.[gate];
  });

describe("a Job that waits", () => {
  const kueue = "system:serviceaccount:kueue-system:kueue-controller-manager";
  const stored = created(job());
  const resumed = (change: (copy: V1Job) => void = () => {}) =>
    changedBy(stored, (copy) => {
      if (copy.spec) copy.spec.suspend = false;
      change(copy);
    });
  const by = (username: string, object: V1Job, oldObject = stored) => ({
    ...{ ...createRequest(object), operation: "UPDATE" as const, object, oldObject },
    userInfo: { username },
  });

  it("stays suspended, and who resumes it is told", () => {
    const request = by("jane", resumed());
    expect(admit(request).warnings).toMatchObject([
      {
        code: "StaysSuspended",
        path: "spec.suspend",
        message: expect.stringContaining(keyOf("wait-for-inputs")),
      },
    ]);
    expect(reviewed(request)).toEqual(stored);
    const silent = changedBy(stored, ({ spec }) => void delete spec?.suspend);
    expect(reviewed(by("jane", silent))).toEqual(stored);
  });

  it("is resumed by Kueue", () => {
    expect(reviewed(by(kueue, resumed())).spec?.suspend).toBe(false);
    expect(admit(by(kueue, resumed())).warnings).toEqual([]);
  });

  it.each([
    "system:serviceaccount:default:oras-operator",
    "system:serviceaccount:x:kueue",
    "kueue-controller-manager",
  ])("is not resumed by %s", (username) =>
    expect(reviewed(by(username, resumed())).spec?.suspend).toBe(true),
  );

  it.each([
    ["the operator had suspended", stored],
    ["its author had suspended", created(job(waits, { suspend: true }))],
  ])("is the operator's to resume, with pins, where it is to wait no more and %s", (_, before) => {
    const hand = changedBy(before, ({ metadata, spec }) => {
      annotate(metadata, keyed({ "wait-for-inputs": "false" }));
      Object.assign(spec ?? {}, { suspend: false });
    });
    const after = reviewed(by("jane", hand, before));
    expect(after.spec?.suspend).toBe(true);
    expect(after.metadata?.annotations).toMatchObject({
      [gate]: "suspend",
      [keyOf("wait-for-inputs")]: "false",
    });
    expect(admit(by("jane", hand, before)).warnings).toEqual([]);
  });

  it("is the operator's to resume from when its author resumes it", () => {
    const own = created(job(waits, { suspend: true }));
    const change = changedBy(own, ({ spec }) => void (spec && Object.assign(spec, { suspend: false })));
    const after = reviewed(by("jane", change, own));
    expect(after.spec?.suspend).toBe(true);
    expect(after.metadata?.annotations?.[gate]).toBe("suspend");
  });

  it("is resumed, and suspended, by anybody when it was opened", () => {
    const open = changedBy(stored, ({ metadata, spec }) => {
      Object.assign(metadata?.labels ?? {}, { [waitingLabel]: "false" });
      Object.assign(spec ?? {}, { suspend: true });
    });
    const change = changedBy(open, ({ spec }) => void Object.assign(spec ?? {}, { suspend: false }));
    expect(reviewed(by("jane", change, open))).toEqual(change);
    expect(reviewed(by("jane", open, change))).toEqual(open);
  });
});

describe.each(kinds.filter(([name]) => name !== "a Pod on a node"))(
  "the annotations of %s that waits",
  (_, object) => {
    const stored = created<V1Job | V1Pod>(object);
    const edited = (change: Record<string, string | undefined>, from = stored) => {
      const after = changedBy(from, ({ metadata }) => {
        const all = { ...metadata?.annotations, ...keyed(change as StepAnnotations) };
        Object.assign(metadata ?? {}, {
          annotations: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)),
        });
      });
      const request = {
        ...createRequest(after),
        operation: "UPDATE" as const,
        object: after,
        oldObject: from,
      };
      return admit(request);
    };

    it.each([
      ["wait-timeout", "soon", "InvalidValue"],
      ["on-producer-failure", "maybe", "InvalidValue"],
      ["wait-for-inputs", "no", "InvalidValue"],
      ["input-uri", "other/one:1", "FixedWhileWaiting"],
      ["input-uri", "NOT A REFERENCE", "FixedWhileWaiting"],
      ["input-uri", undefined, "FixedWhileWaiting"],
      ["oras-cache", "other", "FixedWhileWaiting"],
      ["output-uri", "other/one:1", "FixedWhileWaiting"],
      ["run", "b", "FixedWhileWaiting"],
      ["batch", "b/2", "FixedWhileWaiting"],
      ["nonsense", "b", "FixedWhileWaiting"],
      ["memoize", "always", "InvalidValue"],
      ["memoize-extra", "b", "FixedWhileWaiting"],
    ])("%s cannot become %j", (name, value, code) => {
      expect(edited({ [name]: value })).toMatchObject({
        kind: "denied",
        problems: expect.arrayContaining([expect.objectContaining({ code, path: keyOf(name as "run") })]),
      });
    });

    it.each([
      { "wait-timeout": "3h" },
      { "on-producer-failure": "fail" },
      { "wait-for-inputs": "false" },
      { "wait-for-inputs": "false", "wait-timeout": "2h" },
      { memoize: "refresh" },
      { memoize: "off" },
    ])("may become %j", (change) => {
      expect(edited(change).kind).toBe("allowed");
    });

    it("may be anybody's that are not for the operator", () => {
      const after = changedBy(stored, ({ metadata }) => annotate(metadata, { theirs: "x" }));
      expect(updated(stored, after)).toEqual(after);
    });

    it("that an earlier version has accepted do not stand in the way of other changes", () => {
      const old = changedBy(stored, ({ metadata }) => annotate(metadata, keyed({ "wait-timeout": "soon" })));
      const after = changedBy(old, ({ metadata }) => annotate(metadata, { theirs: "x" }));
      expect(updated(old, after)).toEqual(after);
      expect(edited({ "wait-timeout": "2h" }, old).kind).toBe("allowed");
    });
  },
);

describe.each(kinds)("what the operator writes on %s", (_, object) => {
  const stored = waited(created<V1Job | V1Pod>(object));
  const keys = [gate, waitingForAnnotation, pins, keyOf("memo-claim"), keyOf("memoized-from")];

  it.each(keys)("%s is nobody's to change, take away or add", (key) => {
    const other = changedBy(stored, ({ metadata }) => annotate(metadata, { [key]: "in-pod" }));
    const none = changedBy(stored, ({ metadata }) => void delete metadata?.annotations?.[key]);
    for (const one of [other, none]) expect(updated(stored, one)).toEqual(stored);
  });

  it("its label neither", () => {
    for (const value of ["false", "true", "x"]) {
      const other = changedBy(stored, ({ metadata }) => {
        if (metadata) metadata.labels = { ...metadata.labels, [waitingLabel]: value };
      });
      expect(updated(stored, other)).toEqual(stored);
    }
    expect(updated(stored, withoutLabels(stored))).toEqual(stored);
  });
});
