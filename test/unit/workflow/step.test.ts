import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Artifact,
  cacheOf,
  idOf,
  isOpen,
  mayPush,
  planOf,
  planWith,
  spokenArtifact,
} from "../../../src/workflow/step.ts";
import { keyed, keyOf, type StepAnnotations } from "../../support/builders.ts";

const plan = (map: StepAnnotations, known = {}) => planOf(keyed(map), known);
const digest = `sha256:${"a".repeat(64)}`;

describe("the plan of a step", () => {
  it("has its inputs in the order of their numbers, each with what its author wrote", () => {
    const found = plan({
      "input-uri_10": "a/ten:1",
      "input-uri_2": "a/two:$(RUN)",
      "input-uri_1": "a/one:1",
      "input-uri": `a/none@${digest}`,
      run: "r7",
    });
    expect(found?.inputs).toEqual([
      {
        ...{ registry: "cache oras", repository: "a/none", version: `@${digest}` },
        ...{ written: `a/none@${digest}`, exact: true },
      },
      {
        ...{ registry: "cache oras", repository: "a/one", version: ":1" },
        ...{ written: "a/one:1", exact: false },
      },
      {
        ...{ registry: "cache oras", repository: "a/two", version: ":r7" },
        ...{ written: "a/two:$(RUN)", exact: false },
      },
      {
        ...{ registry: "cache oras", repository: "a/ten", version: ":1" },
        ...{ written: "a/ten:1", exact: false },
      },
    ]);
  });

  it("says what it waits for, and how long", () => {
    expect(
      plan({
        ...{ "input-uri": "a/b:1", "output-uri": "a/c:$(RUN)", run: "x", "wait-for-inputs": "true" },
        ...{ "wait-timeout": "1h", "on-producer-failure": "fail", batch: "night/12", "oras-cache": "mine" },
      }),
    ).toMatchObject({
      ...{
        waits: true,
        timeoutSeconds: 3600,
        onProducerFailure: "fail",
        batch: { name: "night", count: 12 },
      },
      output: { registry: "cache mine", repository: "a/c", version: ":x" },
    });
  });

  it("has defaults", () => {
    expect(plan({ "input-uri": "a/b:1" })).toMatchObject({
      ...{ output: undefined, waits: false, timeoutSeconds: undefined },
      ...{ onProducerFailure: "wait", batch: undefined },
    });
  });

  it("is none without annotations", () => expect(plan({})).toBe(undefined));

  it.each<StepAnnotations>([{ "input-uri": "a/b" }, { "input-uri": "a/b:$(RUN)" }])(
    "has what is wrong with %j, and what the others say",
    (map) => {
      expect(plan({ ...map, "output-uri": "a/c:1" })).toMatchObject({
        problem: expect.stringContaining(keyOf("input-uri")),
        output: { repository: "a/c", version: ":1" },
      });
      expect(plan({ "output-uri": "a/c:1" })).not.toHaveProperty("problem");
    },
  );

  it("has the values of variables that are known, and later of the others", () => {
    const found = plan(
      {
        ...{ "input-uri": "a/$(JOB_NAME):$(JOB_COMPLETION_INDEX)" },
        ...{ "output-uri": "$(POD_NAMESPACE)/$(POD_NAME):1" },
      },
      { JOB_NAME: "j", POD_NAMESPACE: "ns" },
    );
    expect(found?.inputs[0]).toMatchObject({ repository: "a/j", version: ":$(JOB_COMPLETION_INDEX)" });
    expect(found?.output && isOpen(found.output)).toBe(true);
    const whole = found && planWith(found, { JOB_COMPLETION_INDEX: "3", POD_NAME: "p" });
    expect(whole?.inputs[0]).toMatchObject({ repository: "a/j", version: ":3" });
    expect(whole?.output).toMatchObject({ repository: "ns/p", version: ":1" });
    expect(whole?.output && isOpen(whole.output)).toBe(false);
  });
});

