import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { parseAnnotations } from "../../../src/annotations/parse.ts";
import { describeProblems } from "../../../src/annotations/problems.ts";
import { formatReference, parseReference, parseRegistry } from "../../../src/annotations/reference.ts";

const p = names.prefix;

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
        `- ${p}input-uri: found "a/b"; allowed is repository/name:tag or repository/name@sha256:…, in lower case, or oci://host/ before it for another registry. Correct the value. (InvalidValue)`,
        `- ${p}unpack: found "yes"; allowed is "true" or "false". Correct the value. (InvalidValue)`,
      ].join("\n"),
    );
  });

  it("names the variables when it finds another", () => {
    expect(refusal({ [`${p}input-uri`]: "runs/$(HOSTNAME):latest" })).toContain(
      "$(HOSTNAME) is no variable; known are $(POD_NAME), $(POD_NAMESPACE),",
    );
  });

  it.each([
    [{ [`${p}output-uri`]: `a/b@sha256:${"0".repeat(64)}` }, "InvalidValue"],
    [{ [`${p}input-uri`]: "a/b:c", [`${p}push-on`]: "always" }, "NothingToPush"],
    [{ [`${p}output-uri`]: "a/b:c", [`${p}output-path_1`]: "x" }, "NoSuchLauncher"],
    [{ [`${p}output-uri`]: "a/b:c", [`${p}container_1`]: "x", [`${p}output-path`]: "x" }, "NoSuchLauncher"],
    [{ [`${p}entrypoint`]: "https://x/y", [`${p}container_1`]: "x" }, "NotWithScripts"],
    [
      { [`${p}output-uri`]: "a/b:c", [`${p}entrypoint`]: "https://x/y", [`${p}push-on`]: "always" },
      "NotWithScripts",
    ],
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
        launchers: [
          {
            number: 0,
            container: undefined,
            inputPath: undefined,
            outputPath: undefined,
            outputPipe: undefined,
          },
        ],
        cache: "oras",
        orasContainer: undefined,
        registry: undefined,
        orasEnv: undefined,
        entrypoint: undefined,
        orasEntrypoint: undefined,
        debug: false,
        unpack: true,
        compression: "auto",
        pushOn: "success",
        timeoutSeconds: 300,
        resources: { requests: {}, limits: {} },
      },
    });
  });

  it("gives each launcher the paths of its number, in numeric order", () => {
    const result = parseAnnotations({
      [`${p}output-uri`]: "a/b:c",
      [`${p}container_10`]: "ten",
      [`${p}container_2`]: "two",
      [`${p}output-path_10`]: "/ten",
      [`${p}input-path_2`]: "/two",
    });
    if (!result.ok) throw new Error(describeProblems(result.problems));
    expect(result.value.launchers).toMatchObject([
      { number: 2, container: "two", inputPath: "/two", outputPath: undefined },
      { number: 10, container: "ten", inputPath: undefined, outputPath: "/ten" },
    ]);
  });

  it.each([
    ["90s", 90],
    ["10m", 600],
    ["1h30m", 5400],
    ["2h5s", 7205],
  ])("reads the duration %s as %i s", (timeout, seconds) => {
    const result = parseAnnotations({ [`${p}input-uri`]: "a/b:c", [`${p}timeout`]: timeout });
    expect(result.ok && result.value.timeoutSeconds).toBe(seconds);
  });

  it("sorts requests and limits", () => {
    const result = parseAnnotations({
      [`${p}input-uri`]: "a/b:c",
      [`${p}requests-cpu`]: "100m",
      [`${p}limits-memory`]: "1Gi",
    });
    expect(result.ok && result.value.resources).toEqual({
      requests: { cpu: "100m" },
      limits: { memory: "1Gi" },
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

  it.each([
    ["oci://ghcr.io/a/b:1", "https://ghcr.io/a/b:1"],
    ["oci://ghcr.io:443/b:1", "https://ghcr.io:443/b:1"],
    ["oci://cache.local:5000/b:1", "http://cache.local:5000/b:1"],
    [`oci://host:5000/b@sha256:${"a".repeat(64)}`, `https://host:5000/b@sha256:${"a".repeat(64)}`],
  ])("%s is %s, whose registry it names; that of the step is spoken to as the step does", (uri, expected) => {
    expect(formatReference(parseRegistry("http://cache.local:5000"), parseReference(uri))).toBe(expected);
  });
});
