import { agentOptions } from "../../schema/agent-options.ts";
import { notice, type Rendered } from "./schema.ts";

const goTypes = {
  text: "string",
  texts: "[]string",
  flag: "bool",
  count: "int",
  bytes: "int64",
  seconds: "time.Duration",
} as const;

/** Renders the command line of the agent as a Go struct. Its tags say to the parser what each field's option is. */
export function renderAgentOptions(): Rendered {
  const fields = Object.entries(agentOptions).map(([name, option]) => {
    const tags = {
      option: name,
      commands: option.commands.join(" "),
      ...("default" in option && { default: String(option.default) }),
    };
    const tag = Object.entries(tags).map(([key, value]) => `${key}:${JSON.stringify(value)}`);
    return [
      `\t// ${fieldOf(name)} is ${option.description}.`,
      `\t${fieldOf(name)} ${goTypes[option.type]} \`${tag.join(" ")}\``,
    ].join("\n");
  });
  const lines = [
    `// ${notice.replace("oras-operator.yaml", "agent-options.ts")}`,
    "",
    "package options",
    "",
    'import "time"',
    "",
    "// Options are those of all commands; each has some.",
    "type Options struct {",
    ...fields,
    '\t// Rest is what follows "--": the program.',
    "\tRest []string",
    "}",
  ];
  return { path: "agent/internal/options/generated.go", content: `${lines.join("\n")}\n` };
}

/** A name as Go exports it. */
function fieldOf(name: string): string {
  return name.replaceAll(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase());
}
