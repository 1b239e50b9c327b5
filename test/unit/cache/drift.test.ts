import { applyPatch } from "rfc6902";
import { describe, expect, test } from "vitest";
import { foreignFields, isCovered } from "../../../src/cache/drift.ts";

describe("isCovered", () => {
  test.each([
    [{ a: 1 }, { a: 1, b: 2 }, true],
    [{ a: 1 }, { a: 2 }, false],
    [{ a: { b: 1 } }, { a: { b: 1, c: 1 } }, true],
    [{ a: [1, 2] }, { a: [1, 2] }, true],
    [{ a: [1, 2] }, { a: [2, 1] }, false],
    [{ a: [1] }, { a: [1, 2] }, false],
    [{ a: [{ b: 1 }] }, { a: [{ b: 1, c: "default" }] }, true],
    [{ a: undefined }, {}, true],
    [{ a: {} }, {}, false],
    [{ a: {} }, { a: [] }, false],
    [{ a: null }, { a: undefined }, false],
    [{}, null, false],
    [[], {}, false],
    [1, "1", false],
  ])("%j in %j: %s", (desired, live, covered) => {
    expect(isCovered(desired, live)).toBe(covered);
  });
});

describe("foreignFields", () => {
  const desired = {
    spec: {
      replicas: 1,
      template: {
        metadata: { labels: { ours: "1" } },
        spec: { containers: [{ name: "registry", image: "a", env: [{ name: "OURS", value: "1" }] }] },
      },
    },
  };

  function owned(by: string, spec: object, more: object = {}) {
    return [{ manager: by, operation: "Update", fieldsV1: { "f:spec": spec }, ...more }];
  }

  test("what nobody claims stays: it is a default", () => {
    const live = { spec: { ...desired.spec, revisionHistoryLimit: 10 } };
    expect(foreignFields(desired, live, [])).toEqual([]);
  });

  test("what somebody claims and we want too stays", () => {
    expect(foreignFields(desired, desired, owned("kubectl", { "f:replicas": {} }))).toEqual([]);
  });

  test("what somebody claims and we do not want is named with its manager", () => {
    const live = { spec: { ...desired.spec, minReadySeconds: 5 } };
    expect(foreignFields(desired, live, owned("kubectl", { "f:minReadySeconds": {} }))).toEqual([
      { path: "/spec/minReadySeconds", manager: "kubectl" },
    ]);
  });

  test("what was claimed and is gone is nothing to remove", () => {
    expect(foreignFields(desired, desired, owned("kubectl", { "f:minReadySeconds": {} }))).toEqual([]);
  });

  test("the status belongs to whoever writes it", () => {
    const live = { spec: { ...desired.spec, minReadySeconds: 5 } };
    const owners = owned("controller", { "f:minReadySeconds": {} }, { subresource: "status" });
    expect(foreignFields(desired, live, owners)).toEqual([]);
  });

  test("annotations of the template stay: kubectl rollout restart writes one", () => {
    const annotations = { "kubectl.kubernetes.io/restartedAt": "now" };
    const live = {
      spec: { template: { ...desired.spec.template, metadata: { labels: { ours: "1" }, annotations } } },
    };
    const claim = {
      "f:template": {
        "f:metadata": { "f:annotations": { ".": {}, "f:kubectl.kubernetes.io/restartedAt": {} } },
      },
    };
    expect(foreignFields(desired, live, owned("kubectl-rollout", claim))).toEqual([]);
  });

  test("elements of lists are removed from the last to the first, so that JSON Patch can", () => {
    const live = structuredClone(desired) as {
      spec: { template: { spec: { containers: object[] }; metadata: { labels: object } } };
    };
    const [ours] = live.spec.template.spec.containers;
    live.spec.template.metadata.labels = { "a/b~c": "1", ours: "1" };
    live.spec.template.spec.containers = [
      { name: "x" },
      { ...ours, args: ["x"], env: [{ name: "X" }, { name: "OURS", value: "1" }, { name: "Y" }] },
      { name: "y" },
    ];
    const key = (name: string) => `k:${JSON.stringify({ name })}`;
    const claim = {
      "f:template": {
        "f:metadata": { "f:labels": { "f:a/b~c": {} } },
        "f:spec": {
          "f:containers": {
            [key("x")]: { ".": {}, "f:name": {} },
            [key("y")]: { ".": {}, "f:name": {} },
            [key("registry")]: {
              "f:args": {},
              "f:env": { ".": {}, [key("X")]: { ".": {} }, [key("Y")]: { ".": {} } },
            },
          },
        },
      },
    };
    const operations = foreignFields(desired, live, owned("kubectl-edit", claim)).map(({ path }) => ({
      op: "remove" as const,
      path,
    }));
    expect(applyPatch(live, operations).filter(Boolean)).toEqual([]);
    expect(live).toEqual(desired);
  });

  test("a whole field of theirs is removed at its top, though two claim parts of it", () => {
    const live = { spec: { ...desired.spec, affinity: { a: 1, b: 2 } } };
    const owners = [
      ...owned("one", { "f:affinity": { "f:a": {} } }),
      ...owned("two", { "f:affinity": { "f:b": {} } }),
    ];
    expect(foreignFields(desired, live, owners).map(({ path }) => path)).toEqual(["/spec/affinity"]);
  });

  test("values of sets and unknown keys do not confuse it", () => {
    const wanted = { spec: { finalizers: ["ours"] } };
    const live = { spec: { finalizers: ["ours", "theirs"] } };
    const claim = { "f:finalizers": { 'v:"ours"': {}, 'v:"theirs"': {}, "i:0": {} } };
    expect(foreignFields(wanted, live, owned("x", claim)).map(({ path }) => path)).toEqual([
      "/spec/finalizers/1",
    ]);
  });
});
