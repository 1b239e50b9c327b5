import { setValidateFunc } from "@kubernetes-models/base";
import { Ajv, type ErrorObject } from "ajv";
import { closest, distance } from "fastest-levenshtein";
import schemas from "../../generated/schemas/oras-operator.schema.json" with { type: "json" };
import { OrasCache } from "./model.ts";

/** What is wrong with a field. */
export interface FieldProblem {
  /** The field, as a path from the object's root; empty for the object itself. */
  readonly path: readonly string[];
  /** What was found and what is allowed. */
  readonly message: string;
}

const options = { allErrors: true, strict: false, verbose: true, validateFormats: false };
const validate = new Ajv(options).compile(schemas.definitions.OrasCache);
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

/** A problem as a line: `spec.image: found 1; allowed is text; put it in quotes`. */
export function describeField({ path, message }: FieldProblem): string {
  const field = path.reduce(
    (text, part) => (/^\d+$/.test(part) ? `${text}[${part}]` : `${text}.${part}`),
    "",
  );
  return `${field.slice(1) || "the object"}: ${message}`;
}

/** The part of a schema that an error is about, as ajv hands it over. */
interface Parent {
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
    return { path: [...path, unknown], message: unknownField(unknown, Object.keys(parent.properties ?? {})) };
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

function unknownField(unknown: string, known: readonly string[]): string {
  const nearest = known.length > 0 ? closest(unknown, known) : "";
  const near = nearest !== "" && distance(unknown, nearest) <= Math.max(2, nearest.length / 3);
  return near ? `no such field; did you mean ${nearest}?` : `no such field; allowed are ${known.join(", ")}`;
}

/** A field that may only be set beside certain values: it is the one to blame, whatever stands beside it. */
function dependency(path: string[], dependent: string, error: ErrorObject, parent: Parent): FieldProblem {
  const missing = error.keyword === "required";
  const object = missing ? path : path.slice(0, -1);
  const values = missing
    ? Object.entries(parent.properties ?? {}).map(([name, { const: value }]) => [name, value])
    : [[path.at(-1), parent && (parent as { const?: unknown }).const]];
  const words = values.map(([name, value]) => `${name} is ${JSON.stringify(value)}`);
  return { path: [...object, dependent], message: `may only be set where ${words.join(" and ")}` };
}

/** Types of JSON Schema as messages say them. */
const types: Readonly<Record<string, string>> = {
  string: "text",
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
