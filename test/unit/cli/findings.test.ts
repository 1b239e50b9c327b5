import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import type { Facts } from "../../../src/cli/status/facts.ts";
import { findingsOf } from "../../../src/cli/status/findings.ts";
import { operatorSilence, silenceOf } from "../../../src/cli/status/lease.ts";
import { formatPage } from "../../../src/cli/status/page.ts";
import { KubeError } from "../../../src/kube/errors.ts";
import { cacheOf, jobOf, podOf } from "../../support/builders.ts";

const time = "2026-01-02T03:04:05Z";

function cacheWith(
  ...conditions: { type: string; status: string; reason: string; message?: string }[]
): Facts["cache"] {
  const full = conditions.map((each) => ({ message: "m", ...each, lastTransitionTime: time }));
  return { ...cacheOf("oras"), status: { conditions: full } } as Facts["cache"];
}

const ready = cacheWith({
  type: "Ready",
  status: "True",
  reason: "RegistryReady",
  message: "The registry answers.",
});

function factsOf(parts: Partial<Facts>): Facts {
  return {
    namespace: "runs",
    cacheName: "oras",
    cache: ready,
    pods: [],
    said: new Map(),
    events: [],
    unread: [],
    ...parts,
  };
}

function podWith(status: V1Pod["status"]): V1Pod {
  return { ...podOf("p"), status } as V1Pod;
}

describe("a cache", () => {
  it("is fine", () => {
    expect(findingsOf(factsOf({}), "cache")).toEqual([{ level: "good", text: "The registry answers." }]);
  });

  it("answers, but its keeper does not", () => {
    const [first, second] = findingsOf(factsOf({ keeperFails: "it says nothing for 3 seconds" }), "cache");
    expect(first?.level).toBe("good");
    expect(second?.text).toMatch(/^The container keeper of the Pod oras-0 does not answer: it says nothing/);
    expect(second?.todo).toContain("kubectl logs oras-0 -c keeper");
  });

  it("has its problem first, and what to do", () => {
    const cache = cacheWith(
      { type: "Ready", status: "False", reason: "ImagePullFailed" },
      { type: "Degraded", status: "True", reason: "ImagePullFailed", message: "image x cannot be pulled" },
    );
    expect(findingsOf(factsOf({ cache }), "cache")[0]).toEqual({
      level: "bad",
      text: "Degraded: image x cannot be pulled",
      todo: "Correct spec.image, or make the image available to the nodes.",
    });
  });

  it("says what it waits for while it is being deleted", () => {
    const leaving = (reason: string) => {
      const cache = cacheWith(
        { type: "Ready", status: "True", reason: "RegistryReady" },
        { type: "Exported", status: "False", reason, message: "ghcr.io has 1 of 3 artifacts." },
      );
      const metadata = { ...cache?.metadata, deletionTimestamp: time, finalizers: [names.exportFinalizer] };
      return findingsOf(factsOf({ cache: { ...cache, metadata } as never }), "cache");
    };
    const text = "It is being deleted. ghcr.io has 1 of 3 artifacts.";
    expect(leaving("Exporting")).toEqual([{ level: "waits", text }]);
    expect(leaving("ExportFailed")).toEqual([
      { level: "bad", text, todo: expect.stringContaining("with -export") },
    ]);
    const cache = cacheOf("oras");
    const metadata = { ...cache.metadata, deletionTimestamp: time, finalizers: ["example.com/other"] };
    const [other] = findingsOf(factsOf({ cache: { ...cache, metadata } as never }), "cache");
    expect(other?.text).toContain("example.com/other");
    const facts = factsOf({ cache: { ...ready, metadata } as never });
    expect(formatPage("t", facts, [], { now: 0, colour: false })).toContain("Ready, being deleted");
  });

  it("is not looked at yet", () => {
    const pending = cacheWith({ type: "Ready", status: "Unknown", reason: "Pending" });
    for (const cache of [cacheOf("oras"), pending] as Facts["cache"][]) {
      const [found] = findingsOf(factsOf({ cache }), "cache");
      expect(found?.level).toBe("waits");
      expect(found?.todo).toContain("kubectl oras-cache check");
    }
  });

  it.each([
    ["one that was fine", ready],
    ["one that it never saw", cacheOf("oras") as Facts["cache"]],
  ])("has no operator: %s", (_, cache) => {
    const found = findingsOf(factsOf({ cache, operatorSilent: "12m" }), "cache").at(-1);
    expect(found).toMatchObject({ level: "bad", todo: expect.stringContaining("check") as string });
    expect(found?.text).toContain("last renewed 12m ago");
  });

  it("is asked for where the webhook says that the operator is, of those who may see it", async () => {
    const at = (path: string) => {
      if (path.endsWith("/mutatingwebhookconfigurations")) {
        const clientConfig = { service: { namespace: "moved", name: "x" } };
        return { items: [{ webhooks: [{ name: names.podsWebhook, clientConfig }] }] };
      }
      const renewTime = path.includes("/moved/") ? "2026-01-02T03:04:00Z" : "2026-01-01T00:00:00Z";
      return { spec: { renewTime } };
    };
    const silence = (answer: (path: string) => unknown) => {
      const request = async ({ path }: { path: string }) => answer(path);
      return operatorSilence({ client: { request, now: () => Date.parse(time) } } as never);
    };
    expect(await silence(at)).toBeUndefined();
    expect(
      await silence((path) => at(path.endsWith("configurations") ? path : path.replace("moved", ""))),
    ).toBe("27h");
    const forbidden = () => {
      throw new KubeError("GET /x", 403, {});
    };
    expect(await silence(forbidden)).toBeUndefined();
  });

  it("has an operator while its Lease is renewed, or cannot be seen", () => {
    const lease = (renewTime: unknown) => ({ spec: { renewTime } }) as never;
    const now = Date.parse(time);
    expect(silenceOf(lease("2026-01-02T02:34:05.000000Z"), now)).toBe("30m");
    for (const fine of [undefined, lease(undefined), lease("2026-01-02T03:03:55.000000Z")])
      expect(silenceOf(fine, now)).toBeUndefined();
  });
});

