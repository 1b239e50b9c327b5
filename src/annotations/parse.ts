import { withoutVariables } from "../../schema/variables.ts";
import { secondsOf } from "./duration.ts";
import { faultsOfReference } from "./faults.ts";
import { checkInputVolume } from "./input-volume.ts";
import { keyOf, resolveKey, type Slot } from "./keys.ts";
import { type AnnotationMap, isOurs } from "./map.ts";
import { checkOutput } from "./output.ts";
import { type Problem, quoted, type Result } from "./problems.ts";
import { cutAt, hostIn, parseReference, parseRegistry } from "./reference.ts";
import {
  type AddedResources,
  asksForMemo,
  type Defaults,
  type MemoSettings,
  type Settings,
} from "./settings.ts";
import { type AnnotationName, annotations, type Format, formats } from "./table.ts";
import { knownVariables, unknownVariable, usesRun, withRun } from "./variables.ts";
import { checkWhole, launcherNumbers } from "./whole.ts";

/** What could be read of a set of annotations: settings from the valid values, and every problem. */
export interface Reading {
  readonly settings: Settings;
  /**
   * Whether what the settings say of an annotation is what its author wrote: not where its value is refused, nor where
   * it is not set and a misspelled name may have meant it. A problem that depends on it would only follow from another.
   */
  readonly isCertain: (name: AnnotationName) => boolean;
  /** In the order of their keys. */
  readonly problems: readonly Problem[];
}

/**
 * Parses a step's annotations. Total: whatever the map holds, the answer is settings or every problem at once,
 * and does not depend on the order of the map's keys. Keys outside the prefix are ignored.
 *
 * @param map - annotations of a Pod or Job
 * @param defaults - what counts where they do not say it
 */
export function parseAnnotations(map: AnnotationMap, defaults?: Defaults): Result<Settings> {
  const { settings, problems } = readAnnotations(map, defaults);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: settings };
}

/**
 * Keys and values of an object's annotations together. The API server counts bytes, but only after admission.
 *
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/
 */
const longestAnnotations = 256 * 1024;

/** A value in its place. */
interface Given extends Slot {
  readonly value: string;
}

/**
 * Like {@link parseAnnotations}, but also returns what the valid annotations say when others are not, so that
 * the problems of the object around them can be reported in the same answer.
 *
 * @param map - annotations of a Pod or Job
 * @param defaults - what counts where they do not say it
 */
export function readAnnotations(map: AnnotationMap, defaults: Defaults = {}): Reading {
  const length = Object.entries(map).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (length > longestAnnotations) {
    const message = `found ${length} characters; the API server allows ${longestAnnotations} bytes.`;
    return {
      settings: toSettings([], [0], defaults),
      isCertain: () => false,
      problems: [{ code: "AnnotationsTooLong", path: "metadata.annotations", message }],
    };
  }
  const problems: Problem[] = [];
  const slots: Slot[] = [];
  const given: Given[] = [];
  const refused = new Set<AnnotationName>();
  const misspelled = new Set<AnnotationName>();
  const run = map[annotations.run.key];

  for (const key of Object.keys(map).filter(isOurs).sort()) {
    const slot = resolveKey(key);
    if ("code" in slot) {
      const { meant, ...problem } = slot;
      problems.push(problem);
      if (meant) misspelled.add(meant);
      continue;
    }
    slots.push(slot);
    const { value, wrong } = readValue(slot.name, key, map[key] ?? "", run);
    if (wrong) problems.push(wrong);
    if (value === undefined) refused.add(slot.name);
    else given.push({ ...slot, value });
  }
  const settings = toSettings(given, launcherNumbers(slots), defaults);
  // A misspelled name may well be the missing input or output: one problem is enough then.
  if (!problems.some(({ code }) => code === "UnknownAnnotation"))
    problems.push(
      ...checkWhole(slots, defaults),
      ...checkWaiting(slots, settings),
      ...checkInputVolume(slots, settings),
      ...checkOutput(settings),
    );
  const set = new Set(slots.map(({ name }) => name));
  return {
    settings,
    isCertain: (name) => !refused.has(name) && (set.has(name) || !misspelled.has(name)),
    problems,
  };
}

/** As many inputs a step can wait for: the leader asks registries for each of them, and writes of all what it has learned. */
export const mostAwaited = 64;

function checkWaiting(slots: readonly Slot[], { waitForInputs }: Settings): Problem[] {
  if (!waitForInputs) return [];
  const found = slots.filter(({ name }) => name === "input-uri").length;
  if (found <= mostAwaited) return [];
  const { key } = annotations["wait-for-inputs"];
  const message = `found ${found} inputs; a step that waits for them has ${mostAwaited} at most.`;
  return [{ code: "TooManyInputs", path: key, message }];
}

