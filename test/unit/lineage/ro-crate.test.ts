import fc from "fast-check";
import { expect, it } from "vitest";
import { graphOf, type StepFacts, stepStates } from "../../../src/lineage/graph.ts";
import { type CrateFacts, roCrateOf } from "../../../src/lineage/ro-crate.ts";
import contexts from "../../support/ro-crate/contexts.json" with { type: "json" };

type Entity = Readonly<Record<string, unknown>> & { readonly "@id": string; readonly "@type": unknown };

const artifact = (name: string) => ({ address: `host/${name}`, reference: name });
const step = (name: string, more: Partial<StepFacts>): StepFacts => ({
  ...{ kind: "Job", name, stem: name, state: "succeeded", inputs: [], outputs: [] },
  ...more,
});
const facts: CrateFacts = {
  ...{ namespace: "work", workflow: "workflow.yaml", madeOn: "2026-01-01T00:00:00Z" },
  timesOf: ({ name }) => ({ startedOn: `2026-01-01T00:00:0${name.length}Z` }),
  imagesOf: ({ name }) => [{ name: "busybox", digest: `sha256:${name}` }],
};
const entitiesOf = (steps: readonly StepFacts[]) =>
  (roCrateOf(graphOf(steps), facts) as { readonly "@graph": readonly Entity[] } | undefined)?.["@graph"] ??
  [];

/** Every object of JSON-LD that only names another one. */
function referencesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== "object" || value === null) return [];
  const own = Object.keys(value).length === 1 && "@id" in value ? [String(value["@id"])] : [];
  return [...own, ...Object.values(value).flatMap(referencesIn)];
}

it("has what ran, from what, and with which image", () => {
  const split = { ...artifact("parts:1"), pushed: { digest: "sha256:a", at: "1" } };
  const entities = entitiesOf([
    step("split", { outputs: [split] }),
    step("count", {
      state: "failed",
      inputs: [artifact("parts:1")],
      outputs: [artifact("counts:1")],
      reason: "Error",
    }),
    step("plot", { state: "waiting", inputs: [artifact("counts:1")], outputs: [artifact("plots:1")] }),
  ]);
  const byId = new Map(entities.map((entity) => [entity["@id"], entity]));
  expect(byId.get("./")).toMatchObject({
    mainEntity: { "@id": "workflow.yaml" },
    hasPart: [{ "@id": "workflow.yaml" }, { "@id": "oci://host/parts:1" }],
  });
  expect(byId.get("oci://host/parts:1")).toMatchObject({ identifier: "sha256:a", name: "parts:1" });
  expect(byId.get("#action-job%2Fcount")).toMatchObject({
    ...{ "@type": "CreateAction", error: "Error", result: [] },
    object: [{ "@id": "oci://host/parts:1" }],
    actionStatus: { "@id": "http://schema.org/FailedActionStatus" },
  });
  expect(byId.get("#action-job%2Fsplit")).toMatchObject({ result: [{ "@id": "oci://host/parts:1" }] });
  expect(JSON.stringify(entities)).toContain("sha256:split");
  expect(JSON.stringify(entities)).not.toContain("plot");
});

it("has what a failed step has left, as the result of an action that has failed", () => {
  const pushed = { digest: "sha256:left", at: "1" };
  const entities = entitiesOf([
    step("flaky", {
      ...{ state: "failed", reason: "OOMKilled" },
      outputs: [artifact("made:1"), { ...artifact("kept:1"), pushed }],
      leaves: [{ ...artifact("failed:1"), pushed }],
    }),
    step("again", { outputs: [artifact("made:2")], leaves: [{ ...artifact("seen:1"), pushed }] }),
    step("debug", { inputs: [artifact("seen:1")] }),
    step("calm", { state: "failed", leaves: [artifact("never:1")] }),
    step("late", { state: "waiting", leaves: [{ ...artifact("late:1"), pushed }] }),
  ]);
  const byId = new Map(entities.map((entity) => [entity["@id"], entity]));
  const refs = (...found: readonly string[]) => found.map((name) => ({ "@id": `oci://host/${name}` }));
  expect(byId.get("#action-job%2Fflaky")).toMatchObject({
    ...{ "@type": "CreateAction", error: "OOMKilled", result: refs("kept:1", "failed:1") },
    actionStatus: { "@id": "http://schema.org/FailedActionStatus" },
  });
  // Its first attempt has failed, and another one succeeded.
  expect(byId.get("#action-job%2Fagain")).toMatchObject({ result: refs("made:2", "seen:1") });
  expect(byId.get("#action-job%2Fcalm")).toMatchObject({ result: [] });
  expect(byId.get("#workflow-run")).toMatchObject({
    object: [],
    result: refs("kept:1", "made:2", "failed:1"),
  });
  expect(byId.get("./")).toMatchObject({
    hasPart: [{ "@id": "workflow.yaml" }, ...refs("kept:1", "made:2", "seen:1", "failed:1")],
  });
  expect(byId.get("oci://host/failed:1")).toMatchObject({
    ...{ identifier: "sha256:left", name: "failed:1" },
    description: "What job/flaky leaves by failing, an artifact in an OCI registry. It is no output.",
  });
  expect(byId.get("oci://host/made:2")).toMatchObject({ description: "An artifact in an OCI registry." });
});

it("is nothing where nothing has run", () => {
  expect(roCrateOf(graphOf([step("late", { state: "waiting" })]), facts)).toBeUndefined();
});

const names = fc.subarray(["a:1", "b:1", "c:1", 'd e:$(X) "<"', "é@sha256:0"].map(artifact));
const pushed = { digest: "sha256:a", at: "1" };
const left = names.map((all) => all.map((one, at) => ({ ...one, ...(at > 0 && { pushed }) })));
const steps = fc.array(fc.tuple(names, left, left, fc.constantFrom(...stepStates)), { maxLength: 6 });
const drawnSteps = steps.map((drawn) =>
  drawn.map(([inputs, outputs, leaves, state], at) =>
    step(`s${"x".repeat(at)}/é`, { inputs, outputs, leaves, state }),
  ),
);

it("names nothing that it does not have, and says each thing once, in terms of its contexts", () => {
  const terms = new Set(Object.values(contexts).flatMap((one) => Object.keys(one["@context"])));
  fc.assert(
    fc.property(drawnSteps, (all) => {
      const entities = entitiesOf(all);
      const ids = entities.map((entity) => entity["@id"]);
      expect(new Set(ids).size).toBe(ids.length);
      const elsewhere =
        /^(https:\/\/w3id\.org\/(ro\/crate|ro\/terms)\/|http:\/\/schema\.org\/\w+ActionStatus$)/;
      const missing = referencesIn(entities).filter((id) => !ids.includes(id) && !elsewhere.test(id));
      expect(missing).toEqual([]);
      for (const id of ids) expect(URL.canParse(id, "https://crate.example/")).toBe(true);
      for (const { "@id": _, "@type": types, ...members } of entities)
        for (const term of [types, ...Object.keys(members)].flat()) expect(terms).toContain(term);
    }),
  );
});

it("does not depend on the order of the steps", () => {
  fc.assert(
    fc.property(drawnSteps, (all) => {
      expect(entitiesOf(all.toReversed())).toEqual(entitiesOf(all));
    }),
  );
});
