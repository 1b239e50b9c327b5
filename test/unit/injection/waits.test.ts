import type { V1Container, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { jobOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { created, updated } from "../../support/patched.ts";
import { admit, createRequest } from "../../support/pods.ts";

const waits: StepAnnotations = { "input-uri": "a/b:c", "wait-for-inputs": "true" };
const script = "https://example.com/x.sh";

const variable = {
  name: "ORAS_OPERATOR_INPUT_DIGESTS",
  valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${names.prefix}input-digests']` } },
};

const containersOf = ({ spec }: V1Pod): V1Container[] => [
  ...(spec?.initContainers ?? []),
  ...(spec?.containers ?? []),
];
const waitOf = ({ args = [] }: V1Container) => args.filter((word) => word.startsWith("--wait"));

/** What a step has of a wait: who waits, with which options, and who has the variable. */
function waitIn(map: StepAnnotations, hookShape: boolean) {
  const containers = containersOf(created(podOf("step", map), { hookShape }));
  const reads = containers.filter(({ env }) => env?.some(({ name }) => name === variable.name));
  for (const { env } of reads) expect(env).toContainEqual(variable);
  return {
    waits: Object.fromEntries(
      containers.flatMap((c) => (waitOf(c).length > 0 ? [[`${c.name} ${c.command?.[1]}`, waitOf(c)]] : [])),
    ),
    reads: reads.map(({ name }) => name),
  };
}

describe("a step that waits for its inputs inside its Pod", () => {
  const output = { "output-uri": "d/e:f", "output-path": "out" };
  const flag = ["--wait-for-inputs"];

  it.each<[string, boolean, StepAnnotations, string]>([
    ["an init container pulls", false, {}, "oras-pull pull"],
    ["an init container pulls, and another one pushes", false, output, "oras-pull pull"],
    ["an own image pulls", false, { ...output, "oras-container": "x" }, "oras-pull pull"],
    ["a sidecar of ours pulls beside a script", false, { ...output, entrypoint: script }, "oras sidecar"],
    ["there is no init container", true, {}, "oras serve"],
    ["there is no init container, and an output", true, output, "oras serve"],
  ])("has the words and the variable where %s, and nowhere else", (_, hookShape, more, who) => {
    const reads = [who.split(" ")[0]];
    expect(waitIn({ ...waits, ...more }, hookShape)).toEqual({ waits: { [who]: flag }, reads });
    expect(waitIn({ ...waits, ...more, "wait-timeout": "90m" }, hookShape)).toEqual({
      waits: { [who]: [...flag, "--wait-timeout=5400"] },
      reads,
    });
  });

  it.each<[string, StepAnnotations]>([
    ["does not say so", { "input-uri": "a/b:c" }],
    ["says that it does not", { ...waits, "wait-for-inputs": "false" }],
  ])("has neither where it %s", (_, map) => {
    for (const hookShape of [false, true])
      expect(waitIn({ ...map, ...output }, hookShape)).toEqual({ waits: {}, reads: [] });
  });
});

describe.each([false, true])("the variable, without an init container: %s", (hookShape) => {
  const around = { hookShape };
  // Its scheduler has been asked already: nothing but the agent can wait.
  const step = (map: StepAnnotations) => podOf("step", map, "true", {}, { nodeName: "node-1" });
  const stored = created(step(waits), around);

  it("comes back in an update that drops it, or the container that has it", () => {
    const dropped = structuredClone(stored);
    for (const container of containersOf(dropped))
      if (container.env) container.env = container.env.filter(({ name }) => name !== variable.name);
    expect(dropped).not.toEqual(stored);
    expect(updated(stored, dropped)).toEqual(stored);
    expect(updated(stored, step(waits))).toEqual(stored);
  });

  it("is no reason to inject again", () => {
    expect(created(stored, around)).toEqual(stored);
  });

  it("is taken out with the container that has it", () => {
    const copy = structuredClone(stored);
    Object.assign(copy.metadata, { annotations: {}, labels: {} });
    expect(admit(createRequest(copy), around)).toMatchObject({ outcome: "stripped" });
    expect(created(copy, around).spec).toEqual(step({}).spec);
  });

  it("is in the Pods of a Job, which have the annotation of its template", () => {
    const template = created(jobOf("step", waits), around).spec?.template;
    const reads = containersOf(template as V1Pod).flatMap(({ env }) => env ?? []);
    expect(reads).toContainEqual(variable);
  });
});