function toSettings(given: readonly Given[], launchers: readonly number[], defaults: Defaults): Settings {
  const values = new Map(given.map((g) => [keyOf(g), g.value]));
  const at = (name: AnnotationName, number: number) => values.get(keyOf({ name, number }));
  const one = (name: AnnotationName): string | undefined =>
    at(name, 0) ?? defaults[name] ?? annotations[name].default;
  const output = one("output-uri");
  const outputIndex = one("output-index");
  const failure = one("failure-uri");
  const registry = one("registry");
  const waitTimeout = one("wait-timeout");
  const batch = one("batch");
  const memo = toMemo(one);
  return {
    inputs: given
      .filter(({ name }) => name === "input-uri")
      .sort((a, b) => a.number - b.number)
      .map(({ value }) => parseReference(value)),
    inputAs: one("input-as") === "volume" ? "volume" : undefined,
    output: output === undefined ? undefined : parseReference(output),
    failure: failure === undefined ? undefined : parseReference(failure),
    outputIndex: outputIndex === undefined ? undefined : parseReference(outputIndex),
    launchers: launchers.map((number) => ({
      number,
      container: at("container", number),
      inputPath: at("input-path", number),
      outputPath: at("output-path", number),
      outputPipe: at("output-pipe", number),
    })),
    cache: one("oras-cache") ?? "",
    orasContainer: one("oras-container"),
    registry: registry === undefined ? undefined : parseRegistry(registry),
    orasEnv: one("oras-env"),
    entrypoint: one("entrypoint"),
    orasEntrypoint: one("oras-entrypoint"),
    debug: one("debug") === "true",
    unpack: one("unpack") === "true",
    compression: one("compression") ?? "",
    format: one("format") === "image" ? "image" : undefined,
    pushOn: one("push-on") ?? "",
    timeoutSeconds: secondsOf(one("timeout") ?? ""),
    shareSizeLimit: one("share-size-limit"),
    // Of a step that is not held it would be known too late that its result is there.
    waitForInputs:
      (at("wait-for-inputs", 0) ?? (asksForMemo({ memo }) ? "true" : one("wait-for-inputs"))) === "true",
    waitTimeoutSeconds: waitTimeout === undefined ? undefined : secondsOf(waitTimeout),
    onProducerFailure: one("on-producer-failure") === "fail" ? "fail" : "wait",
    batch: batch === undefined ? undefined : parseBatch(batch),
    memo,
    resources: toResources(one),
  };
}

function toMemo(one: (name: AnnotationName) => string | undefined): MemoSettings {
  const words = (name: AnnotationName) => one(name)?.split(",") ?? [];
  const maxAge = one("memoize-max-age");
  return {
    mode: one("memoize") as MemoSettings["mode"],
    extra: one("memoize-extra"),
    ignoreEnv: words("memoize-ignore-env"),
    assume: words("memoize-assume") as MemoSettings["assume"],
    maxAgeSeconds: maxAge === undefined ? undefined : secondsOf(maxAge),
  };
}

function parseBatch(value: string): Settings["batch"] {
  const [name, count] = cutAt(value, "/");
  return { name, count: Number(count) };
}

function toResources(one: (name: AnnotationName) => string | undefined): AddedResources {
  const of = (kind: "requests" | "limits") =>
    Object.fromEntries(
      (["cpu", "memory", "ephemeral-storage"] as const).flatMap((resource) => {
        const value = one(`${kind}-${resource}`);
        return value === undefined ? [] : [[resource, value]];
      }),
    );
  return { requests: of("requests"), limits: of("limits") };
}

/** A value as it counts, or what is wrong with it; neither where that only follows from another problem. */
function readValue(
  name: AnnotationName,
  key: string,
  written: string,
  run: string | undefined,
): { readonly value?: string; readonly wrong?: Problem | undefined } {
  const value = expand(name, written, run);
  if (value === undefined) return { wrong: runMissing(key, run) };
  const wrong = checkValue(name, key, value);
  return wrong ? { wrong } : { value };
}

/** A value with $(RUN) filled in; undefined where that cannot be done. */
function expand(name: AnnotationName, value: string, run: string | undefined): string | undefined {
  if (!formats[annotations[name].format].variables || !usesRun(value)) return value;
  return run === undefined || checkValue("run", "", run) ? undefined : withRun(value, run);
}

/** One that is there and refused is its own problem. */
function runMissing(path: string, run: string | undefined): Problem | undefined {
  if (run !== undefined) return undefined;
  return { code: "RunNotSet", path, message: `it has $(RUN), and ${annotations.run.key} is not set.` };
}

function isReference(name: AnnotationName): boolean {
  return ["input-uri", "output-uri", "output-index", "failure-uri"].includes(name);
}

function checkValue(name: AnnotationName, key: string, value: string): Problem | undefined {
  const format = formats[annotations[name].format];
  const fits = (text: string) =>
    text.length <= format.maxLength && format.pattern.test(format.variables ? withoutVariables(text) : text);
  const host = isReference(name) ? hostIn(value) : undefined;
  if (fits(value) && host === undefined) return undefined;
  if (host && fits(host.withScheme)) {
    const message = `found ${quoted(value)}, which begins like the host ${quoted(host.host)}; allowed is ${host.withScheme} for that registry, or a repository of the step's own registry without dots in its first part, such as ${host.asRepository}.`;
    return { code: "HostInReference", path: key, message };
  }
  const said =
    (isReference(name)
      ? faultsOfReference(value, { ...format, fits, registryKey: annotations.registry.key })
      : undefined) ?? saidOf(value, format);
  return { code: "InvalidValue", path: key, message: `found ${quoted(value)}; ${said}.` };
}

function saidOf(value: string, { variables, allowed }: Format): string {
  const unknown = variables ? unknownVariable(value) : undefined;
  return unknown === undefined
    ? `allowed is ${allowed}`
    : `${quoted(unknown).slice(1, -1)} is no variable; known are ${knownVariables}`;
}
