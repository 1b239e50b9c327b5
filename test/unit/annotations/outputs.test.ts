import { describe, expect, it } from "vitest";
import { parseAnnotations } from "../../../src/annotations/parse.ts";
import { describeWarning } from "../../../src/annotations/warning.ts";
import { jobOf, keyed, podOf, type StepAnnotations } from "../../support/builders.ts";
import { admit, createRequest } from "../../support/pods.ts";

const output: StepAnnotations = {
  "output-uri": "forest/sample:$(JOB_COMPLETION_INDEX)",
  "output-index": "forest/sample:all",
};
const indexed = { completionMode: "Indexed", completions: 3, parallelism: 3 };
const codesOf = (map: Readonly<Record<string, string | undefined>>) => {
  const result = parseAnnotations(keyed(map));
  return result.ok ? [] : result.problems.map(({ code }) => code);
};

describe("output-index", () => {
  it.each<[string, Readonly<Record<string, string | undefined>>, string[]]>([
    ["all parts by their index", {}, []],
    [
      "a run and the name of the Job",
      {
        "output-uri": "f/$(RUN):$(JOB_NAME)-$(JOB_COMPLETION_INDEX)",
        "output-index": "f/$(RUN):$(JOB_NAME)",
        run: "1",
      },
      [],
    ],
    [
      "a longer number in the tag",
      { "output-uri": "f/s:p-$(JOB_COMPLETION_INDEX)", "output-index": "f/s:p-01" },
      [],
    ],
    ["no output", { "output-uri": undefined }, ["NothingToPush"]],
    ["an output without the variable", { "output-uri": "forest/sample:1" }, ["IndexWithoutParts"]],
    [
      "an output with a variable of Pods",
      { "output-uri": "forest/sample:$(JOB_COMPLETION_INDEX)-$(POD_UID)" },
      ["IndexWithoutParts"],
    ],
    [
      "an output with the variable in its repository",
      { "output-uri": "forest/s-$(JOB_COMPLETION_INDEX):1" },
      ["IndexWithoutParts", "IndexMisnamed"],
    ],
    ["a push of failures", { "push-on": "failure" }, ["IndexWithoutParts"]],
    ["another repository", { "output-index": "forest/other:all" }, ["IndexMisnamed"]],
    ["another registry", { "output-index": "oci://ghcr.io/forest/sample:all" }, ["IndexMisnamed"]],
    ["the variable", { "output-index": "forest/sample:all-$(JOB_COMPLETION_INDEX)" }, ["IndexMisnamed"]],
    ["the tag of a part", { "output-index": "forest/sample:12" }, ["IndexMisnamed"]],
    ["a digest", { "output-index": `forest/sample@sha256:${"a".repeat(64)}` }, ["InvalidValue"]],
    ["a number", { "output-index_1": "forest/sample:all" }, ["NotAList"]],
    [
      "several faults",
      { "output-uri": "a/b:1", "output-index": "c/d:$(POD_NAME)", "push-on": "failure" },
      ["IndexWithoutParts", "IndexMisnamed", "IndexMisnamed", "IndexWithoutParts"],
    ],
  ])("%s", (_, map, codes) => {
    const whole = Object.fromEntries(
      Object.entries({ ...output, ...map }).filter(([, value]) => value !== undefined),
    );
    expect(codesOf(whole)).toEqual(codes);
  });
});

describe("the object of an output-index", () => {
  const ask = (object: object, around = {}) => admit(createRequest(object), around);
  const sentences = (object: object, around = {}) => {
    const verdict = ask(object, around);
    return verdict.kind === "allowed" ? [] : [verdict.message];
  };
  const paths = { "output-path": "out/$(JOB_COMPLETION_INDEX)" };

  it("is an Indexed Job, which is injected as any", () => {
    const verdict = ask(jobOf("j", { ...output, ...paths }, "true", indexed));
    expect(verdict).toMatchObject({ kind: "allowed", warnings: [{ code: "CacheNotFound" }] });
  });

  it.each<[string, object, RegExp, object?]>([
    ["a Job without indexes", jobOf("j", output, "true", {}), /VariableNotThere/],
    ["a Pod", podOf("p", output), /found on a Pod; allowed is an Indexed Job itself\..* \(IndexNotWritten\)/],
    [
      "too many completions",
      jobOf("j", output, "true", { ...indexed, completions: 10_001 }),
      /found 10001 completions; an index has 10000 at most/,
    ],
    [
      "a remote registry",
      jobOf("j", { ...output, registry: "ghcr.io" }, "true", indexed),
      /found the registry "https:\/\/ghcr\.io"; the operator writes to those of OrasCaches alone/,
    ],
  ])("is not %s", (_, object, told) => {
    expect(sentences(object).join("\n")).toMatch(told);
  });

  it("is not the template of a Job", () => {
    const job = jobOf("j", {}, "true", indexed);
    const template = { ...job.spec?.template, metadata: { annotations: keyed(output) } };
    expect(sentences({ ...job, spec: { ...job.spec, template } })).toEqual([
      expect.stringMatching(/found on a Pod template/),
    ]);
  });

  it.each<[StepAnnotations, number]>([
    [{ "output-path": "out" }, 1],
    [{ "output-path": "out-$(JOB_COMPLETION_INDEX)/." }, 1],
    [{ "output-path": "out-$(JOB_COMPLETION_INDEX)/same" }, 1],
    [{ "output-pipe": "log" }, 1],
    [{}, 1],
    [{ "output-path": "same/out-$(POD_NAME)" }, 0],
    // A single file of an image has the name "." in its artifact.
    [{ "output-path": "out-$(JOB_COMPLETION_INDEX).txt", format: "image" }, 1],
    [{ "output-pipe": "out-$(JOB_COMPLETION_INDEX).txt", format: "image" }, 1],
    [{ "output-path": "out-$(JOB_COMPLETION_INDEX)/", format: "image" }, 0],
  ])("with files of one name is warned about: %j", (map, count) => {
    const { warnings } = ask(jobOf("j", { ...output, ...map }, "true", indexed));
    expect(warnings.map(describeWarning).filter((text) => text.endsWith("(PartsOfOneName)"))).toHaveLength(
      count,
    );
  });
});