describe("equal artifacts", () => {
  const outputOf = (uri: string, registry?: string) =>
    plan({ "output-uri": uri, ...(registry === undefined ? {} : { registry }) })?.output as Artifact;

  it.each<[[string, string?], [string, string?]]>([
    [["a/b:1"], ["a/b:1"]],
    [
      ["a/b:1", "ghcr.io"],
      ["a/b:1", "https://ghcr.io/"],
    ],
    [["oci://ghcr.io/a/b:1"], ["a/b:1", "ghcr.io"]],
    [["oci://ghcr.io/acme/a/b:1"], ["a/b:1", "ghcr.io/acme"]],
    [["oci://ghcr.io/acme/a/b:1"], ["acme/a/b:1", "ghcr.io"]],
    [
      ["b:1", "http://cache.local:5000"],
      ["oci://cache.local:5000/b:1", "http://cache.local:5000/team"],
    ],
    [["oci://Ghcr.io/a/b:1"], ["a/b:1", "ghcr.io"]],
  ])("are equal however they are written: %j and %j", (one, other) => {
    expect(idOf(outputOf(...one))).toBe(idOf(outputOf(...other)));
  });

  it.each<[[string, string?], [string, string?]]>([
    [["a/b:1"], ["a/b:2"]],
    [["a/b:1"], ["a/b:1", "ghcr.io"]],
    [
      ["a/b:1", "quay.io"],
      ["a/b:1", "ghcr.io"],
    ],
    [
      ["a/b:1", "ghcr.io/acme"],
      ["a/b:1", "ghcr.io"],
    ],
  ])("differ: %j and %j", (one, other) => {
    expect(idOf(outputOf(...one))).not.toBe(idOf(outputOf(...other)));
  });

  it("are spoken without what everybody knows", () => {
    expect(spokenArtifact(outputOf("a/b:1"))).toBe("a/b:1");
    expect(spokenArtifact(outputOf("oci://ghcr.io/a/b:1"))).toBe("ghcr.io/a/b:1");
    expect(spokenArtifact(outputOf("a/b:1", "http://localhost:5000/x"))).toBe("localhost:5000/x/a/b:1");
    expect(cacheOf(outputOf("a/b:1"))).toBe("oras");
    expect(cacheOf(outputOf("oci://ghcr.io/a/b:1"))).toBe(undefined);
  });
});

describe("what a step may push", () => {
  const of = (repository: string, version = ":1", registry = "cache oras"): Artifact => ({
    ...{ repository, version, registry },
  });

  it.each<[string, string, boolean]>([
    ["a/b", "a/b", true],
    ["a/b", "a/c", false],
    ["a/$(POD_NAME)", "a/p-0", true],
    ["a/$(POD_NAME)", "a/", false],
    ["a/$(POD_NAME)", "a/p/q", false],
    ["a/$(POD_NAME)", "b/p", false],
    ["a/x-$(JOB_COMPLETION_INDEX)-y", "a/x-1-y", true],
    ["a/x-$(JOB_COMPLETION_INDEX)-y", "a/x--y", false],
    ["a/x-$(JOB_COMPLETION_INDEX)-y", "a/x-1-z", false],
    ["a/$(POD_NAME)$(POD_UID)", "a/pq", true],
    ["a/$(POD_NAME)$(POD_UID)", "a/p", false],
    ["$(POD_NAME)/$(NODE_NAME)", "p/n.x", true],
    ["$(POD_NAME)/$(NODE_NAME)", "p/q/n", false],
    ["a.b/$(POD_NAME)", "axb/p", false],
    ["a/$(POD_NAME)a$(POD_NAME)a", "a/xaaa", true],
    ["a/$(POD_NAME)a$(POD_NAME)a", "a/xaa", false],
  ])("%s: is %s among it? %s", (output, artifact, may) => {
    expect(mayPush(of(output), of(artifact))).toBe(may);
  });

  it("is of one registry, and one tag", () => {
    expect(mayPush(of("a/$(POD_NAME)"), of("a/p", ":2"))).toBe(false);
    expect(mayPush(of("a/$(POD_NAME)"), of("a/p", ":1", "https://ghcr.io"))).toBe(false);
    expect(mayPush(of("a/p", ":$(JOB_COMPLETION_INDEX)"), of("a/p", ":12"))).toBe(true);
    expect(mayPush(of("a/p", ":$(JOB_COMPLETION_INDEX)"), of("a/p", `@${digest}`))).toBe(false);
  });

  it("is what a pattern says, for few variables", () => {
    const texts = fc.string({ unit: fc.constantFrom("a", "b", "/", "-"), maxLength: 4 });
    const outputs = fc.array(texts, { minLength: 2, maxLength: 4 });
    const values = fc.string({ unit: fc.constantFrom("a", "b", "-"), minLength: 1, maxLength: 3 });
    const cases = fc
      .tuple(
        outputs,
        fc.array(values, { minLength: 3, maxLength: 3 }),
        fc.string({ unit: fc.constantFrom("a", "b", "/", "-"), maxLength: 12 }),
        fc.boolean(),
      )
      .map(([parts, filled, other, fits]) => ({
        parts,
        text: fits ? parts.reduce((sum, part, i) => sum + (filled[i - 1] ?? "") + part) : other,
      }));
    fc.assert(
      fc.property(cases, ({ parts, text }) => {
        const pattern = new RegExp(`^${parts.join("[a-z-]+")}$`);
        expect(mayPush(of(parts.join("$(POD_NAME)")), of(text))).toBe(pattern.test(text));
      }),
      { numRuns: 5_000 },
    );
  });

  it("is known at once, however many variables there are", () => {
    const output = of("$(POD_NAME)a".repeat(38));
    const long = of("a".repeat(500), ":2");
    expect(mayPush(output, long)).toBe(false);
  });
});
