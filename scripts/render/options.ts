import { component, header, literal, type Rendered, type Source } from "./schema.ts";

interface OptionNode {
  name: string;
  env: string;
  type: string;
  default?: unknown;
  defaultText?: string;
  choices?: string[];
  description: string;
}

/** The manager's options. */
export function managerOptions(source: Source): OptionNode[] {
  const properties = component(source.schema, "ManagerOptions").properties ?? {};
  return Object.entries(properties).map(([name, node]) => ({
    name,
    env: node["x-flag-env"] ?? `ORAS_OPERATOR_${name.replaceAll("-", "_").toUpperCase()}`,
    type: String(node.type),
    ...optional("default", node.default),
    ...optional("defaultText", node["x-default-text"]),
    ...optional("choices", node.enum),
    description: node.description ?? "",
  }));
}

/** Renders the manager's options: their table, their type and their defaults. */
export function renderOptions(source: Source): Rendered {
  const options = managerOptions(source);
  const fields = options.map((o) => {
    const type = o.choices ? o.choices.map((c) => JSON.stringify(c)).join(" | ") : tsType(o.type);
    const isSet = o.default !== undefined;
    return `  /** ${o.description} */\n  readonly ${camel(o.name)}${isSet ? "" : "?"}: ${type}${isSet ? "" : " | undefined"};`;
  });
  const defaults = Object.fromEntries(
    options.filter((o) => o.default !== undefined).map((o) => [camel(o.name), o.default]),
  );
  return {
    path: "generated/options.ts",
    content: `${header(source)}/** An option of the manager, as a flag and as an environment variable. */
export interface OptionDefinition {
  readonly name: string;
  readonly env: string;
  readonly type: string;
  readonly default?: string | number | boolean;
  /** What the default is, where it is not a constant. */
  readonly defaultText?: string;
  readonly choices?: readonly string[];
  readonly description: string;
}

/** Settings of the operator's process. */
export interface ManagerOptions {
${fields.join("\n")}
}

/** Every option of the manager. */
export const optionTable: readonly OptionDefinition[] = ${literal(options)};

/** The defaults of the options that have one. */
export const optionDefaults = ${literal(defaults)} as const;
`,
  };
}

/** `leader-elect` as `leaderElect`. */
export function camel(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, c: string) => c.toUpperCase());
}

function tsType(type: string): string {
  return type === "integer" ? "number" : type;
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
