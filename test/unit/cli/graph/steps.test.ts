import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { names } from "../../../../schema/names.ts";
import type { OrasCache } from "../../../../src/cache/types.ts";
import { stepsOf } from "../../../../src/cli/graph/steps.ts";
import { graphOf } from "../../../../src/lineage/graph.ts";
import { memoizedSentence } from "../../../../src/memo/told.ts";
import { cacheOf, jobOf, podOf, type StepAnnotations } from "../../../support/builders.ts";
import { stepIn } from "../../../support/ui-objects.ts";

const host = `oras-0.oras.runs.svc.cluster.local:${names.registryPort}`;
const digest = `sha256:${"ab".repeat(32)}`;

function job(name: string, map: StepAnnotations, spec: object = {}, status: object = {}): V1Job {
  const made = jobOf(name, map, "true", spec);
  return { ...made, metadata: { ...made.metadata, namespace: "runs", uid: `uid-${name}` }, status };
}

function podOfJob(of: string, name: string, status: object, spec: object = {}): V1Pod {
  const owner = { apiVersion: "batch/v1", kind: "Job", name: of, uid: `uid-${of}`, controller: true };
  const labels = { "batch.kubernetes.io/job-name": of };
  const made = podOf(name, { "input-uri": "never/read:x" }, "true", {}, spec);
  return {
    ...made,
    metadata: {
      ...made.metadata,
      ...{ namespace: "runs", uid: `uid-${name}`, labels, ownerReferences: [owner] },
    },
    status,
  };
}

function ended(name: string, terminated: object) {
  const state = { terminated: { finishedAt: "2026-01-01T00:00:00Z", exitCode: 0, ...terminated } };
  return { name, ready: false, restartCount: 0, image: "x", imageID: "x", state };
}

const steps = (jobs: readonly V1Job[], pods: readonly V1Pod[] = []) =>
  stepsOf({ namespace: "runs", jobs, pods, caches: [] });

