import type { V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { cacheUrl, remoteUrl } from "../../../src/cache/address.ts";
import { isRolledOut } from "../../../src/cache/rollout.ts";
import { conditionOf, statusOf, untilDeadline } from "../../../src/cache/status.ts";
import type { Condition, OrasCacheStatus, StoredOrasCache } from "../../../src/cache/types.ts";
import { storedCache } from "../../support/cache.ts";

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
    ...{ cache: storedCache(), statefulSet: undefined, trouble: undefined, pods: [] },
    ...{ clusterDomain: "cluster.local", time, ...more },
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
    expect(cacheUrl("oras", "work", "example.org")).toBe("http://oras-0.oras.work.svc.example.org:5000");
    expect(remoteUrl("ghcr.io")).toBe("https://ghcr.io");
    expect(remoteUrl("http://localhost:5000")).toBe("http://localhost:5000");
  });
});

describe("status", () => {
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