describe("a step", () => {
  const waiting = { name: "main", state: { waiting: { reason: "PodInitializing" } } };
  const initRuns = { name: names.pullContainer, state: { running: {} } };

  it("waits for its inputs, as its container says", () => {
    const pod = podWith({
      phase: "Pending",
      containerStatuses: [waiting],
      initContainerStatuses: [initRuns],
    } as never);
    const said = new Map([[`p/${names.pullContainer}`, "input a/b:1 is not there; trying again"]]);
    expect(findingsOf(factsOf({ pods: [pod], said }), "pod")).toEqual([
      {
        level: "waits",
        text: `Its container ${names.pullContainer} says: input a/b:1 is not there; trying again`,
      },
    ]);
    const [, second] = findingsOf(factsOf({ pods: [pod], said, cache: undefined }), "pod");
    expect(second?.text).toBe("There is no OrasCache oras in the namespace runs.");
    expect(second?.todo).toContain("Create it");
  });

  const volumes = (
    name: string,
    reference: string,
    reason: string,
    message: string,
    nodeAddress?: string,
  ) => {
    const pod = {
      ...podOf("p"),
      spec: {
        containers: [{ name: "main", image: "ubuntu:22.04", volumeMounts: [{ name, mountPath: "/in" }] }],
        volumes: [{ name, image: { reference } }],
      },
      status: {
        phase: "Pending",
        containerStatuses: [{ name: "main", image: "ubuntu:22.04", state: { waiting: { reason, message } } }],
      },
    } as unknown as V1Pod;
    const cache = nodeAddress === undefined ? undefined : { ...ready, spec: { nodeAddress } };
    return findingsOf(factsOf({ pods: [pod], cache: cache as Facts["cache"] }), "pod")[0];
  };
  const host = "198.18.0.1:30555";
  it.each([
    ["an input as a volume", names.inputVolume, undefined, "hosts.toml"],
    ["a volume from the cache", "data", host, "hosts.toml"],
    ["a volume from another registry", "data", "nodes.example.com", "reference of the volume data"],
    ["a volume without a cache", "data", undefined, "reference of the volume data"],
  ])("cannot pull the image of %s, and the cure is of the volume", (_, name, nodeAddress, todo) => {
    const reference = `${host}/models/m:1`;
    const found = volumes(name, reference, "ErrImagePull", `"${reference}": not found`, nodeAddress);
    expect(found?.text).toContain(`image ${reference} of the volume ${name} cannot be pulled`);
    expect(found?.todo).toContain(todo);
    expect(found?.todo).not.toContain("Correct the image");
    if (todo === "hosts.toml") {
      expect(found?.todo).toContain(`/etc/containerd/certs.d/${host}/hosts.toml`);
      expect(found?.todo).toContain("spec.nodeAddress");
    }
  });

  const runs = (restartPolicy: string, ends: readonly (number | undefined)[]) =>
    findingsOf(
      factsOf({
        pods: [
          {
            ...podOf("p"),
            spec: { restartPolicy, containers: [] },
            status: {
              phase: "Running",
              containerStatuses: [
                {
                  name: names.pushContainer,
                  state: { running: {} },
                },
                ...ends.map((exitCode, at) => ({
                  name: `main-${at}`,
                  state: exitCode === undefined ? { running: {} } : { terminated: { exitCode } },
                })),
              ],
            },
          } as unknown as V1Pod,
        ],
      }),
      "pod",
    ).map(({ text }) => text);
  const endsSoon = "Its containers have ended; the Pod is about to.";
  it.each<[string, string, readonly (number | undefined)[], string]>([
    ["it failed", "Never", [1], endsSoon],
    ["it succeeded", "Never", [0], endsSoon],
    ["one of two still runs", "Never", [1, undefined], "It runs."],
    ["both have ended", "Never", [0, 1], endsSoon],
    ["it failed and is started again", "OnFailure", [1], "It runs."],
    ["it succeeded, and would be started again if not", "OnFailure", [0], endsSoon],
    ["it is started again in any case", "Always", [0], "It runs."],
  ])("is said to run only while a container of its own does: %s", (_, restartPolicy, ends, text) => {
    expect(runs(restartPolicy, ends)).toEqual([text]);
  });

  it("is not wrong because it has moved its tag, as each that is run again does", () => {
    const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
    const said = { artifact: "a/b:1", digest: digest("a"), bytes: 10, seconds: 2, replaced: digest("b") };
    const state = { terminated: { exitCode: 0, message: JSON.stringify(said), finishedAt: time } };
    const [container] = [{ name: names.pushContainer, state, volumeMounts: [{ name: names.shareVolume }] }];
    const pod = {
      ...podWith({ phase: "Succeeded", containerStatuses: [container] } as never),
      spec: { containers: [container] },
    } as unknown as V1Pod;
    const found = findingsOf(factsOf({ pods: [pod] }), "pod");
    expect(found.map(({ level }) => level)).toEqual(["good", "note"]);
    expect(found[1]?.text).toContain(digest("b"));
  });

  it("mounts an artifact that is no image", () => {
    const message = "ImageVolumeMountFailed: mismatched image rootfs and manifest layers";
    const found = volumes("oras-input", `${host}/models/m:1`, "CreateContainerError", message, host);
    expect(found?.text).toContain(message);
    expect(found?.todo).toContain("format: image");
  });

  it("cannot be scheduled", () => {
    const conditions = [
      { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes are available" },
    ];
    const [first] = findingsOf(
      factsOf({ pods: [podWith({ phase: "Pending", conditions } as never)] }),
      "pod",
    );
    expect(first).toMatchObject({ level: "bad", text: "Pod p: 0/1 nodes are available" });
    expect(first?.todo).toContain("Make room");
  });

  it("failed with one of the operator's codes, or with its own", () => {
    const end = (exitCode: number) =>
      podWith({
        phase: "Failed",
        containerStatuses: [{ name: "main", state: { terminated: { exitCode } } }],
      } as never);
    const { code, meaning } = exitCodes.inputNotFound;
    expect(findingsOf(factsOf({ pods: [end(code)] }), "pod")[0]?.text).toBe(
      `The container main ended with exit code ${code}. ${meaning}`,
    );
    expect(findingsOf(factsOf({ pods: [end(1)] }), "pod")[0]?.todo).toContain("kubectl logs");
  });

  it.each([
    ["failed quota: q: must specify limits.memory for: oras,oras-pull,simulate", "limits-memory"],
    ["exceeded quota: q, requested: limits.memory=1Gi", "requests-memory"],
    ["maximum memory usage per Container is 32Mi, but limit is 64Mi", "describe limitrange"],
    ["violates PodSecurity", "the message names"],
  ])("is a Job whose Pods are refused: %s", (note, todo) => {
    const job = { metadata: { name: "j" }, spec: {} } as Facts["job"];
    const events = [{ type: "Warning", reason: "FailedCreate", note, about: "Job/j", at: time }];
    const [found] = findingsOf(factsOf({ job, events }), "job");
    expect(found).toMatchObject({ level: "bad", text: note });
    expect(found?.todo).toContain(todo);
  });

  it("is a Job that has no Pod, for the reason that its Event has", () => {
    const job = { metadata: { name: "j" }, spec: {} } as Facts["job"];
    const events = [
      { type: "Warning", reason: "FailedCreate", note: "exceeded quota", about: "Job/j", at: time },
    ];
    expect(findingsOf(factsOf({ job, events }), "job")[0]).toMatchObject({
      level: "bad",
      text: "exceeded quota",
    });
    expect(
      findingsOf(factsOf({ job: { ...job, spec: { suspend: true } } as Facts["job"] }), "job")[0]?.text,
    ).toContain("suspended");
  });
});

describe("a step that waits for its inputs", () => {
  const sentence = "Waits for a/b:c (made by Job split).";
  const condition = {
    type: names.inputsAvailable,
    status: "False",
    reason: "WaitingForInputs",
    message: sentence,
  };
  const labels = { [names.waitingLabel]: "true" };
  const held = (parts: object = {}) => ({
    metadata: { name: "j", labels },
    spec: { suspend: true },
    ...parts,
  });
  const jobOf = (parts: object = {}) => held(parts) as unknown as Facts["job"];
  const pod = (status: object, waiting = "true"): V1Pod =>
    ({ ...podOf("p"), metadata: { name: "p", labels: { [names.waitingLabel]: waiting } }, status }) as V1Pod;
  const waits = { level: "waits", text: sentence, todo: expect.stringContaining("wait-for-inputs") };

  it("is a Job that says so, not one that is suspended", () => {
    const job = jobOf({ status: { conditions: [condition, { type: "Suspended", status: "True" }] } });
    expect(findingsOf(factsOf({ job }), "job")).toEqual([waits]);
    expect(formatPage("t", factsOf({ job }), [], { now: 0, colour: false })).toMatch(
      /Job +j +0\/1 complete, waits for inputs/,
    );
  });

  it("is a Pod with a gate, alone or of a Job", () => {
    const pods = [
      pod({
        phase: "Pending",
        conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }, condition],
      }),
    ];
    expect(findingsOf(factsOf({ pods }), "pod")).toEqual([waits]);
    const job = { metadata: { name: "j" }, spec: {} } as Facts["job"];
    expect(findingsOf(factsOf({ job, pods: [...pods, ...pods] }), "job")).toEqual([
      { ...waits, text: `${sentence} (2 Pods)` },
    ]);
    expect(formatPage("t", factsOf({ pods }), [], { now: 0, colour: false })).toMatch(
      /Pod +p +Pending, waits for inputs/,
    );
  });

  it("is told before the operator has said for what", () => {
    const expected = [
      expect.objectContaining({ level: "waits", text: expect.stringContaining("waits for its inputs") }),
    ];
    expect(findingsOf(factsOf({ job: jobOf() }), "job")).toEqual(expected);
    expect(findingsOf(factsOf({ pods: [pod({})] }), "pod")).toEqual(expected);
  });

  it("is in a circle", () => {
    const job = jobOf({ status: { conditions: [condition] } });
    const circle = (about: string) => ({
      type: "Warning",
      reason: "InputCycle",
      note: "Steps wait for each other.",
      about,
      at: time,
    });
    expect(findingsOf(factsOf({ job, events: [circle("Job/j")] }), "job")).toEqual([
      { level: "bad", text: "Steps wait for each other.", todo: expect.stringContaining("input-uri") },
      // One cure is enough.
      { level: "waits", text: sentence },
    ]);
    expect(findingsOf(factsOf({ job, events: [circle("Job/other")] }), "job")).toEqual([waits]);
  });

  it("does not wait any more when it has started, or never will", () => {
    expect(findingsOf(factsOf({ pods: [pod({ phase: "Running" }, "false")] }), "pod")[0]?.text).toBe(
      "It runs.",
    );
    const why = "Job j did not start within 5 s, as wait-timeout says.";
    const failed = { type: "Failed", status: "True", reason: "InputNeverCame", message: why };
    expect(
      findingsOf(factsOf({ job: jobOf({ status: { conditions: [condition, failed] } }) }), "job"),
    ).toEqual([
      { level: "bad", text: `The Job failed: ${why}`, todo: expect.stringContaining("wait-timeout") },
    ]);
    const gone = pod({ phase: "Failed", reason: "InputNeverCame", message: why, conditions: [condition] });
    expect(findingsOf(factsOf({ pods: [gone] }), "pod")).toEqual([
      { level: "bad", text: why, todo: expect.stringContaining("wait-timeout") },
    ]);
  });

  it("is a Job that its author resumes when the inputs are there", () => {
    const job = jobOf({ metadata: { name: "j", labels: { [names.waitingLabel]: "false" } } });
    expect(findingsOf(factsOf({ job }), "job")[0]?.text).toBe("The Job is suspended.");
  });
});

