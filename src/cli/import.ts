import { stringify } from "yaml";
import { visible } from "../annotations/problems.ts";
import { type ImportOptions, type Manifests, manifestsOf } from "../workflow/import/manifests.ts";
import { bytesFor, shellWord } from "../workflow/import/shell.ts";
import { readSnakemake } from "../workflow/import/snakemake.ts";
import { readWfFormat } from "../workflow/import/wfformat.ts";
import type { Imported, ImportProblem, Workflow } from "../workflow/import/workflow.ts";
import { exits } from "./exits.ts";
import { readSources } from "./manifests/sources.ts";
import { kubectlYaml } from "./manifests/yaml.ts";
import { CliError } from "./output.ts";

/**
 * Jobs of a workflow in WfFormat, as YAML.
 *
 * @param file - path, URL, or `-`
 * @param options - of the command
 * @throws CliError naming everything that is wrong with the file
 */
export async function importWfFormat(file: string, options: ImportOptions): Promise<string> {
  return importWith(file, options, (text) => readWfFormat(jsonOf(file, text)));
}

/**
 * Jobs of a workflow of Snakemake, as YAML.
 *
 * @param file - path, URL, or `-`, of what a dry run printed
 * @param options - of the command
 * @throws CliError naming every job that cannot be a step
 */
export async function importSnakemake(file: string, options: ImportOptions): Promise<string> {
  return importWith(file, options, readSnakemake);
}

async function importWith(
  file: string,
  options: ImportOptions,
  read: (text: string) => Imported<Workflow>,
): Promise<string> {
  const [source] = await readSources([file]);
  const workflow = unless(file, read(source?.text ?? ""));
  return format(unless(file, manifestsOf(workflow, options)), options);
}

function jsonOf(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(`${file} is not JSON: ${(error as Error).message}.`, exits.usage);
  }
}

function unless<T>(file: string, imported: Imported<T>): T {
  if (imported.ok) return imported.value;
  const lines = imported.problems.map(({ at, message }: ImportProblem) =>
    visible(`${file}: ${at}: ${message}.`),
  );
  throw new CliError(lines.join("\n"), exits.failed);
}

function format({ jobs, given, standIns, sizeOf }: Manifests, options: ImportOptions): string {
  const steps = jobs.map((job) => stringify(job, { version: kubectlYaml.version, lineWidth: 0 }));
  const files = given.flatMap((each) => each.files);
  const made = standIns ? files.map((path) => makeStandIn(path, sizeOf(path))) : [];
  const comment =
    given.length === 0
      ? []
      : [
          "Files that no step makes are put first, by the lines with a $ in the folder that has them:",
          "  sed -n 's/^# \\$ //p' FILE | sh -e",
          ...[...made, ...given.map((each) => putCommand(each, options))].map((line) => `$ ${line}`),
        ];
  return [comment.map((line) => `# ${line}\n`).join(""), steps.join("---\n")].join("");
}

/** As files of the workflow are not there with stand-ins of its programs, they are made. */
function makeStandIn(path: string, size: number): string {
  const folder = path.includes("/") ? `mkdir -p ${shellWord(`./${path.replace(/\/[^/]*$/, "")}`)} && ` : "";
  return folder + bytesFor(path, size);
}

function putCommand({ artifact, files }: Manifests["given"][number], options: ImportOptions): string {
  const words = [
    ...(options.namespace === undefined ? [] : ["-n", options.namespace]),
    ...(options.cache === undefined ? [] : ["--cache", options.cache]),
  ];
  const put = (what: string) => ["kubectl oras-cache put", ...words.map(shellWord), what, artifact].join(" ");
  const [first = "", ...others] = files;
  if (others.length === 0 && !first.includes("/")) return put(shellWord(`./${first}`));
  // An artifact has its files by their paths, as the step reads them.
  const packed = `tar -cf - ${files.map((path) => shellWord(`./${path}`)).join(" ")} | tar -xf - -C "$d"`;
  return `d=$(mktemp -d) && ${packed} && ${put('"$d/."')} && rm -r "$d"`;
}
