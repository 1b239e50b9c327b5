import { setImmediate } from "node:timers/promises";
import type { V1Container, V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { Settings } from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import { withValues } from "../annotations/variables.ts";
import type { KubeClient } from "../kube/client.ts";
import { sentenceOf } from "../kube/errors.ts";
import { get, type KubeObject } from "../kube/objects.ts";
import { resources } from "../kube/resources.ts";
import { sha256 } from "../lineage/canonical.ts";
import { type Key, keyOfStep } from "../lineage/key.ts";
import { describeRefusal } from "../lineage/refusals.ts";
import type { InputFile } from "../lineage/step.ts";
import type { MemoTag } from "../memo/memos.ts";
import { takenIndexes, whyAsWhole } from "../memo/part.ts";
import { type Artifact, isOpen, type StepPlan, withIndex } from "../workflow/step.ts";
import { isPod, type Workload } from "../workload/workload.ts";
import type { AskedFor } from "./heads.ts";
import { otherManagerOf } from "./step-jobs.ts";
import type { WorkflowStep } from "./workflow-steps.ts";

/** What a step makes, or one Pod of an Indexed Job. */
export interface MemoUnit {
  readonly index: number | undefined;
  readonly key: Key;
  readonly output: MemoTag;
}

/** What is known of a step by its keys. */
export interface Keyed {
  /** Of all that it makes. */
  readonly key: string;
  readonly units: readonly MemoUnit[];
  /** By which each image may be known when it has run; of those that are not in the key, nothing. */
  readonly images: ReadonlyMap<string, readonly string[]>;
  readonly containers: readonly Pick<V1Container, "name" | "image">[];
  /** Why it takes all of its results or none; undefined where some of its indexes may take theirs. */
  readonly asWhole: string | undefined;
  /** The indexes that have taken theirs, as the Job controller writes them. */
  readonly taken: string;
  /** What its inputs are in its keys. */
  readonly pins: readonly string[];
}

export type KeysResult =
  | { readonly kind: "keyed"; readonly keyed: Keyed }
  /** Sentences: what cannot be known, and what to write. */
  | { readonly kind: "refused"; readonly reasons: readonly string[] }
  | { readonly kind: "unknown"; readonly because: string }
  /** The object is another one than the step that is looked at. */
  | { readonly kind: "changed" };

/** What finding keys needs. */
export interface KeysSettings {
  readonly client: KubeClient;
  /** What a step was before it was injected. */
  readonly originalOf: (object: KubeObject) =>
    | {
        readonly workload: Workload;
        readonly settings: Settings;
        readonly launchers: readonly number[];
        readonly programs: readonly (readonly string[] | undefined)[];
      }
    | undefined;
  /** By which an image may be known, what its name stands for first; undefined where nobody says it. */
  readonly digestsOf: (image: string, workload: Workload) => Promise<readonly string[] | undefined>;
  /** The files of an artifact; undefined where it has none that are known. @throws where its registry does not say */
  readonly filesOf: (
    namespace: string,
    artifact: AskedFor,
    digest: string,
  ) => Promise<readonly InputFile[] | undefined>;
}

type Original = NonNullable<ReturnType<KeysSettings["originalOf"]>>;

/** Each has a key, and an entry that is looked for. */
const mostIndexes = 1_000;
/** What the keys of a step are made from, in characters of all indexes together: it takes seconds. */
const mostText = 128 * 2 ** 20;

/**
 * The keys of a step, from what it would run with.
 *
 * @param settings - see there
 * @param step - as it was seen last
 * @param given - its pins, before it is opened; later, and once some of its indexes have taken results, those on it count
 */
export async function keysOf(
  settings: KeysSettings,
  step: WorkflowStep,
  given?: readonly string[],
): Promise<KeysResult> {
  const object = await readStep(settings.client, step);
  if (object === undefined) return { kind: "changed" };
  const isSame = object.metadata?.resourceVersion === step.object.metadata?.resourceVersion;
  if (given && !isSame) return { kind: "changed" };
  const manager = step.isPod ? undefined : otherManagerOf(object);
  if (manager !== undefined)
    return { kind: "refused", reasons: [`Its status is written by ${manager}, as managedBy says.`] };
  const original = settings.originalOf(object);
  if (original === undefined)
    return { kind: "refused", reasons: ["What the operator has added to the step has been changed."] };
  const whole = step.isPod ? { asWhole: "it is a Pod", taken: "" } : partOf(object);
  const written = pinsIn(step.isPod ? object : (object.spec?.template as KubeObject | undefined));
  // What some of its indexes have taken was made of these: the others are not to read what a tag is by now.
  const isFixed = given === undefined || (whole.taken !== "" && written.length === given.length);
  const pins = isFixed ? written : given;
  try {
    return await keyAll(settings, step, original, pins, whole);
  } catch (error) {
    return { kind: "unknown", because: sentenceOf(error) };
  }
}

/**
 * Why the images of a step keep it from being memoized, as far as it is known before it starts.
 *
 * @param settings - see there
 * @param step - that waits
 * @returns sentences, with what to write
 */
export async function unresolvedOf(settings: KeysSettings, step: WorkflowStep): Promise<readonly string[]> {
  const object = await readStep(settings.client, step);
  const original = object && settings.originalOf(object);
  if (original === undefined) return [];
  const images = firstOf(await imagesOf(settings, original.workload));
  const result = keyOf(original, { inputs: [], images, completionIndex: indexesOf(original.workload)[0] });
  if (result.ok) return [];
  return result.refusals.filter(({ code }) => code === "TagNotResolved").map(describeRefusal);
}

/** The key of one Pod of a step, with what its author asks for. */
function keyOf(
  original: Original,
  known: Pick<Parameters<typeof keyOfStep>[0], "inputs" | "images" | "completionIndex">,
) {
  const { extra, ignoreEnv, assume } = original.settings.memo;
  return keyOfStep({
    ...{ ...original, ...known, extra },
    ...{ ignoreEnv: new Set(ignoreEnv), assume: new Set(assume) },
  });
}

/** A step as the API server has it, with all that it would run; undefined where it is gone. */
async function readStep(client: KubeClient, step: WorkflowStep) {
  const resource = step.isPod ? resources.pods : resources.jobs;
  const place = { namespace: step.namespace, name: step.object.metadata?.name };
  const object = await get<V1Job & V1Pod & KubeObject>(client, resource, place);
  return object?.metadata?.uid === step.uid ? { kind: resource.kind, ...object } : undefined;
}

/** By which each image of a step may be known, as far as anybody says it. */
async function imagesOf({ digestsOf }: KeysSettings, workload: Workload) {
  const named = new Set(containersOf(workload).flatMap(({ image }) => image ?? []));
  const found = await Promise.all(
    [...named].map(async (image) => [image, await digestsOf(image, workload)] as const),
  );
  return new Map(found.flatMap(([image, digests]) => (digests ? [[image, digests] as const] : [])));
}

function containersOf({ template: { spec } }: Workload): readonly V1Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

/** What the name of each stands for. */
function firstOf(images: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, string> {
  return new Map([...images].flatMap(([image, [digest]]) => (digest ? [[image, digest]] : [])));
}

function partOf(job: V1Job): Pick<Keyed, "asWhole" | "taken"> {
  return { asWhole: whyAsWhole(job), taken: takenIndexes(job) };
}

function pinsIn(pod: KubeObject | undefined): string[] {
  const written = pod?.metadata?.annotations?.[names.inputDigestsAnnotation];
  return written ? written.split(",") : [];
}

async function keyAll(
  settings: KeysSettings,
  step: WorkflowStep,
  original: Original,
  pins: readonly string[],
  part: Pick<Keyed, "asWhole" | "taken">,
): Promise<KeysResult> {
  const { plan, namespace } = step;
  const { workload } = original;
  const containers = containersOf(workload);
  const inputs = await Promise.all(
    plan.inputs.map((input, i) => settings.filesOf(namespace, input, pins[i] ?? "")),
  );
  const unread = plan.inputs.filter((_, i) => inputs[i] === undefined);
  if (unread.length > 0) return refusedFor(unread.map(({ written }) => written));
  const images = await imagesOf(settings, workload);
  const known = { inputs: inputs as readonly (readonly InputFile[])[], images: firstOf(images) };
  const indexes = indexesOf(workload);
  if (indexes.length > mostIndexes)
    return { kind: "refused", reasons: [`It has ${indexes.length} indexes; ${mostIndexes} are looked at.`] };
  const units: MemoUnit[] = [];
  for (const index of indexes) {
    const result = keyOf(original, { ...known, completionIndex: index });
    if (!result.ok) return { kind: "refused", reasons: result.refusals.map(describeRefusal) };
    if (units.length === 0 && result.value.text.length * indexes.length > mostText)
      return { kind: "refused", reasons: [tooLong(result.value.text.length, indexes.length)] };
    units.push({ index, key: result.value, output: outputOf(plan, index) });
    // The Lease has to be renewed meanwhile.
    await setImmediate();
  }
  const [first] = units;
  const key =
    units.length === 1 && first ? first.key.key : sha256(units.map((unit) => unit.key.key).join(" "));
  return { kind: "keyed", keyed: { key, units, images, containers, pins, ...part } };
}

function tooLong(length: number, indexes: number): string {
  return `Each of its ${indexes} keys is made from ${length} characters of its Pod and the list of its input files; together ${mostText} are looked at.`;
}

function refusedFor(inputs: readonly string[]): KeysResult {
  const { key } = annotations["input-uri"];
  const reasons = inputs.map((input) => `${key}: it is not known what is in ${input}.`);
  return { kind: "refused", reasons };
}

function indexesOf(workload: Workload): readonly (number | undefined)[] {
  if (isPod(workload)) return [undefined];
  const { completionMode, completions } = (workload.object as V1Job).spec ?? {};
  return completionMode === "Indexed" ? Array.from({ length: completions ?? 1 }, (_, i) => i) : [undefined];
}

function outputOf({ output: named, run }: StepPlan, index: number | undefined): MemoTag {
  const output = named as Artifact;
  const made = index === undefined ? output : withIndex(output, index);
  // A step whose output is not known is refused before.
  if (isOpen(made)) throw new Error(`the name of the output is not known: ${made.repository}${made.version}`);
  const values = index === undefined ? {} : { JOB_COMPLETION_INDEX: `${index}` };
  const written = run && withValues(run.output, values);
  return { repository: made.repository, tag: made.version.slice(1), ...(written && { written }) };
}