describe("how a step ended", () => {
  const { inputNotFound, registryUnavailable } = exitCodes;
  const ended = (
    name: string,
    exitCode: number,
    message: string,
    phase = "Failed",
    parts: object = {},
  ): V1Pod => {
    const finishedAt = new Date(time);
    const share = { volumeMounts: [{ name: names.shareVolume, mountPath: "/x" }] };
    return {
      metadata: { name, namespace: "runs" },
      spec: {
        containers: [
          { name: names.pushContainer, ...share },
          { name: "main", ...share },
        ],
      },
      status: {
        phase,
        containerStatuses: [
          { name: names.pushContainer, state: { terminated: { exitCode, message, finishedAt } } },
        ],
        ...parts,
      },
    } as unknown as V1Pod;
  };

  it("is never good where nothing was pushed, and says what the program ended with", () => {
    const message = "nothing pushed: the program ended with exit code 3";
    const pod = ended("p", 0, message);
    pod.status?.containerStatuses?.push({
      name: "main",
      state: { terminated: { exitCode: 3, reason: "Error" } },
    } as never);
    const [first, second, ...others] = findingsOf(factsOf({ pods: [pod] }), "pod");
    expect(first).toMatchObject({
      level: "bad",
      text: message,
      todo: expect.stringContaining("output-path"),
    });
    expect(second).toEqual({
      level: "bad",
      text: "The container main ended with exit code 3.",
      todo: "Read its log: kubectl logs p -c main",
    });
    expect(others).toEqual([]);
    const [note] = findingsOf(factsOf({ pods: [ended("p", 0, message, "Succeeded")] }), "pod");
    expect(note).toMatchObject({ level: "note", text: message });
  });

  it("is said once of all Pods of a Job, with what to do", () => {
    const message = `The input a/b:1 is not there (exit code ${inputNotFound.code})`;
    const pods = ["a", "b", "c"].map((name) => ended(name, inputNotFound.code, message));
    const job = { metadata: { name: "j" }, spec: {} } as Facts["job"];
    const told = { level: "bad", text: `${message} (3 Pods)`, todo: inputNotFound.fix };
    expect(findingsOf(factsOf({ job, pods }), "job")).toEqual([told]);
    const status = { conditions: [{ type: "Failed", status: "True", message: "too often" }] };
    expect(findingsOf(factsOf({ job: { ...job, status } as Facts["job"], pods }), "job")).toEqual([
      told,
      { level: "bad", text: "The Job failed: too often" },
    ]);
  });

  it("names the OrasCache that is not there, and not one of a step of another registry", () => {
    const { code } = registryUnavailable;
    const message = (host: string) => `The name ${host} is not known (exit code ${code})`;
    const found = (host: string) =>
      findingsOf(
        factsOf({
          ...{ cache: undefined, cacheName: "orass" },
          pods: [ended("p", code, message(host))],
        }),
        "pod",
      ).map(({ text }) => text);
    expect(found("orass-0.orass.runs.svc")[0]).toBe("There is no OrasCache orass in the namespace runs.");
    expect(found("ghcr.io")).toEqual([message("ghcr.io")]);
  });

  it("waits, with why, where its Pod has not started", () => {
    const waiting = { name: "main", state: { waiting: { reason: "ContainerCreating" } } };
    const pod = podWith({ phase: "Pending", containerStatuses: [waiting] } as never);
    const note = 'Pulling image "large"';
    const events = [{ type: "Normal", reason: "Pulling", note, about: "Pod/p", at: time }];
    expect(findingsOf(factsOf({ pods: [pod], events }), "pod")).toEqual([
      {
        level: "waits",
        text: `The Pod p has not started: ContainerCreating. The last Event: ${note}`,
      },
    ]);
    for (const phase of ["Pending", "Unknown", undefined]) {
      const levels = findingsOf(factsOf({ pods: [podWith({ phase } as never)] }), "pod").map((f) => f.level);
      expect(levels).toEqual(["waits"]);
    }
  });
});

