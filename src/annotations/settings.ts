import type { ArtifactReference, Registry } from "./reference.ts";
import type { AnnotationName } from "./table.ts";
import { type Values, withValues } from "./variables.ts";

/** Values that count for one step where its annotations do not say it, such as those of its OrasCache. */
export type Defaults = Partial<Readonly<Record<AnnotationName, string>>>;

/** What a step's author asked for, after parsing: every value valid, defaults that are constants filled in. */
export interface Settings {
  /** Artifacts to pull, in numeric order of their annotations. */
  readonly inputs: readonly ArtifactReference[];
  /** Undefined: files, which the agent brings. */
  readonly inputAs: "volume" | undefined;
  /** Artifact to push. */
  readonly output: ArtifactReference | undefined;
  /** Artifact to push after a failure. */
  readonly failure: ArtifactReference | undefined;
  /** Index of the artifacts of all Pods of an Indexed Job. */
  readonly outputIndex: ArtifactReference | undefined;
  /** The programs of the step, in numeric order; at least one. */
  readonly launchers: readonly LauncherSettings[];
  /** Name of the OrasCache in the same namespace. */
  readonly cache: string;
  /** Image of the containers that pull and push, where it is not the operator's. */
  readonly orasContainer: string | undefined;
  /** Remote registry that is used instead of the cache. */
  readonly registry: Registry | undefined;
  /** Secret with credentials. */
  readonly orasEnv: string | undefined;
  /** URL of a replacement for the launcher. */
  readonly entrypoint: string | undefined;
  /** URL of a replacement for the pushing container's script. */
  readonly orasEntrypoint: string | undefined;
  readonly debug: boolean;
  readonly unpack: boolean;
  /** `auto`, `gzip`, `zstd` or `none`. */
  readonly compression: string;
  /** Undefined: a plain artifact. */
  readonly format: "image" | undefined;
  /** `success`, `failure` or `always`. */
  readonly pushOn: string;
  readonly timeoutSeconds: number;
  /** What the added containers ask for, where the author says it. */
  readonly resources: AddedResources;
  /** The `sizeLimit` of the share. */
  readonly shareSizeLimit: string | undefined;
  /** Whether the step starts when its inputs are there. */
  readonly waitForInputs: boolean;
  /** How long it waits for them, from its creation; undefined: for ever. */
  readonly waitTimeoutSeconds: number | undefined;
  /** What to do when a step that would push an input failed for good. */
  readonly onProducerFailure: "wait" | "fail";
  /** The set of steps none of which starts before all are there. */
  readonly batch: { readonly name: string; readonly count: number } | undefined;
  readonly memo: MemoSettings;
}

/** What a step's author says of results that are used again. */
export interface MemoSettings {
  /** Undefined: what the step's OrasCache says. */
  readonly mode: MemoMode | undefined;
  readonly extra: string | undefined;
  readonly ignoreEnv: readonly string[];
  readonly assume: readonly Assumption[];
  readonly maxAgeSeconds: number | undefined;
}

/** Whether a result is used again, made again, or made again and compared. */
export type MemoMode = "off" | "on" | "refresh" | "verify";

/** What an author promises of things that a key cannot see: that they do not change a result. */
export type Assumption = "config" | "secrets" | "volumes" | "tags" | "identity";

/** One wrapped container: which one, and its paths. */
export interface LauncherSettings {
  /** The number of its annotations; 0 for those without. */
  readonly number: number;
  /** Name of the container, where the author chose one. */
  readonly container: string | undefined;
  readonly inputPath: string | undefined;
  readonly outputPath: string | undefined;
  readonly outputPipe: string | undefined;
}

/** Requests and limits by resource, as Kubernetes has them. */
export interface AddedResources {
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
}

/** The hosts that the artifacts of a step name, the output's first; undefined where one of them names none. */
export function hostsOf({ inputs, output, failure }: Settings): readonly string[] | undefined {
  const artifacts = [...(output ? [output] : []), ...inputs, ...(failure ? [failure] : [])];
  const hosts = artifacts.flatMap(({ host }) => host ?? []);
  return hosts.length > 0 && hosts.length === artifacts.length ? hosts : undefined;
}

/** The same with the variables of artifacts filled in whose values are known; others stay as they are written. */
export function withKnown(settings: Settings, known: Values): Settings {
  const filled = <T extends ArtifactReference | undefined>(one: T): T =>
    one && { ...one, repository: withValues(one.repository, known), version: withValues(one.version, known) };
  const { inputs, output, failure, outputIndex } = settings;
  return {
    ...settings,
    inputs: inputs.map(filled),
    output: filled(output),
    failure: filled(failure),
    outputIndex: filled(outputIndex),
  };
}

/** Whether the step waits for inputs that are not there, or until it is known whether its result is. */
export function waitsForInputs(settings: Settings): boolean {
  const { waitForInputs, inputs } = settings;
  return waitForInputs && (inputs.length > 0 || asksForMemo(settings));
}

/** Whether the author asks for a result to be used again or remembered. */
export function asksForMemo({ memo }: Pick<Settings, "memo">): boolean {
  return memo.mode !== undefined && memo.mode !== "off";
}

/** Whether the agent brings inputs to the programs of a step; a volume is mounted by the node. */
export function bringsInputs({ inputs, inputAs }: Settings): boolean {
  return inputs.length > 0 && inputAs === undefined;
}

/** Whether a launcher makes an output: what it names, and of a single nameless one its working directory. */
export function makesOutput(settings: Settings, launcher: LauncherSettings): boolean {
  if (settings.output === undefined) return false;
  const names = (l: LauncherSettings) => l.outputPath !== undefined || l.outputPipe !== undefined;
  return names(launcher) || (launcher === settings.launchers[0] && !settings.launchers.some(names));
}

/** Whether a script of the author's replaces a part of the agent. */
export function usesScripts(settings: Settings): boolean {
  return settings.entrypoint !== undefined || settings.orasEntrypoint !== undefined;
}
