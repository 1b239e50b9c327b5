import { ESLint } from "eslint";
import { describe, expect, it } from "vitest";

const eslint = new ESLint();

async function complaints(code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: "src/pattern.ts" });
  return result?.messages.map(({ ruleId }) => ruleId ?? "") ?? [];
}

describe("sec-01: the linter", () => {
  it.each([
    ["exponential: slashes and dots of a root", String.raw`/^\/+(\.?\/*)*$/.test(path)`],
    ["exponential: nested quantifiers", `/^(a+)+$/.test(path)`],
    ["exponential: alternatives of the same text", String.raw`/^(\w|\d)*!$/.test(path)`],
    ["exponential: as a string", `new RegExp("^([a-z]+)*$", "u").test(path)`],
    ["quadratic: slashes at an end that is looked for", String.raw`path.replace(/\/+$/, "")`],
    ["quadratic: digits on both sides of an optional dot", String.raw`/^[0-9]+\.?[0-9]*$/.test(path)`],
  ])("refuses a pattern that is %s", async (_, code) => {
    expect(await complaints(code)).not.toEqual([]);
  });

  it("accepts a linear pattern", async () => {
    expect(await complaints(String.raw`/^(\.?\/)*$/.test(path)`)).toEqual([]);
  });
});