it("a cache whose volume is full, or whose artifacts were lost, is not merely fine or waiting", () => {
  const low = (reason: string) =>
    findingsOf(
      factsOf({
        cache: cacheWith(
          { type: "Ready", status: "True", reason: "RegistryReady" },
          { type: reason === "PodReplaced" ? "StorageLost" : "StorageLow", status: "True", reason },
        ),
      }),
      "cache",
    )[1]?.level;
  expect(["RefusesSteps", "NearlyFull", "PodReplaced"].map(low)).toEqual(["bad", "note", "bad"]);
});

it("a cache is as full as its keeper says now, not as its status said minutes ago", () => {
  const mi = 2 ** 20;
  const spec = { deploy: true, storage: { emptyDir: { sizeLimit: "100Mi" } } };
  const storage = { kind: "emptyDir", used: "0", artifacts: 1, capacity: "100Mi", fullPercent: 2 };
  const cache = { ...ready, spec, status: { ...ready?.status, storage } } as unknown as Facts["cache"];
  const room = { capacity: 100 * mi, used: 99 * mi, free: mi };
  const facts = factsOf({ cache, room });
  const findings = findingsOf(facts, "cache");
  expect(findings[1]).toMatchObject({ level: "bad", text: expect.stringContaining("is 99 % full") });
  const page = formatPage("t", facts, findings, { now: 0, colour: false });
  expect(page).toContain("the registry uses 99Mi of 100Mi; 99% full now");
  expect(findingsOf(factsOf({ cache }), "cache")).toHaveLength(1);
});

