import { setValidateFunc } from "@kubernetes-models/base";
import { Ajv, type ErrorObject } from "ajv";
import schemas from "../../generated/schemas/oras-operator.schema.json" with { type: "json" };
import { suggestion } from "../annotations/nearest.ts";
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
