import { basename } from "node:path/posix";
import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { VariableName } from "../../schema/variables.ts";
import { keyOf } from "../annotations/keys.ts";
import type { Reading } from "../annotations/parse.ts";
import { type Problem, quoted } from "../annotations/problems.ts";
import { bringsInputs, makesOutput, type Settings } from "../annotations/settings.ts";
import type { KnownImage } from "./admission-types.ts";
import type { Launcher } from "./launcher.ts";
import { isRoot } from "./paths.ts";
import { programOf } from "./program.ts";

/** A container in a Pod, with the path of its field for messages. */
interface Located {
  /** Path of the Pod's spec in the submitted object, such as `spec.template.spec`. */
  readonly path: string;
  readonly launcher: Launcher;
  readonly settings: Settings;
  /** What is known of the launcher's image. */
  readonly known?: KnownImage | undefined;
}

/**
 * What can be seen to be wrong with a Pod whatever its annotations say.
 *
 * @param pod - the Pod's spec
 * @param path - where it stands in the submitted object
 */
export function checkPlatform(pod: V1PodSpec, path: string): Problem[] {
  if (pod.os?.name === "windows") {
    return [{ code: "WindowsPod", path: `${path}.os.name`, message: `found "windows"; allowed is "linux".` }];
  }
  if (pod.nodeSelector?.["kubernetes.io/os"] === "windows") {
    return [
      {
        code: "WindowsPod",
        path: `${path}.nodeSelector["kubernetes.io/os"]`,
        message: `found "windows"; allowed is "linux".`,
      },
    ];
  }
  return [];
}

/** What can be seen to be wrong with the container that would be wrapped. */
export function checkLauncher(
  { path, launcher, settings, known }: Located,
  isCertain: Reading["isCertain"],
): Problem[] {
  const problems: Problem[] = [];
  const { container } = launcher;
  const { number, inputPath, outputPath, outputPipe } = launcher.settings;
  const field = `${path}.containers[${launcher.index}]`;
  if (programOf(container, known).length === 0) {
    problems.push({
      code: "NoCommand",
      path: `${field}.command`,
      message: `container ${quoted(container.name)} has none${whyUnknown(known)}.`,
    });
  }
  const reserved = container.env?.findIndex(({ name }) => name === names.readyVariable) ?? -1;
  if (reserved >= 0) {
    problems.push({
      code: "ReservedVariable",
      path: `${field}.env[${reserved}].name`,
      message: `found ${quoted(names.readyVariable)}, which the operator sets itself and takes away before the program starts.`,
    });
  }
  const directory = workingDirectory(container, known);
  if (settings.output !== undefined && isRoot(outputPath, directory)) {
    const path = keyOf({ name: "output-path", number });
    const from =
      outputPath?.startsWith("/") || directory === undefined
        ? ""
        : `, which leads to "/" from the working directory ${quoted(directory)}`;
    problems.push({ code: "OutputIsRoot", path, message: `found ${quoted(outputPath ?? "")}${from}.` });
  }
  const root = rootDirectory(container, field, known);
  if (root === undefined) return problems;
  const outputIsThere =
    isCertain("output-path") &&
    isCertain("output-pipe") &&
    makesOutput(settings, launcher.settings) &&
    outputPath === undefined &&
    outputPipe === undefined;
  if (outputIsThere) {
    const keys = (["output-path", "output-pipe"] as const).map((name) => keyOf({ name, number }));
    const message = `found ${root.found}, and neither ${keys.join(" nor ")} is set.`;
    problems.push({ code: "OutputIsRoot", path: root.path, message });
  }
  if (isCertain("input-path") && bringsInputs(settings) && inputPath === undefined) {
    const key = keyOf({ name: "input-path", number });
    const message = `found ${root.found}, and ${key} is not set; to unpack inputs in "/", write it there.`;
    problems.push({ code: "InputIsRoot", path: root.path, message });
  }
  return problems;
}

/** The working directory where it is the root: as the container says, else its image, which means it by saying none. */
function rootDirectory(
  container: V1Container,
  field: string,
  known: KnownImage | undefined,
): { path: string; found: string } | undefined {
  if (!isRoot(workingDirectory(container, known))) return undefined;
  const { workingDir, image = "" } = container;
  const found = workingDir ? quoted(workingDir) : `none, and image ${quoted(image)} works in "/"`;
  return { path: `${field}.workingDir`, found };
}

/** The directory that a container works in, where that is known. */
function workingDirectory({ workingDir }: V1Container, known: KnownImage | undefined): string | undefined {
  if (workingDir) return workingDir;
  if (known === undefined || "unknown" in known || known.program.workingDir === undefined) return undefined;
  return known.program.workingDir || "/";
}

function whyUnknown(known: KnownImage | undefined): string {
  if (known === undefined) return "";
  return "unknown" in known
    ? `, and what its image runs could not be found out: ${known.unknown}`
    : ", and its image has neither ENTRYPOINT nor CMD";
}

/** Layers of one artifact need different names: a stock client refuses to write the same file twice. */
export function checkOutputs(launchers: readonly Launcher[]): Problem[] {
  const seen = new Map<string, string>();
  return launchers.flatMap(({ settings: { number, outputPath, outputPipe } }): Problem[] => {
    const name = outputPath === undefined ? "output-pipe" : "output-path";
    const title = basename(outputPath ?? outputPipe ?? "");
    if (title === "") return [];
    const path = keyOf({ name, number });
    const first = seen.get(title);
    seen.set(title, first ?? path);
    return first
      ? [{ code: "OutputTwice", path, message: `found ${quoted(title)}, which ${first} pushes too.` }]
      : [];
  });
}

/**
 * Variables that the Pod has no value for.
 *
 * @param used - each variable with the keys of the annotations that hold it
 * @param missing - the variables without a value
 */
export function checkVariables(
  used: ReadonlyMap<VariableName, readonly string[]>,
  missing: readonly VariableName[],
): Problem[] {
  return missing.flatMap((name) =>
    (used.get(name) ?? []).map((path) => ({
      code: "VariableNotThere" as const,
      path,
      message: `found $(${name}), which only Pods of ${name === "JOB_NAME" ? "a Job" : "an Indexed Job"} have.`,
    })),
  );
}

/**
 * A Pod on the host's network resolves names as its node does, unless it asks for cluster DNS.
 *
 * @see https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy
 */
export function checkDns(pod: V1PodSpec, path: string): Problem[] {
  const policy = pod.dnsPolicy ?? "ClusterFirst";
  if (!pod.hostNetwork || policy === "ClusterFirstWithHostNet" || policy === "None") return [];
  return [
    {
      code: "NoClusterDns",
      path: `${path}.dnsPolicy`,
      message: `found ${quoted(policy)} with hostNetwork: true; allowed is "ClusterFirstWithHostNet".`,
    },
  ];
}
