import { type InputRecord, notFound, type ProducerState } from "./record.ts";

/** What the registry says of an input: a digest; that it is not there; or that the operator cannot know. */
export type Head =
  | { readonly digest: string }
  | { readonly missing: true }
  | { readonly unknown: string }
  /** A registry that the operator must not ask, or that does not let it in: the Pod waits itself. */
  | Refused;

/** Why a registry is not asked; and the Secret with the login for it, where the operator may not read that. */
export interface Refused {
  readonly refused: string;
  readonly unread?: UnreadSecret;
}

/** A Secret that the operator may not read. */
export interface UnreadSecret {
  readonly namespace: string;
  readonly name: string;
  /** What the API server says. */
  readonly because: string;
}

/** A step that makes an input. */
export interface Producer {
  readonly uid: string;
  /** Such as `Job split`. */
  readonly name: string;
  readonly createdAt: number;
  readonly state: "live" | "succeeded" | "failed";
  /** What it says that it has pushed, before it has ended. */
  readonly pushed?: string | undefined;
  /** Its tag has had that: another step may have written over it since. */
  readonly isWritten?: boolean;
  /** It says that it has ended without a push, such as one that pushes after a failure only. */
  readonly pushedNothing?: boolean;
  /** How it failed, such as `container main, exit code 3`, where that is known. */
  readonly failure?: string | undefined;
  /** Of one that failed because what makes its own input had failed: the first of all those that failed so. */
  readonly root?: Failure | undefined;
}

/** That a step is not going to push what another one waits for. */
export interface Failure {
  /** The step, such as `Job split`. */
  readonly by: string;
  /** What has become of it, such as `failed (container main, exit code 3)`. */
  readonly how: string;
  /** What is to be created again, where it is not the step alone. */
  readonly again?: string;
}

/** A step that pushes an input only if it fails. */
export type Leaver = Pick<Producer, "uid" | "name" | "state">;

/** What an input may be meant to be, and which step makes that. */
export interface Meant {
  readonly artifact: string;
  readonly by: string;
}

/** All that is known of an input when a step's opening is decided. */
export interface InputFacts {
  /** As messages name it. */
  readonly input: string;
  /** No earlier run can have made it. */
  readonly exact: boolean;
  readonly head: Head;
  readonly producers: readonly Producer[];
  /** Who would push it after a failure, oldest first. */
  readonly leavers?: readonly Leaver[];
  /** What steps of the namespace make that is nearly named as it. Asked for only where nobody makes it. */
  readonly meant?: () => Meant | undefined;
  /** Of before; undefined when the step is looked at for the first time. */
  readonly record: InputRecord | undefined;
}

/** What is known of an input, and of a step that would make it. */
export type InputVerdict =
  /** It is there; the word for `input-digests`, and whether an earlier run may have made it. */
  | {
      readonly kind: "there";
      readonly pin: string;
      readonly mayBeOld: boolean;
      readonly unread?: UnreadSecret;
    }
  | { readonly kind: "made"; readonly by: readonly Producer[] }
  | ({ readonly kind: "failed" } & Failure)
  | { readonly kind: "nobody"; readonly leaver?: Leaver; readonly meant?: Meant }
  | { readonly kind: "unknown"; readonly why: string };

/** The verdict on an input, and what is to be remembered of it. */
export interface InputDecision {
  readonly verdict: InputVerdict;
  readonly record: InputRecord;
}

/**
 * Decides about one input of a step that waits: it is there when its tag is, and no step that makes it has still to push
 * it. Of a step that ended without having been seen to push, or went unseen, it is not taken to be there, unless the tag
 * has another digest than when this step was created.
 *
 * @param facts - see there
 */
export function decideInput(facts: InputFacts): InputDecision {
  const { input, head, producers } = facts;
  const found = facts.record?.found ?? foundIn(head);
  const states = statesOf(facts);
  const kept = worthKeeping(states, producers);
  const last = nameOfLast(facts, states);
  const record: InputRecord = {
    input,
    ...(found === undefined ? {} : { found }),
    producers: kept,
    ...(last === undefined ? {} : { last }),
  };
  const live = producers.filter(({ uid, pushed }) => states[uid] === "live" && pushed === undefined);
  if (live.length > 0) return { record, verdict: { kind: "made", by: live } };
  return { record, verdict: verdictOf(facts, found, states) };
}

function foundIn(head: Head): string | undefined {
  if ("digest" in head) return head.digest;
  return "missing" in head ? notFound : undefined;
}

