/** Go programs of one module, as its go.mod names them. */
export interface GoModule {
  /** Package paths: of the `tool` lines, or the module's own main package where there are none. */
  readonly packages: readonly string[];
  /** Version of the module that the programs come from. */
  readonly version: string;
}

/**
 * Reads from a go.mod file what there is to build and in which version.
 *
 * @param text - the file
 * @param where - its path, for the message
 * @throws Error when the file does not say which module the programs come from
 */
export function readGoModule(text: string, where: string): GoModule {
  const all = [...directives(text)];
  const of = (wanted: string) => all.filter(({ verb }) => verb === wanted);
  const paths = (wanted: string) => of(wanted).flatMap(({ words }) => words[0] ?? []);
  const tools = paths("tool");
  const direct = of("require").find(({ comment }) => comment !== "indirect")?.words[0];
  const owner = tools[0] ? ownerOf(tools[0], paths("require")) : direct;
  if (!owner) {
    throw new Error(
      tools[0]
        ? `${where} requires no module that holds ${tools[0]}: run go get -tool ${tools[0]}`
        : `${where} has no tool line and requires no module directly: add a tool line for each program to build`,
    );
  }
  const version = of("require").find(({ words }) => words[0] === owner)?.words[1] ?? "";
  return { packages: tools.length > 0 ? tools : paths("module"), version };
}

/** The module with the longest path that may hold a package. */
function ownerOf(path: string, modules: readonly string[]): string | undefined {
  return modules
    .filter((module) => path === module || path.startsWith(`${module}/`))
    .toSorted((a, b) => b.length - a.length)[0];
}

/** Go names a program after the last part of its path that is not a major version. */
export function programName(path: string): string {
  return (
    path
      .split("/")
      .filter((part) => !/^v\d+$/.test(part))
      .at(-1) ?? path
  );
}

interface Directive {
  readonly verb: string;
  readonly words: readonly string[];
  readonly comment: string;
}

function* directives(text: string): Generator<Directive> {
  let block: string | undefined;
  for (const line of text.split("\n")) {
    const [code = "", comment = ""] = line.split("//").map((part) => part.trim());
    const words = code.split(/\s+/);
    const [verb, next] = words;
    if (verb === ")") block = undefined;
    else if (block && verb) yield { verb: block, words, comment };
    else if (next === "(") block = verb;
    else if (verb) yield { verb, words: words.slice(1), comment };
  }
}

/**
 * Linker flags that give a program its version; without them Kubernetes says v0.0.0 and refuses its own objects.
 *
 * @param name - folder of the module
 * @param version - as in its go.mod
 */
export function versionFlags(name: string, version: string): string {
  const [major = "", minor = ""] = version.replace(/^v/, "").split(".");
  const variables: Record<string, readonly [variable: string, value: string][]> = {
    kubernetes: [
      ["k8s.io/component-base/version.gitVersion", version],
      ["k8s.io/component-base/version.gitMajor", major],
      ["k8s.io/component-base/version.gitMinor", minor],
      ["k8s.io/client-go/pkg/version.gitVersion", version],
    ],
    oras: [
      ["oras.land/oras/internal/version.Version", version.replace(/^v/, "")],
      ["oras.land/oras/internal/version.BuildMetadata", ""],
    ],
    helm: [["helm.sh/helm/v3/internal/version.version", version]],
  };
  return [
    "-s -w",
    ...(variables[name.replace(/^kubernetes-.*/, "kubernetes")] ?? []).map(
      ([variable, value]) => `-X ${variable}=${value}`,
    ),
  ].join(" ");
}
