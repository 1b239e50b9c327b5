import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import type { ManagedFields } from "../../../src/kube/objects.ts";
import { foreignEntries, foreignFields, takeOver } from "../../../src/kube/ownership.ts";

const takeover = { except: ["spec.template.metadata.annotations", "spec.clusterIP"] } as const;
const entry = (manager: string, fields: object, more: object = {}): ManagedFields => ({
  ...{ manager, operation: "Update", fieldsV1: fields as Record<string, unknown> },
  ...more,
});
const ours = entry(names.fieldManager, { "f:spec": { "f:replicas": {} } }, { operation: "Apply" });
const fieldSet = fc.letrec((tie) => ({
  set: fc.dictionary(
    fc.constantFrom("f:a", "f:b", "f:template", "f:metadata", "f:annotations", 'k:{"name":"x"}', "v:1", "."),
    fc.oneof({ maxDepth: 5 }, fc.constant({}), tie("set")),
    { maxKeys: 4 },
  ),
})).set;
const managed = fc.record({
  manager: fc.constantFrom("a", "b", names.fieldManager),
  operation: fc.constantFrom("Apply", "Update"),
  fieldsV1: fc.record({ "f:spec": fieldSet, "f:metadata": fieldSet }, { requiredKeys: [] }),
}) as fc.Arbitrary<ManagedFields>;
const theirs = (entries: ManagedFields[]) => foreignFields(entries, takeover);

describe("what others set", () => {
  test("is named with its manager, by the topmost fields", () => {
    const fields = {
      "f:metadata": { "f:labels": { "f:x": {} } },
      "f:spec": {
        "f:minReadySeconds": {},
        "f:template": {
          "f:spec": {
            "f:containers": {
              'k:{"name":"theirs"}': { ".": {}, "f:image": {}, "f:name": {} },
              'k:{"name":"registry"}': {
                "f:args": {},
                "f:ports": { 'k:{"containerPort":1,"protocol":"TCP"}': { ".": {} } },
              },
            },
          },
        },
        "f:finalizers": { 'v:"x"': {} },
      },
    };
    expect(theirs([ours, entry("kubectl-edit", fields)])).toEqual([
      {
        manager: "kubectl-edit",
        subresource: undefined,
        fields: [
          ".spec.minReadySeconds",
          '.spec.template.spec.containers[name="theirs"]',
          '.spec.template.spec.containers[name="registry"].args',
          '.spec.template.spec.containers[name="registry"].ports[containerPort=1,protocol="TCP"]',
          '.spec.finalizers["x"]',
        ],
      },
    ]);
  });

  test("leaves out the operator's own, the status, metadata, and what is tolerated", () => {
    const restart = { "f:template": { "f:metadata": { "f:annotations": { ".": {}, "f:restartedAt": {} } } } };
    expect(
      theirs([
        ours,
        entry("controller", { "f:status": { "f:replicas": {} } }, { subresource: "status" }),
        entry("kubectl-label", { "f:metadata": { "f:labels": { "f:x": {} } } }),
        entry("kubectl-rollout", { "f:spec": restart }),
        entry("x", { "f:spec": { "f:clusterIP": {} } }),
      ]),
    ).toEqual([]);
  });

  test("lif-10: an autoscaler is named with its subresource", () => {
    const scaled = entry(
      "kube-controller-manager",
      { "f:spec": { "f:replicas": {} } },
      { subresource: "scale" },
    );
    expect(theirs([ours, scaled])).toEqual([
      { manager: "kube-controller-manager", subresource: "scale", fields: [".spec.replicas"] },
    ]);
  });

  test("lif-08: what an earlier operator set by updates is not its own apply", () => {
    const update = entry(names.fieldManager, { "f:spec": { "f:revisionHistoryLimit": {} } });
    expect(theirs([ours, update])).toMatchObject([{ fields: [".spec.revisionHistoryLimit"] }]);
  });
});

test("what a mirror keeps tells as much of what others set", () => {
  fc.assert(
    fc.property(fc.array(managed), (entries) => {
      const kept = foreignEntries([
        ...entries,
        entry("controller", { "f:status": {} }, { subresource: "status" }),
      ]);
      expect(theirs(kept)).toEqual(theirs(entries));
      expect(kept.length).toBeLessThanOrEqual(entries.length);
    }),
  );
});

describe("taking over", () => {
  test("gives the fields to the operator's apply, and leaves the rest with whoever set it", () => {
    const annotations = { "f:template": { "f:metadata": { "f:annotations": { "f:a": {} } } } };
    const mixed = {
      "f:metadata": { "f:labels": { "f:x": {} } },
      "f:spec": { "f:paused": {}, ...annotations },
    };
    const status = entry("controller", { "f:status": {} }, { subresource: "status" });
    expect(takeOver([ours, entry("kubectl-edit", mixed), status], takeover)).toEqual([
      entry("kubectl-edit", { "f:metadata": mixed["f:metadata"], "f:spec": annotations }),
      status,
      { ...ours, subresource: "", fieldsV1: { "f:spec": { "f:replicas": {}, "f:paused": {} } } },
    ]);
  });

  test("afterwards nothing is anybody else's, whatever was set and however deep", () => {
    fc.assert(
      fc.property(fc.uniqueArray(managed, { selector: (m) => `${m.manager}${m.operation}` }), (entries) => {
        const after = takeOver(entries, takeover);
        expect(foreignFields(after, takeover)).toEqual([]);
        expect(
          after.filter(({ manager, operation }) => manager === names.fieldManager && operation === "Apply"),
        ).toHaveLength(1);
      }),
    );
  });
});