/**
 * With those that were seen before and are gone: what they have pushed is not known. A push counts when the tag has it:
 * distribution tells of it before.
 */
function statesOf(facts: InputFacts): Record<string, ProducerState> {
  const before = Object.entries(facts.record?.producers ?? {});
  const states = Object.fromEntries(
    before.map(([uid, state]): [string, ProducerState] => [uid, state === "live" ? "failed" : state]),
  );
  for (const producer of inOrder(facts.producers)) {
    const state = states[producer.uid];
    const isPushed = state === "pushed" || state === "earlier";
    states[producer.uid] = isPushed ? state : stateOf(producer, facts);
  }
  return states;
}

/**
 * Annotations have a longest size, of all together: a step has up to 64 inputs, and each of them takes about 60 bytes for a step
 * that makes it.
 */
const mostKept = 40;

/**
 * Of those that are gone only what counts: a CronJob may make many while a step waits. Of very many that are there the last: whether
 * the last one failed counts, and whether any has pushed.
 */
function worthKeeping(
  states: Readonly<Record<string, ProducerState>>,
  producers: readonly Producer[],
): Record<string, ProducerState> {
  const there = new Set(producers.map(({ uid }) => uid));
  const all = Object.entries(states);
  const lastPush = all.findLastIndex(([, state]) => state === "pushed");
  const counts = ([uid]: readonly [string, unknown], i: number) =>
    there.has(uid) || i === lastPush || i === all.length - 1;
  const kept = all.filter(counts);
  const isPush = ([uid]: readonly [string, unknown]) => uid === all[lastPush]?.[0];
  return Object.fromEntries(kept.filter((one, i) => i >= kept.length - mostKept || isPush(one)));
}

function stateOf(
  { uid, state, pushed, pushedNothing, isWritten }: Producer,
  { head, record }: InputFacts,
): ProducerState {
  if (state === "succeeded" && pushedNothing) return "failed";
  const isSeen = pushed !== undefined && "digest" in head && head.digest === pushed;
  if (state === "succeeded" || isSeen || (pushed !== undefined && isWritten))
    return record && !mayBeLeftOut(uid, record) ? "pushed" : "earlier";
  return state;
}

/** Of very many not all are remembered: one of the others may have pushed before. */
function mayBeLeftOut(uid: string, { producers }: InputRecord): boolean {
  return !(uid in producers) && Object.keys(producers).length >= mostKept;
}

function inOrder(producers: readonly Producer[]): Producer[] {
  return [...producers].sort((a, b) => a.createdAt - b.createdAt || (a.uid < b.uid ? -1 : 1));
}

function verdictOf(
  facts: InputFacts,
  found: string | undefined,
  states: Readonly<Record<string, ProducerState>>,
): InputVerdict {
  const { head, exact } = facts;
  const failed = failedOf(facts, states);
  if ("refused" in head) {
    const { unread } = head;
    return failed === undefined
      ? { kind: "there", pin: "wait", mayBeOld: false, ...(unread && { unread }) }
      : { kind: "failed", ...failed };
  }
  if ("unknown" in head) return { kind: "unknown", why: head.unknown };
  if (Object.values(states).includes("live")) return { kind: "unknown", why: "its tag is being written" };
  const isMoved = "digest" in head && head.digest !== found;
  if (failed !== undefined && !isMoved) return { kind: "failed", ...failed };
  if ("missing" in head) return nobodyOf(facts);
  const isPushed = Object.values(states).includes("pushed");
  return { kind: "there", pin: head.digest, mayBeOld: !exact && !isPushed && !isMoved };
}

/** That nobody makes it, and who might have been meant, or may still after a failure. */
function nobodyOf({ leavers = [], meant: find }: InputFacts): Extract<InputVerdict, { kind: "nobody" }> {
  const leaver = leavers.findLast(({ state }) => state === "live") ?? leavers.at(-1);
  if (leaver) return { kind: "nobody", leaver };
  const meant = find?.();
  return { kind: "nobody", ...(meant && { meant }) };
}

/** The step that was to make it last, if it failed. */
function failedOf(facts: InputFacts, states: Readonly<Record<string, ProducerState>>): Failure | undefined {
  const [uid, state] = Object.entries(states).at(-1) ?? [];
  if (state !== "failed") return undefined;
  const one = facts.producers.find((producer) => producer.uid === uid);
  if (one !== undefined) return failureOfProducer(one, facts.input);
  return { by: facts.record?.last ?? "a step", how: "is gone" };
}

