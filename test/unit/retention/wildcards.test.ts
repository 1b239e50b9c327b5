import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formats } from "../../../generated/annotations.ts";
import { matchesParts, matchesRepository, matchesText } from "../../../src/retention/wildcards.ts";

describe("a glob of repositories", () => {
  it.each([
    ["scratch/**", "scratch/a", true],
    ["scratch/**", "scratch/a/b/c", true],
    ["scratch/**", "scratch", false],
    ["scratch/**", "scratches/a", false],
    ["scratch/*", "scratch/a", true],
    ["scratch/*", "scratch/a/b", false],
    ["*", "a", true],
    ["*", "a/b", false],
    ["**", "a", true],
    ["**", "a/b/c", true],
    ["**/tmp", "a/b/tmp", true],
    ["**/tmp", "tmp", false],
    ["a/**/b/**/c", "a/x/b/y/b/c", true],
    ["a/**/b/**/c", "a/b/c", false],
    ["run-*-a/*", "run-1-2-a/x", true],
    ["run-*-a/*", "run-1-2-b/x", false],
    ["*a*a*", "aa", true],
    ["*a*a*", "ba", false],
    ["a.b", "axb", false],
  ])("%s and %s: %s", (glob, repository, is) => {
    expect(matchesRepository(glob, repository)).toBe(is);
  });

  const part = fc.stringMatching(/^[ab.-]{1,4}$/);
  const globs = fc.array(fc.oneof(part, fc.constant("**"), fc.stringMatching(/^[ab]?(\*[ab]){0,2}\*?$/)), {
    minLength: 1,
    maxLength: 5,
  });

  it("means what the same pattern of another engine does", () => {
    const repositories = fc.array(part, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(globs, repositories, (parts, names) => {
        const glob = parts.filter((one) => one !== "").join("/") || "a";
        const text = glob
          .split("/")
          .map((one) =>
            one === "**" ? "[^/]+(/[^/]+)*" : one.replace(/[.]/g, "\\.").replaceAll("*", "[^/]*"),
          )
          .join("/");
        const repository = names.join("/");
        expect(matchesRepository(glob, repository)).toBe(new RegExp(`^${text}$`).test(repository));
      }),
      { numRuns: 2_000 },
    );
  });

  it("is compared in at most so many steps as pattern times text", () => {
    const word = fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 200 });
    fc.assert(
      fc.property(word, fc.stringMatching(/^[ab]{0,200}$/), (pattern, text) => {
        let steps = 0;
        const count = (a: string, b: string) => {
          steps++;
          return a === b;
        };
        matchesParts(pattern, text, (one) => one === "*", count);
        expect(steps).toBeLessThanOrEqual((pattern.length + 1) * (text.length + 1));
      }),
      { examples: [[[...Array(99).fill("*a").join("")], "a".repeat(200)]] },
    );
  });

  it("has a form", () => {
    const form = new RegExp(formats.RepositoryGlob.pattern, "u");
    for (const glob of ["a", "**", "*", "a/**/b", "*a*b*", "a.b-c_d/*"])
      expect(form.test(glob), glob).toBe(true);
    for (const glob of ["a**", "***", "/a", "a/", "A"]) expect(form.test(glob), glob).toBe(false);
  });
});

describe("a text with stars", () => {
  it.each([
    ["runs/*:v*", "runs/a/b:v1", true],
    ["*", "", true],
    ["a*", "b", false],
  ])("%s and %s: %s", (pattern, text, is) => {
    expect(matchesText(pattern, text)).toBe(is);
  });
});