it("every exit code of the operator says what to do", () => {
  const without = Object.entries<{ fix?: string; container: string }>(exitCodes).filter(
    ([, { fix, container }]) => fix === undefined && container !== "keeper-init",
  );
  expect(without).toEqual([]);
});

it("a page has what was found, objects, conditions and Events, and nothing that a terminal obeys", () => {
  const events = [
    { type: "Normal", reason: "Created", note: "x\u001b[2J", about: "OrasCache/oras", at: time },
  ];
  const facts = factsOf({ events, unread: ["You have no right to list pods."] });
  const page = formatPage("OrasCache oras in the namespace runs", facts, findingsOf(facts, "cache"), {
    now: Date.parse(time) + 60_000,
    colour: false,
  });
  expect(page).toBe(`OrasCache oras in the namespace runs
  OK     The registry answers.

KIND        NAME   STATE   AGE
OrasCache   oras   Ready   -

CONDITION   STATUS   REASON          SINCE
Ready       True     RegistryReady   60s

EVENT   TYPE     REASON    ABOUT            MESSAGE
60s     Normal   Created   OrasCache/oras   x\\u001b[2J

You have no right to list pods.
`);
});

it("a page of a step has of its cache what is not as it should be alone", () => {
  const cache = cacheWith(
    { type: "Ready", status: "True", reason: "RegistryReady" },
    { type: "Degraded", status: "False", reason: "AsExpected" },
    { type: "SweepHealthy", status: "False", reason: "SweepFailed" },
    { type: "StorageLow", status: "True", reason: "NearlyFull" },
  );
  const storage = { kind: "emptyDir", used: "1Gi", capacity: "10Gi", fullPercent: 12 };
  const facts = factsOf({ cache: { ...cache, status: { ...cache?.status, storage } } as Facts["cache"] });
  const page = (about: "job" | "cache") => formatPage("x", facts, [], { now: 0, colour: false, about });
  expect(page("job")).toMatch(/CONDITION.*\nSweepHealthy .*\nStorageLow .*\n$/);
  expect(page("job")).not.toContain("minutes old");
  expect(page("cache")).toMatch(/Degraded/);
  expect(page("cache")).toContain("minutes old");
});

