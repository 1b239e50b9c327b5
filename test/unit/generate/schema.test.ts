import { describe, expect, test } from "vitest";
import { parseSchema } from "../../../scripts/render/read.ts";
import { schema, schemaFile, schemaText } from "../../support/schema.ts";

/** What is said about the schema with one mistake in it. */
function mistake(written: string | RegExp, instead: string): string {
  const text = schemaText.replace(written, () => instead);
  expect(text, `${written} is not in the schema any more`).not.toBe(schemaText);
  try {
    parseSchema(text, schemaFile);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing was found");
}

describe("a mistake in the schema is told with its line, what was found and what is allowed", () => {
  test.each<[string, string | RegExp, string, string]>([
    [
      "a misspelled keyword",
      /x-default-text: built in/,
      "x-defautl-text: built in",
      "properties.entrypoint.x-defautl-text: no such keyword here; did you mean x-default-text?",
    ],
    [
      "a missing description",
      / {10}description: Whether to run a registry\..*\n/,
      "",
      'components.schemas.OrasCacheSpec.properties.deploy: "description" is missing',
    ],
    [
      "an unknown format",
      "x-format: cache-name",
      "x-format: cache-nam",
      "properties.oras-cache.x-format: no such format; did you mean cache-name?",
    ],
    [
      "an unknown schema",
      'schemas/Condition"',
      'schemas/Conditions"',
      "items.$ref: no such schema; did you mean Condition?",
    ],
    [
      "a default that its own format refuses",
      "default: oras\n",
      "default: Oras\n",
      'properties.oras-cache.default: found "Oras"; allowed is the name of an OrasCache',
    ],
    [
      "an example that is refused",
      '["/data"]',
      '["$(X)"]',
      'properties.input-path.examples: found "$(X)"; allowed is a path',
    ],
    [
      "a refused value that fits",
      'refused: ["yes", ',
      'refused: ["true", ',
      'x-formats.boolean.refused: "true" is of this form',
    ],
    [
      "an expression that only JavaScript knows",
      "'^(true|false)$'",
      "'^(?=t)true$'",
      "x-formats.boolean.pattern: lookarounds",
    ],
    [
      "an expression that nothing knows",
      "'^(true|false)$'",
      "'^(true$'",
      "x-formats.boolean.pattern: Invalid regular expression",
    ],
    [
      "a rule about a field that is not there",
      "x-only-with: { deploy: false }",
      "x-only-with: { deplyo: false }",
      "registry.x-only-with.deplyo: no such field beside it; did you mean deploy?",
    ],
    [
      "a required field that is not there",
      "required: [type, status,",
      "required: [typo, type, status,",
      'components.schemas.Condition.required: there is no property "typo"',
    ],
    [
      "a type that is none",
      "type: boolean\n          default: true",
      "type: bool\n          default: true",
      "deploy",
    ],
    ["broken YAML", "x-formats:\n", "x-formats: [\n", schemaFile],
  ])("%s", (_, written, instead, said) => {
    expect(mistake(written, instead)).toContain(said);
  });

  test("and every one at once, each with its own line", () => {
    const text = schemaText
      .replace("x-format: image", "x-format: imag")
      .replace("x-list: true", "x-lits: true");
    const lineOf = (part: string) => text.slice(0, text.indexOf(part)).split("\n").length;
    expect(() => parseSchema(text, "s.yaml")).toThrow(`s.yaml:${lineOf("x-lits")}: `);
    const onlyFormat = text.replace("x-lits", "x-list");
    expect(() => parseSchema(onlyFormat, "s.yaml")).toThrow(`s.yaml:${lineOf("x-format: imag")}: `);
  });
});

test("what formats say of a greatest length is their greatest length", () => {
  for (const [name, { allowed, maxLength }] of Object.entries(schema["x-formats"])) {
    const said = /at most (\d+)/.exec(allowed)?.[1];
    if (said !== undefined) expect(Number(said), name).toBe(maxLength);
  }
});
