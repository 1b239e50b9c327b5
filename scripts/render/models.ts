import { Ajv } from "ajv";
import standaloneModule from "ajv/dist/standalone/index.js";
import { names } from "../../schema/names.ts";
import { dependencySchemas, nameFormat } from "./rules.ts";
import {
  component,
  header,
  inlined,
  mapChildren,
  type Rendered,
  type Schema,
  type SchemaNode,
} from "./schema.ts";

const standaloneCode = standaloneModule as unknown as (typeof standaloneModule)["default"];

/** Renders precompiled validators (no code is generated at run time) and the model classes on top of them. */
export function renderModels(schemas: Schema): Rendered[] {
  const { pattern, maxLength } = nameFormat(schemas) ?? {};
  const schema = {
    type: "object",
    required: ["apiVersion", "kind"],
    properties: {
      apiVersion: { const: names.apiVersion },
      kind: { const: names.kind },
      metadata: { type: "object", properties: { name: { type: "string", pattern, maxLength } } },
      ...(closed(inlined(schemas, component(schemas, "OrasCache"))).properties ?? {}),
    },
  };
  const ajv = new Ajv({
    allErrors: true,
    strict: false,
    verbose: true,
    validateFormats: false,
    code: { source: true, esm: true, lines: true },
  });
  const code = asModule(standaloneCode(ajv, ajv.compile(schema)));
  return [
    { path: "generated/validators.js", content: `${header}${code.trim()}\n` },
    {
      path: "generated/validators.d.ts",
      content: `${header}import type { ValidateFunction } from "ajv";\n\ndeclare const validate: ValidateFunction;\nexport default validate;\n`,
    },
    { path: "generated/models.ts", content: header + modelCode },
  ];
}

const modelCode = `import { Model, setValidateFunc, type ModelData } from "@kubernetes-models/base";
import type { ErrorObject } from "ajv";
import { names } from "../schema/names.ts";
import type { OrasCache as OrasCacheData } from "./types.ts";
import validate from "./validators.js";

/** An OrasCache with its apiVersion and kind set; validate() throws what is wrong with it. */
export class OrasCache extends Model<OrasCacheData> implements OrasCacheData {
  declare metadata?: NonNullable<OrasCacheData["metadata"]>;
  declare spec?: NonNullable<OrasCacheData["spec"]>;
  declare status?: NonNullable<OrasCacheData["status"]>;
  static apiVersion: string = names.apiVersion;
  static kind: string = names.kind;

  constructor(data?: ModelData<OrasCacheData>) {
    super({ apiVersion: names.apiVersion, kind: names.kind, ...data } as ModelData<OrasCacheData>);
  }
}

setValidateFunc(OrasCache, validate as never);

/**
 * Says what is wrong with an OrasCache by its schema, every problem at once.
 *
 * @param value - anything
 * @returns one line per problem, empty when it is valid
 */
export function validateOrasCache(value: unknown): string[] {
  if (validate(value)) return [];
  return (validate.errors ?? []).map(describe);
}

function describe(error: ErrorObject): string {
  const path = error.instancePath.slice(1).replaceAll("/", ".") || "the object";
  if ("additionalProperty" in error.params) {
    const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
    return \`\${path}: found the unknown field "\${error.params["additionalProperty"]}"; allowed are \${known.join(", ")}\`;
  }
  const dependent = error.schemaPath.split("/dependencies/")[1]?.split("/")[0];
  if (error.keyword === "required" && dependent !== undefined) {
    const values = (error.parentSchema as { properties: Record<string, { const: unknown }> }).properties;
    const words = Object.entries(values).map(([name, { const: value }]) => \`\${name} is \${JSON.stringify(value)}\`);
    return \`\${path}: \${dependent} may only be set where \${words.join(" and ")}\`;
  }
  const found = error.data === undefined || typeof error.data === "object" ? "" : \`found \${JSON.stringify(error.data)}; \`;
  const values = error.params["allowedValues"] ?? ("allowedValue" in error.params ? [error.params["allowedValue"]] : undefined);
  const allowed = Array.isArray(values) ? \`allowed is \${values.map((v) => JSON.stringify(v)).join(", ")}\` : error.message;
  return \`\${path}: \${found}\${allowed}\`;
}
`;

/** Ajv's standalone code still calls require() for its helpers. Vite unwraps the default export of CommonJS itself. */
function asModule(code: string): string {
  return code.replaceAll(
    /const (\w+) = require\("([^"]+)"\)\.default;/g,
    'import $1Module from "$2.js";\nconst $1 = $1Module.default ?? $1Module;',
  );
}

/** Unknown fields are refused, as kubectl's strict validation does. */
function closed(node: SchemaNode): SchemaNode {
  return {
    ...mapChildren(node, closed),
    ...dependencySchemas(node, "dependencies"),
    ...(node.properties && node.additionalProperties === undefined ? { additionalProperties: false } : {}),
  };
}