it("a page shows no age where a time is not known", () => {
  const never = { type: "Ready", status: "Unknown", reason: "Pending", message: "m" } as const;
  const cache = {
    ...cacheOf("oras"),
    status: { conditions: [{ ...never, lastTransitionTime: "1970-01-01T00:00:00Z" }] },
  } as Facts["cache"];
  const events = [{ type: "Normal", reason: "Created", note: "x", about: "OrasCache/oras", at: "" }];
  const facts = factsOf({ cache, events });
  const page = formatPage("x", facts, [], { now: Date.parse(time), colour: false });
  expect(page).toMatch(/Unknown +Pending +-\n/);
  expect(page).toMatch(/^- +Normal +Created/m);
});

describe("a step that is memoized", () => {
  const from = "Job/align Pod/align-x 2026-11-26T07:00:00Z";
  const complete = { conditions: [{ type: "Complete", status: "True" }] };
  const met = (type: string) => ({ type, status: "True", reason: "Memoized" });
  const jobWith = (memoizedFrom: string | undefined, status: object) => {
    const job = jobOf("align", { "output-uri": "a/b:$(JOB_COMPLETION_INDEX)" }, "true", {
      ...{ completions: 6, completionMode: "Indexed" },
    });
    const annotations = memoizedFrom === undefined ? {} : { [names.memoizedFromAnnotation]: memoizedFrom };
    return factsOf({ job: { ...job, metadata: { name: "align", annotations }, status } as V1Job });
  };
  const all = { conditions: [met("SuccessCriteriaMet"), met("Complete")], succeeded: 6 };

  it.each([
    [
      "took its result",
      jobWith(from, all),
      ["Did not run: its result is that of Job align of 2026-11-26T07:00:00Z."],
    ],
    [
      "whose end nobody has written about",
      jobWith(undefined, all),
      ["Did not run: its result was there already."],
    ],
    [
      "some indexes of which ran",
      jobWith(`${from} indexes 0,2-4`, { ...complete, succeeded: 6 }),
      [
        "The indexes 0,2-4 did not run: took results, the first that of Job align of 2026-11-26T07:00:00Z.",
        "It is complete.",
      ],
    ],
    ["that ran", jobWith(undefined, { ...complete, succeeded: 6 }), ["It is complete."]],
  ])("%s", (_, facts, texts) => {
    expect(findingsOf(facts, "job").map(({ text }) => text)).toEqual(texts);
  });

  it("is a Pod", () => {
    const annotations = { [names.memoizedFromAnnotation]: from };
    const pod = {
      ...podOf("p"),
      metadata: { name: "p", annotations },
      status: { phase: "Succeeded", reason: "Memoized" },
    };
    expect(findingsOf(factsOf({ pods: [pod as V1Pod] }), "pod")).toEqual([
      { level: "good", text: "Did not run: its result is that of Job align of 2026-11-26T07:00:00Z." },
    ]);
  });
});
