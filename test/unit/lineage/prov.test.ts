import fc from "fast-check";
import { expect, it } from "vitest";
import { graphOf, type StepFacts, stepStates } from "../../../src/lineage/graph.ts";
import { provOf } from "../../../src/lineage/prov.ts";

type Members = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
type Document = Readonly<
  Record<"entity" | "activity" | "agent" | "used" | "wasGeneratedBy" | "wasAssociatedWith", Members>
>;

const artifact = (name: string) => ({ address: `host/${name}`, reference: name });
const step = (name: string, more: Partial<StepFacts>): StepFacts => ({
  ...{ kind: "Job", name, stem: name, state: "succeeded", inputs: [], outputs: [] },
  ...more,
});
const written = (steps: readonly StepFacts[]) =>
  provOf(graphOf(steps), "work", ({ name }) => ({ startedOn: `start of ${name}` })) as unknown as Document;

it("has what ran, when, what it read and what it made", () => {
  const told = written([
    step("split", { outputs: [{ ...artifact("parts:1"), pushed: { digest: "sha256:a", at: "1" } }] }),
    step("count", { state: "failed", inputs: [artifact("parts:1")], outputs: [artifact("counts:1")] }),
    step("plot", { state: "waiting", inputs: [artifact("counts:1")], outputs: [artifact("plots:1")] }),
  ]);
  expect(Object.values(told.activity)).toMatchObject([
    { "prov:label": "job/count", "oras:state": "failed", "prov:startTime": "start of count" },
    { "prov:label": "job/split", "oras:namespace": "work" },
  ]);
  expect(told.entity).toEqual({
    "artifact:host%2Fparts%3A1": {
      ...{ "prov:label": "parts:1", "prov:location": "oci://host/parts:1", "oras:digest": "sha256:a" },
    },
  });
  expect(Object.values(told.used)).toEqual([
    { "prov:activity": "step:job%2Fcount", "prov:entity": "artifact:host%2Fparts%3A1" },
  ]);
  expect(Object.values(told.wasGeneratedBy)).toEqual([
    { "prov:activity": "step:job%2Fsplit", "prov:entity": "artifact:host%2Fparts%3A1" },
  ]);
});

it("has what a step has pushed before it has succeeded, or although it failed", () => {
  const pushed = { digest: "sha256:a", at: "1" };
  const told = written([
    step("kept", { state: "failed", outputs: [{ ...artifact("kept:1"), pushed }, artifact("lost:1")] }),
    step("runs", { state: "running", outputs: [{ ...artifact("part:0"), pushed }, artifact("part:1")] }),
    step("late", { state: "waiting", outputs: [{ ...artifact("late:1"), pushed }] }),
  ]);
  const byStep = (name: string, made: string) => ({
    ...{ "prov:activity": `step:job%2F${name}`, "prov:entity": `artifact:host%2F${made}` },
  });
  expect(Object.values(told.wasGeneratedBy)).toEqual([
    byStep("kept", "kept%3A1"),
    byStep("runs", "part%3A0"),
  ]);
  expect(Object.keys(told.entity)).toEqual(["artifact:host%2Fkept%3A1", "artifact:host%2Fpart%3A0"]);
});

it("has what a failed step has left, as an entity of its activity that is no output", () => {
  const left = (name: string, digest: string | undefined, at = "1") => ({
    ...artifact(name),
    pushed: digest === undefined ? undefined : { digest, at },
  });
  const told = written([
    step("flaky", {
      state: "failed",
      outputs: [artifact("made:1")],
      leaves: [left("failed:1", "sha256:a", "2")],
    }),
    step("again", { leaves: [left("failed:1", "sha256:old", "1")] }),
    step("read", { state: "running", leaves: [left("seen:1", "sha256:b")] }),
    step("debug", { inputs: [artifact("seen:1")] }),
    step("calm", { state: "failed", leaves: [left("never:1", undefined)] }),
    step("late", { state: "waiting", leaves: [left("late:1", "sha256:c")] }),
  ]);
  const named = (name: string) => `artifact:host%2F${name}%3A1`;
  const byStep = (name: string, made: string) => ({
    ...{ "prov:activity": `step:job%2F${name}`, "prov:entity": named(made), "prov:role": "failure-uri" },
  });
  expect(Object.values(told.wasGeneratedBy)).toEqual([
    ...[byStep("again", "failed"), byStep("flaky", "failed"), byStep("read", "seen")],
  ]);
  expect(Object.keys(told.entity)).toEqual([named("seen"), named("failed")]);
  expect(told.entity[named("failed")]).toEqual({
    ...{ "prov:label": "failed:1", "prov:location": "oci://host/failed:1", "oras:digest": "sha256:a" },
  });
  expect(told.activity["step:job%2Fflaky"]).toMatchObject({ "oras:state": "failed" });
});

it("names nothing that it does not have", () => {
  const names = fc.subarray(["a:1", "b:1", "c:1", "d e:1"].map(artifact));
  const pushed = { digest: "sha256:a", at: "1" };
  const leaves = names.map((all) => all.map((one, at) => ({ ...one, ...(at > 0 && { pushed }) })));
  const steps = fc.array(fc.tuple(names, leaves, leaves, fc.constantFrom(...stepStates)), { maxLength: 6 });
  fc.assert(
    fc.property(steps, (drawn) => {
      const told = written(
        drawn.map(([inputs, outputs, left, state], at) =>
          step(`s${at}`, { inputs, outputs, leaves: left, state }),
        ),
      );
      const { entity, activity, agent, used, wasGeneratedBy, wasAssociatedWith } = told;
      const all = [used, wasGeneratedBy, wasAssociatedWith].flatMap((members) => Object.values(members));
      for (const relation of all) {
        expect(activity).toHaveProperty([String(relation["prov:activity"])]);
        if ("prov:entity" in relation) expect(entity).toHaveProperty([String(relation["prov:entity"])]);
        if ("prov:agent" in relation) expect(agent).toHaveProperty([String(relation["prov:agent"])]);
      }
    }),
  );
});
