import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../cluster/command.ts";
import { repository } from "../cluster/paths.ts";
import { agentFolder, goEnvironment } from "../images/agent.ts";
import { isoTime } from "./layout.ts";
import { architectures, type Pins } from "./pins.ts";

interface Spdx {
  documentNamespace: string;
  creationInfo: { created: string };
  packages: object[];
  relationships: object[];
}

/** What a release has of others, by its package URL (https://github.com/package-url/purl-spec). */
interface Part {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
}

/**
 * The list of packages (SPDX): of the program, as npm writes it, of the agent, of oras, and of what else is in the images.
 *
 * @param name - of the list, which no other one has
 * @param seconds - its time
 * @param pins - of the release
 */
export async function packagesOf(name: string, seconds: number, pins: Pins): Promise<Spdx> {
  const sbom = ["npm", "sbom", "--package-lock-only", "--sbom-format", "spdx", "--omit", "dev"];
  const spdx = JSON.parse(await run(sbom, { cwd: repository })) as Spdx;
  const parts = [
    ...(await goModules(agentFolder, ["."])),
    ...(await goModules(join(repository, "dev/cluster/modules/oras"), await tools("oras"))),
    ...pinnedParts(pins),
  ];
  for (const [purl, part] of new Map(parts.map((each) => [each.purl, each]))) {
    const SPDXID = `SPDXRef-${purl.slice("pkg:".length).replaceAll(/[^A-Za-z0-9.-]/g, "-")}`;
    const { name: called, version: versionInfo } = part;
    const reference = {
      referenceCategory: "PACKAGE-MANAGER",
      referenceType: "purl",
      referenceLocator: purl,
    };
    spdx.packages.push({
      ...{ name: called, SPDXID, versionInfo, downloadLocation: "NOASSERTION", filesAnalyzed: false },
      externalRefs: [reference],
    });
    spdx.relationships.push({
      spdxElementId: "SPDXRef-DOCUMENT",
      relatedSpdxElement: SPDXID,
      relationshipType: "DESCRIBES",
    });
  }
  // npm draws a number and takes the present time.
  spdx.creationInfo.created = isoTime(seconds);
  spdx.documentNamespace = name;
  return spdx;
}

async function goModules(cwd: string, packages: readonly string[]): Promise<Part[]> {
  const format = "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}";
  const listed = await run(["go", "list", "-deps", "-f", format, ...packages], { cwd, env: goEnvironment });
  return [...new Set(listed.split("\n").filter(Boolean))].sort().map((line) => {
    const [path = "", version = ""] = line.split(" ");
    return { name: path, version, purl: `pkg:golang/${path}@${version}` };
  });
}

/** The packages of the tool lines of a module. */
async function tools(module: string): Promise<string[]> {
  const text = await readFile(join(repository, "dev/cluster/modules", module, "go.mod"), "utf8");
  return [...text.matchAll(/^tool (\S+)$/gm)].map(([, path = ""]) => path);
}

function pinnedParts({ debian, node }: Pins): Part[] {
  return architectures.flatMap((architecture) => [
    ...debian[architecture].map(({ name, version }) => ({
      ...{ name, version },
      purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`,
    })),
    {
      name: node[architecture].name,
      version: node[architecture].version,
      purl: `pkg:npm/${node[architecture].name}@${node[architecture].version}`,
    },
  ]);
}