/**
 * What has become of a step that was to push an artifact, and does not.
 *
 * @param producer - that has failed, or has ended without a push
 * @param input - as messages name it
 */
export function failureOfProducer(
  { name, state, failure, root }: Pick<Producer, "name" | "state" | "failure" | "root">,
  input: string,
): Failure {
  if (state === "succeeded") return { by: name, how: `succeeded without pushing ${input}` };
  if (root !== undefined)
    return {
      by: name,
      how: `failed, as ${root.by} ${root.how}`,
      again: `${root.by}, then ${name}`,
    };
  return { by: name, how: failure === undefined ? "failed" : `failed (${failure})` };
}

/** Of one that is gone it is what was written while it was there. */
function nameOfLast(
  { producers, record }: InputFacts,
  states: Readonly<Record<string, ProducerState>>,
): string | undefined {
  const uid = Object.keys(states).at(-1);
  return producers.find((producer) => producer.uid === uid)?.name ?? record?.last;
}

/** What is to be done with a step that waits. */
export type Opening =
  | { readonly kind: "open"; readonly pins: readonly string[] }
  | { readonly kind: "fail"; readonly reason: WaitFailure }
  /** `overdue`: why it would be ended, if the operator might. */
  | { readonly kind: "wait"; readonly againInMs: number | undefined; readonly overdue?: WaitFailure };

/** Why a step that waits is not to start any more. */
export type WaitFailure = "InputProducerFailed" | "InputNeverCame";

/** All that is known of a step when its opening is decided; times in milliseconds since 1970. */
export interface StepFacts {
  readonly now: number;
  readonly createdAt: number;
  readonly timeoutSeconds: number | undefined;
  readonly onProducerFailure: "wait" | "fail";
  /** Its status is the operator's to write, as far as it waits. */
  readonly mayEnd: boolean;
  /** Its author set wait-for-inputs to "false" while it waited. */
  readonly byHand: boolean;
  /** How many steps of its batch are not there yet; undefined where it is in none. */
  readonly missingOfBatch: number | undefined;
  /** When a step of the namespace was created last. */
  readonly lastArrival: number;
}

/** Steps that are applied together follow each other faster. */
const settleMs = 2_000;
/** Where steps are created all the time, none waits longer for others. */
const longestSettleMs = 60_000;

/**
 * Decides about a step that waits.
 *
 * @param step - see there
 * @param inputs - what was decided about each, in order
 */
export function decideOpening(step: StepFacts, inputs: readonly InputVerdict[]): Opening {
  const { now, createdAt } = step;
  if (step.byHand)
    return { kind: "open", pins: inputs.map((one) => (one.kind === "there" ? one.pin : "tag")) };
  const left = step.timeoutSeconds === undefined ? undefined : createdAt + step.timeoutSeconds * 1000 - now;
  const all = inputs.filter((one) => one.kind === "there");
  const settled = settledInMs(step, all);
  if (all.length === inputs.length && settled <= 0 && !step.missingOfBatch)
    return { kind: "open", pins: all.map(({ pin }) => pin) };
  const failure = failureOf(step, left, inputs);
  if (failure !== undefined && step.mayEnd) return { kind: "fail", reason: failure };
  const waits = [left ?? 0, settled].filter((ms) => ms > 0);
  const againInMs = waits.length > 0 ? Math.min(...waits) : undefined;
  return { kind: "wait", againInMs, ...(failure && { overdue: failure }) };
}

function failureOf(
  { onProducerFailure }: StepFacts,
  leftMs: number | undefined,
  inputs: readonly InputVerdict[],
): WaitFailure | undefined {
  if (onProducerFailure === "fail" && inputs.some(({ kind }) => kind === "failed"))
    return "InputProducerFailed";
  return leftMs !== undefined && leftMs <= 0 ? "InputNeverCame" : undefined;
}

/** Who says how many steps there are needs no guess. */
function settledInMs(step: StepFacts, there: readonly InputVerdict[]): number {
  const { now, createdAt, lastArrival } = step;
  const mayBeOld = there.some((one) => one.kind === "there" && one.mayBeOld);
  if (!mayBeOld || step.missingOfBatch !== undefined) return 0;
  return Math.min(lastArrival + settleMs, createdAt + longestSettleMs) - now;
}

/** What came of looking for an input, in a word for metrics. */
export type HeadResult = "there" | "missing" | "unknown" | "refused";

/** How a step's waiting ended, in a word for metrics. */
export type WaitResult = "Opened" | "OpenedByHand" | "Memoized" | WaitFailure;
