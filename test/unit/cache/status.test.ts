import type { V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { cacheHost, remoteUrl } from "../../../src/cache/address.ts";
import { isRolledOut } from "../../../src/cache/rollout.ts";
import { conditionOf, statusOf, untilDeadline } from "../../../src/cache/status.ts";
import type { Condition, OrasCacheStatus, StoredOrasCache } from "../../../src/cache/types.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

const time = "2026-01-02T03:04:05Z";
const running: V1StatefulSet = {
  metadata: { generation: 3 },
  spec: { replicas: 1, selector: {}, template: {} },
  status: {
    replicas: 1,
    readyReplicas: 1,
    updatedReplicas: 1,
    observedGeneration: 3,
    currentRevision: "a",
    updateRevision: "a",
  },
};
const registryPod = (uid: string, startTime: string): V1Pod => ({
  metadata: { name: "oras-0", uid },
  status: {
    startTime: startTime as unknown as Date,
    conditions: [{ type: "Ready", status: "True" }],
  },
});
const observe = (more: object): OrasCacheStatus =>
  statusOf({
    ...{ cache: storedCache(), statefulSet: undefined, claim: undefined, trouble: undefined, pods: [] },
    ...{ installation: childFacts(), time, ...more },
  });
const shape = (status: OrasCacheStatus) =>
  Object.fromEntries(
    (status.conditions ?? []).map(({ type, status: is, reason }) => [type, `${is} ${reason}`]),
  );
const withStatus = (status: OrasCacheStatus, cache = storedCache()): StoredOrasCache => ({
  ...cache,
  status: { conditions: [], ...status },
});
const later = (seconds: number) =>
  `${new Date(Date.parse(time) + seconds * 1000).toISOString().slice(0, 19)}Z`;

describe("addresses", () => {
  test("of a cache and of a remote registry", () => {
    const host = (spec?: object) => cacheHost({ name: "oras", namespace: "work" }, spec, "example.org");
    expect(host()).toBe("oras-0.oras.work.svc.example.org:5000");
    expect(host({ storage: { persistentVolumeClaim: { size: "1Gi" } } })).toBe(host());
    // Where several Pods may be, whatever their number: what was created with two finds the registry when there is one.
    const shared = "oras-registry.work.svc.example.org:5000";
    expect(host({ storage: { persistentVolumeClaim: { claimName: "mine" } } })).toBe(shared);
    expect(host({ storage: { persistentVolumeClaim: { accessModes: ["ReadWriteMany"] } } })).toBe(shared);
    expect(host({ storage: { s3: {} } })).toBe(shared);
    expect(host({ storage: { s3: {} }, replicas: 2 })).toBe(shared);
    expect(remoteUrl("ghcr.io")).toBe("https://ghcr.io");
    expect(remoteUrl("http://localhost:5000")).toBe("http://localhost:5000");
  });
});

describe("status", () => {
  test.each([{}, { deploy: false, registry: "ghcr.io" }])(
    "leaves what memoization has forgotten as it is (%j)",
    (spec) => {
      const memo = { epoch: 1, forgotten: [{ epoch: 1, keys: "a".repeat(12) }] };
      const cache = withStatus({ conditions: [], memo }, storedCache(spec));
      expect(observe({ cache }).memo).toEqual(memo);
      expect(observe({ cache: storedCache(spec) })).not.toHaveProperty("memo");
    },
  );

  const remote = storedCache({ deploy: false, registry: "ghcr.io" });
  const trouble = { reason: "NameTaken", message: "m" };
  test.each([
    [
      "nothing there yet",
      {},
      "False RollingOut",
      "False RegistryNotReady",
      "True RollingOut",
      "False AsExpected",
    ],
    [
      "running",
      { statefulSet: running },
      "True RegistryReady",
      "True RegistryReady",
      "False RolledOut",
      "False AsExpected",
    ],
    [
      "rolling out another spec, the old Pod still ready",
      { statefulSet: { ...running, metadata: { generation: 4 } } },
      "False RollingOut",
      "True RegistryReady",
      "True RollingOut",
      "False AsExpected",
    ],
    [
      "trouble",
      { trouble },
      "False NameTaken",
      "False RegistryNotReady",
      "True RollingOut",
      "True NameTaken",
    ],
    [
      "trouble with a change, the old Pod still ready",
      { statefulSet: running, trouble },
      "False NameTaken",
      "True RegistryReady",
      "False RolledOut",
      "True NameTaken",
    ],
    [
      "not deployed",
      { cache: storedCache({ deploy: false }) },
      "True NotDeployed",
      "True NotDeployed",
      "False NotDeployed",
      "False AsExpected",
    ],
    [
      "remote, not asked",
      { cache: remote },
      "True RemoteRegistry",
      "True RemoteRegistry",
      "False NotDeployed",
      "False AsExpected",
    ],
    [
      "I5: remote, and it does not answer",
      { cache: remote, remote: { answers: false, message: "no such host" } },
      "False RegistryUnreachable",
      "False RegistryUnreachable",
      "False NotDeployed",
      "True RegistryUnreachable",
    ],
  ])("%s", (_, more, Ready, Available, Progressing, Degraded) => {
    expect(shape(observe(more))).toEqual({ Ready, Available, Progressing, Degraded });
  });

  test("the same observation is the same status, whatever the time", () => {
    const once = observe({ statefulSet: running });
    expect(observe({ cache: withStatus(once), statefulSet: running, time: "2030-01-01T00:00:00Z" })).toEqual(
      once,
    );
  });

  test("a time changes with the status of its condition, not with its reason", () => {
    const old = (status: Condition["status"]): OrasCacheStatus => ({
      conditions: [{ type: "Available", status, reason: "Old", message: "", lastTransitionTime: "then" }],
    });
    const since = (status: Condition["status"]) =>
      conditionOf(observe({ cache: withStatus(old(status)), statefulSet: running }), "Available");
    expect(since("True")).toMatchObject({ lastTransitionTime: "then", reason: "RegistryReady" });
    expect(since("False")).toMatchObject({ lastTransitionTime: time });
  });

  test("a registry that is no longer named leaves no URL", () => {
    expect(observe({ cache: storedCache({ deploy: false }) })).not.toHaveProperty("url");
  });

  test("I14: it says that the artifacts are in an emptyDir", () => {
    const status = observe({ statefulSet: running });
    expect(status.storage).toEqual({ kind: "emptyDir" });
    expect(conditionOf(status, "Ready")?.message).toContain("emptyDir");
  });
});

describe("progress has a deadline", () => {
  const begun = observe({});

  test("10 minutes after it began, and says so as long as nothing changes", () => {
    expect(untilDeadline(begun, Date.parse(time))).toBe(601_000);
    const at = (seconds: number, cache: StoredOrasCache) => observe({ cache, time: later(seconds) });
    expect(shape(at(599, withStatus(begun)))["Progressing"]).toBe("True RollingOut");
    const late = at(600, withStatus(begun));
    expect(shape(late)).toMatchObject({
      Ready: "False ProgressDeadlineExceeded",
      Progressing: "False ProgressDeadlineExceeded",
      Degraded: "True ProgressDeadlineExceeded",
    });
    expect(untilDeadline(late, Date.parse(time))).toBeUndefined();
    expect(at(6_000, withStatus(late))).toEqual(late);
  });

  test("it begins anew with another spec, and ends with success", () => {
    const next = withStatus(begun, storedCache({}, { generation: 3 }));
    const status = observe({ cache: next, time: later(700) });
    expect(conditionOf(status, "Progressing")).toMatchObject({
      status: "True",
      lastTransitionTime: later(700),
    });
    const late = observe({ cache: withStatus(begun), time: later(600) });
    expect(shape(observe({ cache: withStatus(late), statefulSet: running }))["Ready"]).toBe(
      "True RegistryReady",
    );
  });
});

describe("lif-24: StorageLost", () => {
  const first = observe({ statefulSet: running, pods: [registryPod("one", "2026-01-01T00:00:00Z")] });
  const second = [registryPod("two", "2026-01-02T00:00:00Z")];

  test("another Pod than the one that held the artifacts", () => {
    expect(first.storage).toEqual({ kind: "emptyDir", podUID: "one", since: "2026-01-01T00:00:00Z" });
    expect(conditionOf(first, "StorageLost")).toBeUndefined();
    const lost = observe({ cache: withStatus(first), statefulSet: running, pods: second });
    expect(conditionOf(lost, "StorageLost")).toMatchObject({
      status: "True",
      message: expect.stringContaining("before 2026-01-02T00:00:00Z"),
    });
    expect(conditionOf(lost, "Ready")?.status).toBe("True");
    // It goes on to say so.
    expect(observe({ cache: withStatus(lost), statefulSet: running, pods: second })).toEqual(lost);
  });

  test("a Pod that is not ready yet, or is gone, is not another one", () => {
    const starting = { ...registryPod("two", time), status: { conditions: [] } };
    for (const pods of [[], [starting]]) {
      const status = observe({ cache: withStatus(first), pods });
      expect(status.storage).toEqual(first.storage);
      expect(conditionOf(status, "StorageLost")).toBeUndefined();
    }
  });
});

test("an update that waits for the Pod to go is reported, and nothing is progressing", () => {
  const pending: V1StatefulSet = {
    ...running,
    spec: { replicas: 1, selector: {}, template: {}, updateStrategy: { type: "OnDelete" } },
    status: { ...running.status, replicas: 1, updatedReplicas: 0, updateRevision: "b" },
  };
  expect(shape(observe({ statefulSet: pending }))).toMatchObject({
    Ready: "True RegistryReady",
    Progressing: "False RolledOut",
    UpdatePending: "True PodKeepsArtifacts",
  });
});

test.each([
  [undefined, false],
  [{ ...running, status: undefined }, false],
  [running, true],
  [{ ...running, status: { ...running.status, updatedReplicas: 0 } }, false],
  [{ ...running, status: { ...running.status, readyReplicas: 0 } }, false],
  [{ ...running, status: { ...running.status, updateRevision: "b" } }, false],
])("isRolledOut %#", (statefulSet, expected) => {
  expect(isRolledOut(statefulSet as V1StatefulSet | undefined)).toBe(expected);
});

describe("on a volume", () => {
  const on = (claimName?: string) =>
    storedCache({
      storage: {
        persistentVolumeClaim: claimName
          ? { claimName, onDelete: "Retain" }
          : { size: "10Gi", onDelete: "Retain" },
      },
    });
  const claim = (uid: string, capacity: string, size = capacity) => ({
    metadata: { name: "oras-data", uid },
    spec: { resources: { requests: { storage: size } } },
    status: { phase: "Bound", capacity: { storage: capacity } },
  });
  const volumePod = (uid: string): V1Pod => ({
    ...registryPod(uid, "2026-01-01T00:00:00Z"),
    spec: {
      containers: [],
      volumes: [{ name: "registry-data", persistentVolumeClaim: { claimName: "oras-data" } }],
    },
  });
  const first = observe({
    cache: on(),
    claim: claim("one", "10Gi"),
    statefulSet: running,
    pods: [volumePod("a")],
  });

  test("another Pod loses nothing", () => {
    expect(first.storage).toEqual({
      kind: "persistentVolumeClaim",
      claim: "oras-data",
      claimUID: "one",
      capacity: "10Gi",
    });
    const next = observe({
      cache: withStatus(first, on()),
      claim: claim("one", "10Gi"),
      statefulSet: running,
      pods: [volumePod("b")],
    });
    expect(next).toEqual(first);
  });

  test("a claim that is not seen for a moment is not another one", () => {
    expect(observe({ cache: withStatus(first, on()), statefulSet: running }).storage).toEqual(first.storage);
  });

  test("another claim is a loss, and it goes on to say so", () => {
    const lost = observe({
      cache: withStatus(first, on()),
      claim: claim("two", "10Gi"),
      statefulSet: running,
    });
    expect(shape(lost)["StorageLost"]).toBe("True ClaimReplaced");
    const mine = observe({ cache: withStatus(first, on("mine")), statefulSet: running });
    expect(conditionOf(mine, "StorageLost")?.message).toContain('"oras-data" and now uses "mine"');
    const later = observe({ cache: withStatus(mine, on("mine")), statefulSet: running });
    expect(later.storage).toEqual({ kind: "persistentVolumeClaim", claim: "mine" });
    expect(shape(later)["StorageLost"]).toBe("True ClaimReplaced");
  });

  test("artifacts of an emptyDir are where they were until its Pod is replaced", () => {
    const ephemeral = registryPod("a", "2026-01-01T00:00:00Z");
    const before = observe({ statefulSet: running, pods: [ephemeral] });
    const cache = withStatus(before, on());
    const waits = observe({ cache, claim: claim("one", "10Gi"), statefulSet: running, pods: [ephemeral] });
    expect(waits.storage).toEqual(before.storage);
    expect(observe({ cache, claim: claim("one", "10Gi"), pods: [] }).storage).toEqual(before.storage);
    const moved = observe({
      cache,
      claim: claim("one", "10Gi"),
      statefulSet: running,
      pods: [volumePod("b")],
    });
    expect(moved.storage?.claim).toBe("oras-data");
    expect(shape(moved)["StorageLost"]).toBe("True PodReplaced");
  });

  test("a volume that grows is progress without a deadline, and the rollout after it has its own", () => {
    const grows = observe({ cache: on(), claim: claim("one", "5Gi", "10Gi"), statefulSet: running });
    expect(shape(grows)).toMatchObject({
      Ready: "False VolumeGrowing",
      Available: "True RegistryReady",
      Progressing: "True VolumeGrowing",
      Degraded: "False AsExpected",
    });
    expect(untilDeadline(grows, Date.parse(time))).toBeUndefined();
    const begins = observe({ cache: withStatus(grows, on()), time: later(6_000) });
    expect(conditionOf(begins, "Progressing")).toMatchObject({
      reason: "RollingOut",
      lastTransitionTime: later(6_000),
    });
  });

  test("suspended: no registry, no problem, and nothing is lost", () => {
    const none = {
      ...running,
      spec: { ...running.spec, replicas: 0 },
      status: { ...running.status, replicas: 0, readyReplicas: 0 },
    };
    const cache = on();
    cache.spec.suspend = true;
    const status = observe({
      cache: withStatus(first, cache),
      claim: claim("one", "10Gi"),
      statefulSet: none,
    });
    expect(shape(status)).toEqual({
      Ready: "False Suspended",
      Available: "False Suspended",
      Progressing: "False Suspended",
      Degraded: "False AsExpected",
    });
  });

  test("a node that does not answer is a condition of its own, as long as it does not", () => {
    const lost = observe({
      cache: on(),
      statefulSet: running,
      trouble: { reason: "NodeLost", message: "m" },
    });
    expect(shape(lost)).toMatchObject({
      Ready: "False NodeLost",
      Degraded: "True NodeLost",
      NodeLost: "True NodeLost",
    });
    expect(shape(observe({ cache: withStatus(lost, on()), statefulSet: running }))).not.toHaveProperty(
      "NodeLost",
    );
  });
});

test("what may be elsewhere is not promised to be in the emptyDir", () => {
  const cache = storedCache({ secrets: { orasEnv: "s3" } });
  expect(conditionOf(observe({ cache, statefulSet: running }), "Ready")?.message).toContain(
    "unless the variables of secrets.orasEnv or env choose another storage",
  );
});

describe("what the keeper says of the volume", () => {
  const gi = 2 ** 30;
  const room = { capacity: 10 * gi, used: 4 * gi, free: 6 * gi };
  const usage = { room, artifacts: 3, bytes: 1.5 * gi };
  const mark = { volume: "drawn", since: "2025-12-31T00:00:00Z" };
  const pods = [registryPod("one", "2026-01-01T00:00:00Z")];
  const measured = observe({ statefulSet: running, pods, usage: { ...usage, ...mark } });
  const kept = { persistentVolumeClaim: { size: "20Gi", onDelete: "Retain" } } as const;
  const onVolume = (more: object = {}) => ({
    ...{ cache: storedCache({ storage: kept }), statefulSet: running, usage: { ...usage, ...mark } },
    claim: { metadata: { name: "oras-data", uid: "1" }, status: { capacity: { storage: "20Gi" } } },
    ...more,
  });

  test("is in the status, rounded", () => {
    expect(measured.storage).toEqual({
      ...{ kind: "emptyDir", podUID: "one", since: "2026-01-01T00:00:00Z" },
      ...{ capacity: "10Gi", used: "1.5Gi", fullPercent: 40, artifacts: 3, volumeID: "drawn" },
    });
  });

  test("stays as long as it is about right, and as long as nobody says otherwise", () => {
    const cache = withStatus(measured);
    const rest = {
      ...usage,
      ...mark,
      bytes: usage.bytes * 1.02,
      room: { ...room, used: 4.1 * gi, free: 5.91 * gi },
    };
    expect(observe({ cache, statefulSet: running, pods, usage: rest })).toEqual(measured);
    expect(observe({ cache, statefulSet: running, pods })).toEqual(measured);
    expect(observe({ cache, pods: [] }).storage).toEqual(measured.storage);
  });

  test("is about this Pod, not about the one before", () => {
    const next = [registryPod("two", "2026-01-02T00:00:00Z")];
    const status = observe({ cache: withStatus(measured), statefulSet: running, pods: next });
    expect(status.storage).toEqual({ kind: "emptyDir", podUID: "two", since: "2026-01-02T00:00:00Z" });
    expect(shape(status)["StorageLost"]).toBe("True PodReplaced");
  });

  test("does not hide how large a claim is", () => {
    expect(observe(onVolume()).storage).toEqual({
      ...{ kind: "persistentVolumeClaim", claim: "oras-data", claimUID: "1", capacity: "20Gi" },
      ...{ used: "1.5Gi", fullPercent: 40, artifacts: 3, volumeID: "drawn", since: mark.since },
    });
  });

  test("another volume of the claim is a loss, if there was something on the first", () => {
    const before = observe(onVolume());
    const cache = withStatus(before, storedCache({ storage: kept }));
    const other = { ...usage, volume: "other", since: "2026-01-02T00:00:00Z", artifacts: 0 };
    const lost = observe(onVolume({ cache, usage: other }));
    expect(conditionOf(lost, "StorageLost")).toMatchObject({
      reason: "VolumeReplaced",
      message: expect.stringMatching(/since 2026-01-02T00:00:00Z\. The 3 artifacts that were there are not/),
    });
    const goesOn = withStatus(lost, storedCache({ storage: kept }));
    expect(observe(onVolume({ cache: goesOn, usage: other }))).toEqual(lost);
    const empty = withStatus({ ...before, storage: { ...before.storage, kind: "x", artifacts: 0 } }, cache);
    expect(conditionOf(observe(onVolume({ cache: empty, usage: other })), "StorageLost")).toBeUndefined();
    // The volume could not be written, so it has no mark.
    const { volume: _, ...unmarked } = { ...usage, ...mark };
    expect(conditionOf(observe(onVolume({ cache, usage: unmarked })), "StorageLost")).toBeUndefined();
  });

  test.each([
    [74, undefined, undefined],
    [75, "True NearlyFull", "True NearlyFull"],
    [84, "True NearlyFull", "True NearlyFull"],
    [85, "True RefusesSteps", "True NearlyFull"],
    [95, "True RefusesSteps", "True RefusesSteps"],
  ])("from %i %% on", (percent, ofNode, ofVolume) => {
    const full = { ...usage, room: { ...room, free: ((100 - percent) / 100) * room.capacity } };
    const status = observe({ statefulSet: running, pods, usage: full });
    expect(shape(status)["StorageLow"]).toBe(ofNode);
    expect(shape(status)["Ready"]).toBe("True RegistryReady");
    const warned = storedCache({ storage: { ...kept, warnAt: 75 } });
    expect(shape(observe(onVolume({ cache: warned, usage: full })))["StorageLow"]).toBe(ofVolume);
  });

  test.each([
    ["nothing", undefined, "delete artifacts and set spec.retention, without which they free nothing."],
    ["runs", {}, "delete artifacts, whose space comes back by the runs of spec.retention."],
    ["suspended", { suspend: true }, "which free nothing while spec.retention.suspend is true."],
    [
      "a dry run",
      { suspend: true, dryRun: true },
      "which free nothing while spec.retention.suspend or spec.retention.dryRun is true.",
    ],
  ])("what frees space on a full volume is said: %s", (_, retention, words) => {
    const full = { ...usage, room: { ...room, free: 0 } };
    const defaults = { suspend: false, dryRun: false, keepInputs: true, untaggedAfter: "24h", grace: "1h" };
    const cache = storedCache({
      storage: kept,
      ...(retention && { retention: { ...defaults, ...retention } }),
    });
    const { message } = conditionOf(observe(onVolume({ cache, usage: full })), "StorageLow") ?? {};
    expect(message).toContain(words);
  });

  test("a registry answers, whatever its keeper does", () => {
    const [pod] = pods;
    const containerStatuses = [
      { name: "registry", ready: true },
      { name: "keeper", ready: false },
    ];
    const notReady = { ...running, status: { ...running.status, readyReplicas: 0 } };
    const seen = { ...pod, status: { ...pod?.status, conditions: [], containerStatuses } };
    expect(shape(observe({ statefulSet: notReady, pods: [seen] }))).toMatchObject({
      Available: "True RegistryReady",
      Ready: "False RollingOut",
    });
  });
});
