/** What is read of a go.mod file. */
export interface GoModule {
  /** Version of the module that the tools are from. */
  readonly version: string;
  /** Packages of the `tool` lines. */
  readonly tools: readonly string[];
}

/**
 * Reads the tools of a go.mod file, and the version that is required of their module.
 *
 * @param text - content of go.mod
 * @throws Error when a tool's module is not required
 */
export function parseModule(text: string): GoModule {
  const tools = [...block(text, "tool")];
  const required = [...block(text, "require")].map((line) => line.split(/\s+/));
  const [, version] =
    required
      .filter(([path = ""]) => tools.some((tool) => tool === path || tool.startsWith(`${path}/`)))
      .sort(([a = ""], [b = ""]) => b.length - a.length)[0] ?? [];
  if (version === undefined) throw new Error("go.mod does not require the module of its tools");
  return { version, tools };
}

/** The entries of a directive, from its single lines and its blocks. */
function* block(text: string, directive: string): Iterable<string> {
  let inside = false;
  for (const raw of text.split("\n")) {
    const line = raw.replace(/\/\/.*$/, "").trim();
    if (line === `${directive} (`) inside = true;
    else if (line === ")") inside = false;
    else if (inside && line !== "") yield line;
    else if (line.startsWith(`${directive} `)) yield line.slice(directive.length + 1).trim();
  }
}