describe("stepsOf", () => {
  test("tells runs apart by the annotation run", () => {
    const of = (run: string) => [
      job(`make-${run}`, { run, "output-uri": "runs/$(RUN):made" }),
      job(`use-${run}`, { run, "input-uri": "runs/$(RUN):made" }),
    ];
    const { artifacts } = graphOf(steps([...of("17"), ...of("18")]));
    expect(artifacts.map(({ reference, madeBy, usedBy }) => [reference, madeBy, usedBy])).toEqual([
      ["runs/17:made", ["job/make-17"], ["job/use-17"]],
      ["runs/18:made", ["job/make-18"], ["job/use-18"]],
    ]);
  });

  test("reads annotations of Jobs, of their templates and of Pods that no Job has made", () => {
    const made = podOf("x", { "output-uri": "a/b:template" });
    const plain = job("template", {});
    const template = { ...plain, spec: { template: made } };
    const found = steps(
      [job("own", { "output-uri": "a/b:own" }), template, job("none", { debug: "true" })],
      [
        podOf("bare", { "input-uri": "a/b:own", "input-uri_1": "a/b:template" }),
        podOfJob("own", "own-x", {}),
      ],
    );
    expect(
      found.map(({ kind, name, inputs, outputs }) => [
        `${kind} ${name}`,
        inputs.map(({ reference }) => reference),
        outputs.map(({ reference }) => reference),
      ]),
    ).toEqual([
      ["Job own", [], ["a/b:own"]],
      ["Job template", [], ["a/b:template"]],
      ["Pod bare", ["a/b:own", "a/b:template"], []],
    ]);
  });

  test("say that their OrasCache is not there, where all are known and they have not started", () => {
    const held = stepIn(
      "held",
      { "input-uri": "a/b:1", "output-uri": "a/b:2" },
      "waiting",
      "Waits for a/b:1.",
    );
    const fresh = jobOf("fresh", { "output-uri": "a/b:1" }) as V1Job;
    const elsewhere = jobOf("elsewhere", { "output-uri": "a/b:3", registry: "ghcr.io/acme" }) as V1Job;
    const done = stepIn("done", { "output-uri": "a/b:4" }, "succeeded").job;
    const jobs = [held.job, fresh, elsewhere, done];
    const told = (hasCaches: boolean, caches: OrasCache[]) =>
      stepsOf({ namespace: "runs", jobs, pods: [], caches, hasCaches }).map(({ reason, message }) =>
        [reason, message].filter(Boolean).join(": "),
      );
    const waits = "WaitingForInputs: Waits for a/b:1.";
    const missing = "CacheNotFound: There is no OrasCache oras in this namespace.";
    expect(told(true, [])).toEqual([`${missing} Waits for a/b:1.`, missing, "", ""]);
    expect(told(true, [cacheOf("oras") as OrasCache])).toEqual([waits, "", "", ""]);
    expect(told(false, [])).toEqual([waits, "", "", ""]);
  });

  test("joins one artifact that is written in several ways, and keeps caches apart", () => {
    const { artifacts } = graphOf(
      steps([
        job("a", { "output-uri": "x/y:1" }),
        job("b", { "input-uri": `oci://${host}/x/y:1` }),
        job("c", { "input-uri": "x/y:1", "oras-cache": "other" }),
        job("d", { "input-uri": "y:1", registry: "ghcr.io/x" }),
        job("e", { "input-uri": "oci://ghcr.io/x/y:1" }),
      ]),
    );
    expect(artifacts.map(({ madeBy, usedBy }) => [...madeBy, ...usedBy].join())).toEqual([
      ...["job/d,job/e", "job/a,job/b", "job/c"],
    ]);
  });

  test("knows the registry of an OrasCache by each of its hosts", () => {
    const caches = [cacheOf("oras", { nodeAddress: "nodes.example.com:30500" }) as OrasCache];
    const hosts = ["oras:5000", "oras-0.oras.runs:5000", "ORAS.runs.svc:5000", "nodes.example.com:30500"];
    const jobs = [
      job("a", { "output-uri": "x/y:1" }),
      ...hosts.map((at, i) => job(`b${i}`, { "input-uri": `oci://${at}/x/y:1` })),
      ...hosts.map((at, i) => job(`c${i}`, { "input-uri": "x/y:1", registry: `http://${at}` })),
    ];
    const { artifacts } = graphOf(stepsOf({ namespace: "runs", jobs, pods: [], caches }));
    expect(artifacts).toHaveLength(1);
  });

  test("fills in variables as far as they are known", () => {
    const indexed = { completionMode: "Indexed", completions: 3 };
    const { artifacts } = graphOf(
      steps(
        [
          job("parts", { "output-uri": "$(POD_NAMESPACE)/$(JOB_NAME):$(JOB_COMPLETION_INDEX)" }, indexed),
          job("reader", { "input-uri": "runs/parts:2" }),
          job("seen", { "output-uri": "pods/$(POD_NAME):1" }),
          job("later", { "output-uri": "pods/$(POD_NAME):1" }),
          job("huge", { "output-uri": "huge:$(JOB_COMPLETION_INDEX)" }, { ...indexed, completions: 1e5 }),
        ],
        [podOfJob("seen", "seen-x", {})],
      ),
    );
    expect(artifacts.map(({ reference, madeBy, usedBy }) => [reference, ...madeBy, ...usedBy])).toEqual([
      ["huge:$(JOB_COMPLETION_INDEX)", "job/huge"],
      ["pods/$(POD_NAME):1", "job/later"],
      ["pods/seen-x:1", "job/seen"],
      ["runs/parts:0", "job/parts"],
      ["runs/parts:1", "job/parts"],
      ["runs/parts:2", "job/parts", "job/reader"],
    ]);
  });

  test("names the step that does the same work as one that waits for its result", () => {
    const key = "abcdef0123456789".repeat(4);
    const message = `All inputs are there; waits for a step that does the same work (key ${key.slice(0, 12)}), to take its result.`;
    const conditions = [{ type: names.inputsAvailable, status: "False", reason: "Coalesced", message }];
    const waiting = job("eq2", { "output-uri": "a/b:2" }, { suspend: true }, { conditions });
    const held = {
      ...waiting,
      metadata: { ...waiting.metadata, labels: { [names.waitingLabel]: "true" } },
    };
    const first = job("eq1", { "output-uri": "a/b:1" });
    const withKey = (value: string) => ({
      ...first,
      metadata: {
        ...first.metadata,
        annotations: { ...first.metadata?.annotations, [names.memoKeyAnnotation]: value },
      },
    });
    const told = (value: string) => steps([held, withKey(value)]).find(({ name }) => name === "eq2")?.message;
    expect(told(key)).toBe(message.replace("a step that", "Job eq1, which"));
    expect(told(`${key} written`)).toBe(message);
    expect(told("another")).toBe(message);
  });

  test("knows what a failed step has left, and who reads it, and keeps it apart from outputs", () => {
    const message = `nothing pushed: the program ended with exit code 7; what it left was pushed to ${host}/failed/x:1 (${digest})`;
    const { steps: nodes, artifacts } = graphOf(
      steps(
        [
          job("flaky", { "output-uri": "made/x:1", "failure-uri": "failed/x:1" }),
          job("calm", { "output-uri": "made/y:1", "failure-uri": "failed/y:1" }),
          job("debug", { "input-uri": "failed/x:1" }),
        ],
        [
          podOfJob("flaky", "flaky-x", {
            phase: "Failed",
            containerStatuses: [ended(names.pushContainer, { message })],
          }),
        ],
      ),
    );
    expect(artifacts.map(({ reference, madeBy, leftBy }) => [reference, madeBy, leftBy])).toEqual([
      ["failed/x:1", [], ["job/flaky"]],
      ["made/x:1", ["job/flaky"], undefined],
      ["made/y:1", ["job/calm"], undefined],
    ]);
    expect(artifacts[0]?.digest).toBe(digest);
    expect(
      nodes.map(({ name, leaves }) => [name, leaves?.map((left) => [left.reference, left.digest])]),
    ).toEqual([
      ["calm", [["failed/y:1", undefined]]],
      ["debug", undefined],
      ["flaky", [["failed/x:1", digest]]],
    ]);
  });

  test("knows both of a failed step: the output that it pushed all the same, and what it has left", () => {
    const other = `sha256:${"e".repeat(64)}`;
    const left = { artifact: `${host}/failed/x:1`, digest: other };
    const message = JSON.stringify({ artifact: `${host}/made/x:1`, digest, bytes: 1, seconds: 1, left });
    const map = { "output-uri": "made/x:1", "failure-uri": "failed/x:1", "push-on": "always" };
    const containerStatuses = [ended(names.pushContainer, { message })];
    const { steps: nodes, artifacts } = graphOf(
      steps([job("flaky", map)], [podOfJob("flaky", "flaky-x", { phase: "Failed", containerStatuses })]),
    );
    expect(artifacts.map((one) => [one.reference, one.digest])).toEqual([["made/x:1", digest]]);
    expect(nodes[0]?.leaves?.map((one) => [one.reference, one.digest])).toEqual([["failed/x:1", other]]);
  });

  test("knows the digests of results that were remembered, and of an index", () => {
    const entry = {
      ...{ key: "k", parts: "", at: "2026-01-01T00:00:00Z", by: { kind: "Job", name: "count", uid: "u" } },
      output: { repository: "a/b", digest, mediaType: "x", size: 1 },
    };
    const at = { status: "True", lastTransitionTime: "2026-01-02T00:00:00Z" };
    const message = memoizedSentence("k", [{ entry, artifact: "a/b:again" }]);
    const ended = { conditions: [{ ...at, type: "SuccessCriteriaMet", message }] };
    const pod = podOf("pod", { "output-uri": "a/b:pod" });
    const note = `Pushed a/s:all, an index of 2 artifacts: ${digest}.`;
    const indexed = { conditions: [{ ...at, type: names.outputIndexed, message: note }] };
    const parts = { "output-uri": "a/s:$(JOB_COMPLETION_INDEX)", "output-index": "a/s:all" };
    const { artifacts } = graphOf(
      steps(
        [
          job("again", { "output-uri": "a/b:again" }, {}, ended),
          job("indexed", parts, { completionMode: "Indexed", completions: 2 }, indexed),
          job(
            "other",
            { "output-uri": "a/b:other" },
            {},
            { conditions: [{ ...at, type: "X", message: "is x" }] },
          ),
        ],
        [
          {
            ...pod,
            status: {
              conditions: [
                { ...at, type: names.inputsAvailable, message: message.replace("a/b:again", "a/b:pod") },
              ],
            } as object,
          },
        ],
      ),
    );
    expect(artifacts.map(({ reference, digest: found }) => [reference, found])).toEqual([
      ["a/b:again", digest],
      ["a/b:other", undefined],
      ["a/b:pod", digest],
      ["a/s:0", undefined],
      ["a/s:1", undefined],
      ["a/s:all", digest],
    ]);
  });

  test("knows the digests that Pods have told, in whatever domain the cluster is", () => {
    const artifact = `oras-0.oras.runs.svc.other.domain:${names.registryPort}/x/y:1`;
    const message = JSON.stringify({ artifact, digest, bytes: 1, seconds: 1 });
    const pod = podOfJob("a", "a-x", { containerStatuses: [ended(names.pushContainer, { message })] });
    const { artifacts } = graphOf(steps([job("a", { "output-uri": "x/y:1" })], [pod]));
    expect(artifacts[0]?.digest).toBe(digest);
  });

  const met = (type: string, more: object = {}) => ({ conditions: [{ type, status: "True", ...more }] });
  const failure = "The input x/y:1 is not in the registry. (exit code 181)";
  test.for([
    ["waiting", {}, {}, []],
    ["succeeded", {}, met("Complete"), []],
    ["suspended", { suspend: true }, met("Suspended"), []],
    ["gated", {}, {}, [{ phase: "Pending" }]],
    ["running", {}, {}, [{ phase: "Pending" }, { phase: "Running" }]],
    ["failed", {}, met("Failed", { reason: "BackoffLimitExceeded", message: "limit" }), []],
  ] as const)("says of a Job that it is %s", ([state, ofJob, status, phases]) => {
    const spec = state === "gated" ? { schedulingGates: [{ name: "x" }] } : {};
    const pods = phases.map((phase, i) => podOfJob("a", `a-${i}`, phase, spec));
    expect(steps([job("a", { "output-uri": "x/y:1" }, ofJob, status)], pods)[0]).toMatchObject({ state });
  });

  test("says what a step waits for that the operator holds, and not that it is suspended or gated", () => {
    const told = { reason: "WaitingForInputs", message: "Waits for x/y:1 (made by Job b)." };
    const conditions = [{ type: names.inputsAvailable, status: "False", ...told }];
    const labels = { [names.waitingLabel]: "true" };
    const waits = { "input-uri": "x/y:1", "wait-for-inputs": "true" };
    const suspended = job("a", waits, { suspend: true }, { conditions });
    const held = { ...suspended, metadata: { ...suspended.metadata, labels } };
    expect(steps([held])[0]).toMatchObject({ state: "waiting", ...told });
    const spec = { schedulingGates: [{ name: names.inputsGate }] };
    const gated = podOfJob("a", "a-0", { phase: "Pending", conditions }, spec);
    const pods = [{ ...gated, metadata: { ...gated.metadata, labels } }];
    expect(steps([job("a", waits)], pods)[0]).toMatchObject({ state: "waiting", ...told });
    const others = { ...gated, metadata: { ...gated.metadata, labels: { [names.waitingLabel]: "false" } } };
    expect(steps([job("a", waits)], [others])[0]).toMatchObject({ state: "gated" });
  });

  test("says why a step failed: the operator's own words, else the container's end, else the Job's condition", () => {
    const failed = job("a", { "output-uri": "x/y:1" }, {}, met("Failed", { reason: "BackoffLimitExceeded" }));
    const reasonBy = (...statuses: object[]) =>
      steps([failed], [podOfJob("a", "a-x", { phase: "Failed", containerStatuses: statuses })])[0]?.reason;
    const main = ended("main", { exitCode: 3, reason: "OOMKilled" });
    expect(reasonBy()).toBe("BackoffLimitExceeded");
    expect(reasonBy(main)).toBe("OOMKilled");
    const containerStatuses = [ended("main", { exitCode: 181, message: failure })];
    const volumeMounts = [{ name: names.shareVolume, mountPath: "/x" }];
    const containers = [{ name: "main", image: "x", volumeMounts }];
    const wrapped = podOfJob("a", "a-x", { phase: "Failed", containerStatuses }, { containers });
    expect(steps([failed], [wrapped])[0]).toMatchObject({ message: failure });
  });

  test("says why the last attempt failed of a Job that waits for the next one", () => {
    const containerStatuses = [ended("main", { exitCode: 3, reason: "Error" })];
    const pods = [podOfJob("a", "a-x", { phase: "Failed", containerStatuses })];
    expect(steps([job("a", { "output-uri": "x/y:1" })], pods)[0]).toMatchObject({
      ...{ state: "waiting", reason: "Error", message: "The container main ended with exit code 3." },
    });
  });

  test("counts what Jobs with several completions have done", () => {
    const spec = { completions: 10, parallelism: 2 };
    const found = steps([
      job("a", { "output-uri": "x/y:$(POD_NAME)" }, spec, { succeeded: 4, failed: 1, failedIndexes: "3" }),
    ]);
    expect(found[0]?.completions).toEqual({ wanted: 10, succeeded: 4, failed: 1, failedIndexes: "3" });
  });
});
