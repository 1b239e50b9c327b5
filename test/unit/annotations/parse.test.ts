import { describe, expect, it } from "vitest";
import { parseAnnotations } from "../../../src/annotations/parse.ts";
import { describeProblems } from "../../../src/annotations/problems.ts";
import { formatReference, parseReference, parseRegistry } from "../../../src/annotations/reference.ts";

const p = "oras.converged-computing.github.io/";

function refusal(map: Record<string, string>): string {
  const result = parseAnnotations(map);
  if (result.ok) throw new Error("accepted");
  return describeProblems(result.problems);
}

describe("refusals", () => {
  it("suggests the nearest known name", () => {
    expect(refusal({ [`${p}input-url`]: "a/b:c" })).toBe(
      `${p}input-url: no such annotation; did you mean ${p}input-uri? Correct the name, or remove the annotation. (UnknownAnnotation)`,
    );
    expect(refusal({ [`${p}outputpath`]: "x", [`${p}output-uri`]: "a/b:c" })).toContain(
      `did you mean ${p}output-path?`,
    );
  });

  it("lists the known names when nothing is near", () => {
    expect(refusal({ [`${p}zzzzzzzzzz`]: "x" })).toContain("known are input-uri, output-uri");
  });

  it("says what was found and what is allowed", () => {
    expect(refusal({ [`${p}input-uri`]: "a/b", [`${p}unpack`]: "yes" })).toBe(
      [
        "2 problems:",
        `- ${p}input-uri: found "a/b"; allowed is repository/name:tag or repository/name@sha256:…, in lower case, without a registry. Correct the value. (InvalidValue)`,
        `- ${p}unpack: found "yes"; allowed is "true" or "false". Correct the value. (InvalidValue)`,
      ].join("\n"),
    );
  });

  it.each([
    [{ [`${p}debug`]: "true" }, "NothingToDo"],
    [{ [`${p}output-path`]: "x" }, "NothingToPush"],
    [{ [`${p}output-pipe`]: "x", [`${p}input-uri`]: "a/b:c" }, "NothingToPush"],
    [{ [`${p}output-uri_1`]: "a/b:c" }, "NotAList"],
    [{ [`${p}input-uri_0`]: "a/b:c" }, "BadListNumber"],
    [{ [`${p}input-uri_01`]: "a/b:c" }, "BadListNumber"],
  ])("%j is %s", (map, code) => {
    expect(refusal(map)).toContain(`(${code})`);
  });
});

describe("settings", () => {
  it("fills the defaults in", () => {
    const result = parseAnnotations({ [`${p}input-uri`]: "dinosaur/hello-world:input" });
    expect(result).toEqual({
      ok: true,
      value: {
        inputs: [{ repository: "dinosaur/hello-world", version: ":input" }],
        output: undefined,
        inputPath: undefined,
        outputPath: undefined,
        outputPipe: undefined,
        cache: "oras",
        orasContainer: undefined,
        registry: undefined,
        orasEnv: undefined,
        container: undefined,
        entrypoint: undefined,
        orasEntrypoint: undefined,
        debug: false,
        unpack: true,
      },
    });
  });
});

describe("references", () => {
  it("keeps a digest whole", () => {
    const digest = `@sha256:${"a".repeat(64)}`;
    expect(parseReference(`a/b${digest}`)).toEqual({ repository: "a/b", version: digest });
  });

  it.each([
    ["ghcr.io", "https://ghcr.io/a/b:1"],
    ["https://ghcr.io/", "https://ghcr.io/a/b:1"],
    ["http://localhost:5000", "http://localhost:5000/a/b:1"],
  ])("registry %s gives %s", (registry, expected) => {
    expect(formatReference(parseRegistry(registry), parseReference("a/b:1"))).toBe(expected);
  });
});
