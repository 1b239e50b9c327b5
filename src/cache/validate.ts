import { setValidateFunc } from "@kubernetes-models/base";
import { Ajv, type ErrorObject } from "ajv";
import schemas from "../../generated/schemas/oras-operator.schema.json" with { type: "json" };
import { suggestion } from "../annotations/nearest.ts";
import { OrasCache } from "./model.ts";
import { brokenRules, type Rule } from "./rules.ts";

/** What is wrong with a field. */
export interface FieldProblem {
  /** The field, as a path from the object's root; empty for the object itself. */
  readonly path: readonly string[];
  /** What was found and what is allowed. */
  readonly message: string;
}

const options = { allErrors: true, strict: false, verbose: true, validateFormats: false };
const celKeyword = "x-kubernetes-validations";
const keysKeyword = "x-kubernetes-list-map-keys";
const validate = new Ajv(options)
  .addKeyword({ keyword: celKeyword, validate: evaluateRules, errors: true })
  .addKeyword({ keyword: keysKeyword, type: "array", validate: hasOneOfEach })
  .compile(schemas.definitions.OrasCache);
setValidateFunc(OrasCache, validate as never);

/**
 * Says what is wrong with an OrasCache by its schema, every problem at once. Fields that nobody knows are wrong, as
 * they are for kubectl.
 *
 * @param value - anything
 * @returns empty when it is valid
 */
export function validateOrasCache(value: unknown): FieldProblem[] {
  return validate(value) ? [] : (validate.errors ?? []).map(problemOf);
}

/** The keyword of rules in CEL. Its errors are the rules that are broken. */
function evaluateRules(rules: readonly Rule[], value: unknown): boolean {
  const broken = brokenRules(rules, value);
  evaluateRules.errors = broken.map(({ message, fieldPath = "" }) => ({
    keyword: celKeyword,
    message,
    params: { fieldPath },
  }));
  return broken.length === 0;
}
evaluateRules.errors = [] as Partial<ErrorObject>[];

/** The keyword of lists whose items are known by their fields, such as variables by their names. */
function hasOneOfEach(fields: readonly string[], items: readonly unknown[]): boolean {
  return repeated(fields, items).length === 0;
}

/** The keys that several items have, as text. An item without one has a problem that is told anyway. */
function repeated(fields: readonly string[], items: readonly unknown[]): string[] {
  const keys = items
    .map((item) => fields.map((field) => Object(item)[field]))
    .filter((values) => !values.includes(undefined))
    .map((values) => values.join(", "));
  return [...new Set(keys.filter((key, index) => keys.indexOf(key) !== index))];
}

/** The part of a schema that an error is about, as ajv hands it over. */
interface Parent {
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, { readonly const?: unknown }>>;
  readonly patternErrorMessage?: string;
  /** `password`: the value is not shown. */
  readonly format?: string;
}

function problemOf(error: ErrorObject): FieldProblem {
  const path = error.instancePath.split("/").slice(1).map(unescaped);
  const parent = (error.parentSchema ?? {}) as Parent;
  const { params, keyword, data } = error;
  if (keyword === "additionalProperties") {
    const unknown = String(params["additionalProperty"]);
    const known = Object.keys(parent.properties ?? {});
    return { path: [...path, unknown], message: `no such field; ${suggestion(unknown, known)}` };
  }
  if (keyword === celKeyword) {
    return {
      path: [...path, ...String(params["fieldPath"]).split(".").slice(1)],
      message: error.message ?? "",
    };
  }
  if (keyword === keysKeyword) {
    const fields = error.schema as string[];
    const found = repeated(fields, data as unknown[]).join("; ");
    return { path, message: `several items have the ${fields.join(", ")} ${found}; allowed is one of each` };
  }
  if (keyword === "uniqueItems")
    return { path, message: "an item is in the list twice; allowed is one of each" };
  if (keyword === "dependencies") {
    const message = `may only be set where ${params["missingProperty"]} is set`;
    return { path: [...path, String(params["property"])], message };
  }
  const dependent = error.schemaPath.split("/dependencies/")[1]?.split("/")[0];
  if (dependent !== undefined) return dependency(path, dependent, error, parent);
  const shown = typeof data !== "object" && parent.format !== "password";
  const found = shown ? `found ${JSON.stringify(data)}; ` : "";
  return { path, message: found + allowedBy(error, parent) };
}

function unescaped(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** A field that may only be set beside certain values: it is the one to blame, whatever stands beside it. */
function dependency(path: string[], dependent: string, error: ErrorObject, parent: Parent): FieldProblem {
  const isMissing = error.keyword === "required";
  const name = isMissing ? String(error.params["missingProperty"]) : path.at(-1);
  const { const: wanted } = isMissing ? (parent.properties?.[String(name)] ?? {}) : parent;
  const set = isMissing ? "set" : "not set";
  const value = wanted === undefined ? set : JSON.stringify(wanted);
  const object = isMissing ? path : path.slice(0, -1);
  return { path: [...object, dependent], message: `may only be set where ${name} is ${value}` };
}

/** Types of JSON Schema as messages say them. */
const types: Readonly<Record<string, string>> = {
  string: "a string",
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  object: "a map",
  array: "a list",
};

function allowedBy({ keyword, params, message, data }: ErrorObject, { patternErrorMessage }: Parent): string {
  if (keyword === "type") {
    const wanted = [params["type"] as string | string[]].flat().map((type) => types[type] ?? type);
    const quote = params["type"] === "string" && typeof data !== "object" ? "; put it in quotes" : "";
    return `allowed is ${wanted.join(" or ")}${quote}`;
  }
  if (patternErrorMessage !== undefined) return patternErrorMessage.replace(/^A/, "a").replace(/\.$/, "");
  const values = params["allowedValues"] ?? ("allowedValue" in params ? [params["allowedValue"]] : undefined);
  if (Array.isArray(values)) return `allowed is ${values.map((value) => JSON.stringify(value)).join(", ")}`;
  const limit = String(params["limit"]);
  const bounds: Readonly<Record<string, string>> = {
    minLength: `allowed are ${limit} characters or more`,
    maxLength: `allowed are at most ${limit} characters`,
    minimum: `allowed is ${limit} or more`,
    maximum: `allowed is at most ${limit}`,
    minItems: `allowed are ${limit} items or more`,
    maxItems: `allowed are at most ${limit} items`,
    required: `the field ${String(params["missingProperty"])} is missing`,
  };
  return bounds[keyword] ?? String(message);
}
