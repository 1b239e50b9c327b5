import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formats } from "../../../../generated/annotations.ts";
import { formatNamed, parseArtifact, parseNamed } from "../../../../src/cli/artifacts/reference.ts";
import { CliError } from "../../../../src/cli/output.ts";

const digest = `sha256:${"0a".repeat(32)}`;

describe("the name of an artifact", () => {
  it.each([
    ["a/b:1", { repository: "a/b", tag: "1" }],
    ["metric:1", { repository: "metric", tag: "1" }],
    [`a/b@${digest}`, { repository: "a/b", digest }],
    [`a/b:1@${digest}`, { repository: "a/b", tag: "1", digest }],
    ["oci://localhost:5000/a/b:1", { host: "localhost:5000", repository: "a/b", tag: "1" }],
    ["a/b", { repository: "a/b" }],
  ])("%s", (text, named) => {
    expect(parseNamed(text)).toEqual(named);
    expect(formatNamed(parseNamed(text))).toBe(text);
  });

  it.each([
    ["A/b:1", "A"],
    ["a//b:1", "part of a repository"],
    ["a/../b:1", "part of a repository"],
    ["a/b:", "is not a tag"],
    ["a/b:1:2", "is not a tag|part of a repository"],
    ["a/b@sha256:1", "is not a digest"],
    ["a/b:1?x=y", "is not a tag"],
    ["a/b:1\u202e", "is not a tag"],
    ["oci://h o/a:1", "is not the host"],
    ["", "part of a repository"],
    [`a/${"b".repeat(600)}:1`, "characters"],
  ])("refuses %j", (text, words) => {
    expect(() => parseNamed(text)).toThrow(new RegExp(words));
    expect(() => parseNamed(text)).toThrow(CliError);
  });

  it("says both ways to write what begins with a host", () => {
    expect(() => parseNamed("ghcr.io/acme/bones:1")).toThrow(
      /"oci:\/\/ghcr\.io\/acme\/bones:1" for that registry, or leave "ghcr\.io\/" out/,
    );
  });

  it("has a tag or a digest where one artifact is meant", () => {
    expect(() => parseArtifact("a/b")).toThrow(/a tag is missing; \S+ ls a\/b lists/);
    expect(parseArtifact("a/b:1")).toEqual({ repository: "a/b", tag: "1" });
  });

  it("is what annotations take", () => {
    const artifact = new RegExp(formats.Artifact.pattern, "u");
    const part = fc.stringMatching(/^[a-z0-9._:@/-]{0,12}$/);
    fc.assert(
      fc.property(part, part, (first, second) => {
        const text = `${first}/${second}`;
        let isTaken = true;
        try {
          parseArtifact(text);
        } catch {
          isTaken = false;
        }
        expect(isTaken).toBe(artifact.test(text));
      }),
      { numRuns: 5_000 },
    );
  });
});
