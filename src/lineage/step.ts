import type { Assumption, Settings } from "../annotations/settings.ts";
import type { Workload } from "../workload/workload.ts";
import type { Refusal, RefusalCode } from "./refusals.ts";

/** A file of an input, as its layer describes it. */
export interface InputFile {
  readonly title: string;
  /** Of the layer. */
  readonly digest: string;
  /** Of what is in it, where it is marked to be unpacked. */
  readonly unpacked?: string | undefined;
  /** Digest of all else that is said of it and counts when it is laid out, such as the mode of a program. */
  readonly marks?: string | undefined;
}

/** All that decides what a step makes. */
export interface Step {
  /**
   * The object as the API server stores it, less what was injected. As stored, because defaults are filled in then: a
   * manifest that writes them and one that does not are the same object.
   */
  readonly workload: Workload;
  readonly settings: Settings;
  /** For each launcher of the settings, the place of its container in the Pod's list. */
  readonly launchers: readonly number[];
  /**
   * For each of them, what it runs where its author names no command: what its image was found to run when the step was created.
   * When it is opened a tag can stand for another image, which runs with these words all the same.
   */
  readonly programs?: readonly (readonly string[] | undefined)[] | undefined;
  /** The files of each input, in the order of the inputs and of their layers. */
  readonly inputs: readonly (readonly InputFile[])[];
  /** Digests by image, as it is written in the spec. */
  readonly images: ReadonlyMap<string, string>;
  /** Of the Pod that the key is for: needed in an Indexed Job. */
  readonly completionIndex?: number | undefined;
  /** What the author adds to the key. */
  readonly extra?: string | undefined;
  /** Names of environment variables that do not count. */
  readonly ignoreEnv: ReadonlySet<string>;
  readonly assume: ReadonlySet<Assumption>;
}

/** A step while its key is made, and what was found that cannot be in one. */
export interface Reading {
  readonly step: Step;
  readonly refusals: Refusal[];
}

/** Refuses what cannot be seen, unless the author has promised that it does not matter. */
export function refuseUnless(
  { step, refusals }: Reading,
  assumption: Assumption,
  code: RefusalCode,
  path: string,
  message: string,
): void {
  if (!step.assume.has(assumption)) refusals.push({ code, path, message });
}
