import type { V1StatefulSet } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { cacheUrl, remoteUrl } from "../../../src/cache/address.ts";
import { isRolledOut, statusOf } from "../../../src/cache/status.ts";
import type { Condition, OrasCacheStatus } from "../../../src/cache/types.ts";
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
const observe = (more: object) =>
  statusOf({
    cache: storedCache(),
    statefulSet: undefined,
    obstacle: undefined,
    clusterDomain: "cluster.local",
    time,
    ...more,
  });
const shape = (status: OrasCacheStatus) =>
  Object.fromEntries(
    (status.conditions ?? []).map(({ type, status: is, reason }) => [type, `${is} ${reason}`]),
  );

describe("addresses", () => {
  test("of a cache and of a remote registry", () => {
    expect(cacheUrl("oras", "work", "example.org")).toBe("http://oras-0.oras.work.svc.example.org:5000");
    expect(remoteUrl("ghcr.io")).toBe("https://ghcr.io");
    expect(remoteUrl("http://localhost:5000")).toBe("http://localhost:5000");
  });
});

describe("status", () => {
  test.each([
    ["nothing there yet", {}, "False RegistryNotReady", "True RollingOut", "False AsExpected"],
    ["running", { statefulSet: running }, "True RegistryReady", "False RolledOut", "False AsExpected"],
    [
      "rolling out another spec, the old Pod still ready",
      { statefulSet: { ...running, metadata: { generation: 4 } } },
      "True RegistryReady",
      "True RollingOut",
      "False AsExpected",
    ],
    [
      "an obstacle",
      { obstacle: { reason: "NameTaken", message: "m" } },
      "False RegistryNotReady",
      "False NameTaken",
      "True NameTaken",
    ],
    [
      "an obstacle to a change, the old Pod still ready",
      { statefulSet: running, obstacle: { reason: "Invalid", message: "m" } },
      "True RegistryReady",
      "False RolledOut",
      "True Invalid",
    ],
    [
      "not deployed",
      { cache: storedCache({ deploy: false }) },
      "True NotDeployed",
      "False NotDeployed",
      "False AsExpected",
    ],
    [
      "remote",
      { cache: storedCache({ deploy: false, registry: "ghcr.io" }) },
      "True RemoteRegistry",
      "False NotDeployed",
      "False AsExpected",
    ],
  ])("%s", (_, more, Available, Progressing, Degraded) => {
    expect(shape(observe(more))).toEqual({ Available, Progressing, Degraded });
  });

  test("the same observation is the same status, whatever the time", () => {
    const once = observe({ statefulSet: running });
    const cache = { ...storedCache(), status: once };
    expect(observe({ cache, statefulSet: running, time: "2030-01-01T00:00:00Z" })).toEqual(once);
  });

  test("a time changes with the status of its condition, not with its reason", () => {
    const old = (status: Condition["status"]): OrasCacheStatus => ({
      conditions: [{ type: "Available", status, reason: "Old", message: "", lastTransitionTime: "then" }],
    });
    const since = (status: Condition["status"]) =>
      observe({ cache: { ...storedCache(), status: old(status) }, statefulSet: running }).conditions?.[0];
    expect(since("True")).toMatchObject({ lastTransitionTime: "then", reason: "RegistryReady" });
    expect(since("False")).toMatchObject({ lastTransitionTime: time });
  });

  test("a registry that is no longer named leaves no URL", () => {
    expect(observe({ cache: storedCache({ deploy: false }) })).not.toHaveProperty("url");
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
