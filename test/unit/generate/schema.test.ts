import { describe, expect, test } from "vitest";
import { parseSchema } from "../../../scripts/render/read.ts";
import { formats } from "../../../scripts/render/schema.ts";
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

describe("a mistake in the schema is reported with its line, what was found and what is allowed", () => {
  test.each<[string, string | RegExp, string, string]>([
    [
      "a misspelled keyword",
      /x-default-text: the built-in script/,
      "x-defautl-text: the built-in script",
      "properties.entrypoint.x-defautl-text: no such keyword; did you mean x-default-text?",
    ],
    [
      "a missing description",
      / {10}description: Whether the operator runs a registry\..*\n/,
      "",
      "components.schemas.OrasCacheSpec.properties.deploy: must have required property 'description'",
    ],
    [
      "a missing example",
      / {10}examples: \["oras-env"\]\n/,
      "",
      "properties.oras-env: must have required property 'examples'",
    ],
    [
      "a missing default",
      / {10}x-default-text: the operator's option agent-image\n/,
      "",
      "properties.oras-container: must have required property 'x-default-text'",
    ],
    [
      "an unknown format",
      'schemas/CacheName"\n          default',
      'schemas/CacheNam"\n          default',
      "properties.oras-cache.$ref: no such schema; did you mean CacheName?",
    ],
    [
      "a keyword of JSON Schema that no renderer understands",
      "maxLength: 253",
      "exclusiveMaximum: 253",
      "ObjectName.exclusiveMaximum: no such keyword; allowed are ",
    ],
    ["a keyword of another type", "maxLength: 253", "maxLength: much", 'found "much", must be integer'],
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
      'x-refused: ["yes", ',
      'x-refused: ["true", ',
      'schemas.Boolean.x-refused: "true" is of this form',
    ],
    [
      "an expression that only JavaScript knows",
      /pattern: '.*'\n {6}maxLength: 63\n/,
      "pattern: '^(?=t)true$'\n      maxLength: 63\n",
      "schemas.ContainerName.pattern: lookarounds",
    ],
    [
      "an expression that nothing knows",
      /pattern: '.*'\n {6}maxLength: 63\n/,
      "pattern: '^(true$'\n      maxLength: 63\n",
      "schemas.ContainerName.pattern: Invalid regular expression",
    ],
    [
      "a rule about a field that is not there",
      "required: [deploy], properties: { deploy: ",
      "required: [deploy], properties: { deplyo: ",
      'dependentSchemas.registry: there is no property "deplyo"; did you mean deploy?',
    ],
    [
      "a rule that a default would break",
      "required: [deploy], properties: { deploy: ",
      "properties: { deploy: ",
      'dependentSchemas.registry: "deploy" has another default: it must be required too',
    ],
    [
      "an annotation that belongs to none",
      "x-of: container",
      "x-of: contaner",
      'x-of: there is no property "contaner"; did you mean container?',
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
    ["broken YAML", "components:\n", "components: [\n", schemaFile],
  ])("%s", (_, written, instead, said) => {
    expect(mistake(written, instead)).toContain(said);
  });

  test("and every one at once, each with its own line", () => {
    const text = schemaText
      .replace("default: 5m", "default: 5 m")
      .replace("x-default-text: none", "x-defualt-text: none");
    const lineOf = (part: string) => text.slice(0, text.indexOf(part)).split("\n").length;
    expect(() => parseSchema(text, "s.yaml")).toThrow(`s.yaml:${lineOf("x-defualt-text")}: `);
    const onlyValues = text
      .replace("x-defualt-text", "x-default-text")
      .replace("x-of: container", "x-of: contaner");
    const wrong = () => parseSchema(onlyValues, "s.yaml");
    expect(wrong).toThrow(`s.yaml:${lineOf("default: 5 m")}: `);
    expect(wrong).toThrow(`s.yaml:${lineOf("x-of: contain")}: `);
  });
});

test("what formats say of a greatest length is their greatest length", () => {
  const said = Object.values(formats(schema)).flatMap(({ title, maxLength }) =>
    [...title.matchAll(/at most (\d+)/g)].map(([, length]) => [Number(length), maxLength]),
  );
  expect(said.length).toBeGreaterThan(0);
  for (const [length, maxLength] of said) expect(length).toBe(maxLength);
});
