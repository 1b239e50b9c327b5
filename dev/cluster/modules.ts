/** A Go program that the cluster needs, as its go.mod names it. */
export interface GoModule {
  /** Package paths of the `tool` lines. */
  readonly tools: readonly string[];
  /** Version of the module that the tools belong to. */
  readonly version: string;
}

/**
 * Reads the tools and their version from a go.mod file.
 *
 * @param text - the file
 * @param where - its path, for the message
 */
export function readGoModule(text: string, where: string): GoModule {
  const tools: string[] = [];
  const required = new Map<string, string>();
  for (const [verb, words] of directives(text)) {
    if (verb === "tool" && words[0]) tools.push(words[0]);
    if (verb === "require" && words[0] && words[1]) required.set(words[0], words[1]);
  }
  const [first] = tools;
  if (!first) throw new Error(`${where} has no tool line: add one for each program to build`);
  const owner = [...required.keys()]
    .filter((path) => first === path || first.startsWith(`${path}/`))
    .toSorted((a, b) => b.length - a.length)[0];
  if (!owner) throw new Error(`${where} requires no module that holds ${first}: run go get -tool ${first}`);
  return { tools, version: required.get(owner) ?? "" };
}

/** Go names a program after the last part of its path that is not a major version. */
export function programName(tool: string): string {
  return (
    tool
      .split("/")
      .filter((part) => !/^v\d+$/.test(part))
      .at(-1) ?? tool
  );
}

function* directives(text: string): Generator<[verb: string, words: string[]]> {
  let block: string | undefined;
  for (const raw of text.split("\n")) {
    const words = raw
      .replace(/\/\/.*/, "")
      .trim()
      .split(/\s+/);
    if (words[0] === ")") block = undefined;
    else if (block && words[0]) yield [block, words];
    else if (words[1] === "(") block = words[0];
    else if (words[0]) yield [words[0], words.slice(1)];
  }
}

/**
 * Linker flags that give a program its version; without them Kubernetes says v0.0.0 and refuses its own objects.
 *
 * @param name - folder of the module
 * @param version - as in its go.mod
 */
export function versionFlags(name: string, version: string): string {
  const variables: Record<string, readonly [variable: string, value: string][]> = {
    kubernetes: [
      ["k8s.io/component-base/version.gitVersion", version],
      ["k8s.io/client-go/pkg/version.gitVersion", version],
    ],
    oras: [
      ["oras.land/oras/internal/version.Version", version.replace(/^v/, "")],
      ["oras.land/oras/internal/version.BuildMetadata", ""],
    ],
    helm: [["helm.sh/helm/v3/internal/version.version", version]],
  };
  return ["-s -w", ...(variables[name] ?? []).map(([variable, value]) => `-X ${variable}=${value}`)].join(
    " ",
  );
}