describe("format", () => {
  const image: StepAnnotations = { "output-uri": "a/b:1", format: "image" };

  it.each<[string, Readonly<Record<string, string | undefined>>, string[]]>([
    ["image", image, []],
    ["image, without compression", { ...image, compression: "none" }, []],
    ["image, with zstd", { ...image, compression: "zstd" }, ["CompressionOfImage"]],
    ["artifact, with zstd", { ...image, format: "artifact", compression: "zstd" }, []],
    ["image, without an output", { "input-uri": "a/b:1", format: "image" }, ["NothingToPush"]],
    [
      "image, beside a script that pushes",
      { ...image, "oras-entrypoint": "https://example.com/x" },
      ["NotWithScripts"],
    ],
    ["anything else", { ...image, format: "oci" }, ["InvalidValue"]],
  ])("%s", (_, map, codes) => {
    expect(codesOf(map)).toEqual(codes);
  });
});

describe("failure-uri", () => {
  const step: StepAnnotations = { "output-uri": "a/b:1", "failure-uri": "a/b:failed" };

  it.each<[string, Readonly<Record<string, string | undefined>>, string[]]>([
    ["another tag", step, []],
    ["another registry", { ...step, "failure-uri": "oci://ghcr.io/a/b:1" }, []],
    ["the output", { ...step, "failure-uri": "a/b:1" }, ["FailureIsOutput"]],
    ...[
      ["with the port that HTTPS has", "ghcr.io", "oci://ghcr.io:443/a/b:1"],
      ["with its registry", "ghcr.io", "oci://ghcr.io/a/b:1"],
      ["in capitals", "GHCR.io", "oci://ghcr.IO/a/b:1"],
      ["with the prefix of its registry", "https://ghcr.io/team", "oci://ghcr.io/team/a/b:1"],
      ["with the port that HTTP has", "http://reg", "oci://reg:80/a/b:1"],
      ["with the port of its registry", "http://REG:5000", "oci://reg:5000/a/b:1"],
    ].map(([how, registry = "", failure = ""]): [string, StepAnnotations, string[]] => [
      `the output ${how}`,
      { ...step, registry, "failure-uri": failure },
      ["FailureIsOutput"],
    ]),
    [
      "the output's name at another port",
      { ...step, registry: "ghcr.io", "failure-uri": "oci://ghcr.io:80/a/b:1" },
      [],
    ],
    [
      "the output's name without its prefix",
      { ...step, registry: "ghcr.io/team", "failure-uri": "oci://ghcr.io/a/b:1" },
      [],
    ],
    [
      "the output of another Pod with its registry",
      { ...output, registry: "ghcr.io", "failure-uri": "oci://ghcr.io:443/forest/sample:7" },
      ["FailureIsOutput"],
    ],
    [
      "the output of a run",
      { "output-uri": "a/$(RUN):1", "failure-uri": "a/r:1", run: "r" },
      ["FailureIsOutput"],
    ],
    ["the index", { ...output, "failure-uri": "forest/sample:all" }, ["FailureIsOutput"]],
    ["the output of another Pod", { ...output, "failure-uri": "forest/sample:7" }, ["FailureIsOutput"]],
    [
      "that by its repository",
      { "output-uri": "a/$(JOB_COMPLETION_INDEX)/b:0", "failure-uri": "a/12/b:0" },
      ["FailureIsOutput"],
    ],
    [
      "what no Pod pushes",
      {
        "output-uri": "a/b:$(JOB_COMPLETION_INDEX)-$(JOB_COMPLETION_INDEX)",
        "failure-uri": "a/b:1-2",
      },
      [],
    ],
    ["one for each Pod", { ...output, "failure-uri": "forest/sample:failed-$(JOB_COMPLETION_INDEX)" }, []],
    ["no output", { "input-uri": "a/b:1", "failure-uri": "a/b:failed" }, ["NothingToPush"]],
    ["a script", { ...step, entrypoint: "https://example.com/x" }, ["NotWithScripts"]],
    ["a digest", { ...step, "failure-uri": `a/b@sha256:${"a".repeat(64)}` }, ["InvalidValue"]],
  ])("names %s", (_, map, codes) => {
    expect(codesOf(map)).toEqual(codes);
  });

  it("is told to the containers that need it, with its variables", () => {
    const verdict = admit(createRequest(podOf("p", { ...step, "failure-uri": "left/over:$(POD_NAME)" })));
    const patch = JSON.stringify(verdict.kind === "allowed" && verdict.patch);
    expect(patch).toContain("--keep-failure");
    expect(patch).toMatch(/--failure-output=[^"]*left\/over:\$\(ORAS_OPERATOR_POD_NAME\)/);
    expect(patch).toContain('"name":"ORAS_OPERATOR_POD_NAME"');
  });
});
