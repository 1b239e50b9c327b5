import { isDeepStrictEqual } from "node:util";
import { names } from "../../schema/names.ts";

/** A Pod or a Job, as far as the contract is about it. */
export interface Step {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly suspend?: boolean;
    readonly activeDeadlineSeconds?: number;
    readonly schedulingGates?: readonly { readonly name: string }[];
    readonly template?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
    }[];
  };
}

const failures = ["InputNeverCame", "InputProducerFailed"];

/**
 * Whether a write of a step is one of those that the operator makes for gates, or ends it; told from the objects, in
 * another way than the policies do.
 *
 * @param before - as it was stored: it has the labels of what is injected, and waits
 * @param after - as the API server would store it
 */
export function isContract(before: Step, after: Step): boolean {
  if (!isDeepStrictEqual(others(before, after), others(after, after))) return false;
  const label = (step: Step) => step.metadata.labels?.[names.waitingLabel];
  if (label(after) !== label(before) && label(after) !== "false") return false;
  if (![isContractOfMemo, keepsKueue].every((isKept) => isKept(before, after))) return false;
  const deadline = (step: Step) => step.spec.activeDeadlineSeconds;
  if (before.spec.template) {
    if (deadline(before) !== deadline(after)) return false;
    if (after.spec.suspend === true && before.spec.suspend !== true) return false;
  } else if (deadline(before) !== deadline(after)) {
    if ((deadline(after) ?? Number.POSITIVE_INFINITY) > (deadline(before) ?? Number.POSITIVE_INFINITY))
      return false;
  }
  const types = (step: Step) => (step.status?.conditions ?? []).map(({ type }) => type);
  return types(before).every((type) => types(after).includes(type));
}

/** The steps of these tests have no claim: none takes a result. What is written of results has a form. */
function isContractOfMemo(before: Step, after: Step): boolean {
  const noted = (step: Step, name: string) => step.metadata.annotations?.[name];
  const { memoKeyAnnotation: key, memoClaimAnnotation: claim } = names;
  const isFormed = (name: string, form: RegExp) => {
    const value = noted(after, name);
    return value === undefined || value === noted(before, name) || form.test(value);
  };
  return (
    isFormed(key, /^[0-9a-f]{64}$/) &&
    isFormed(claim, /^[0-9a-f]{64} sha256:[0-9a-f]{64} (none|sha256:[0-9a-f]{64}) ./)
  );
}

/** Whether what Kueue waits for is as it was, but for the operator's own name. */
function keepsKueue(before: Step, after: Step): boolean {
  const text = ({ metadata }: Step) => metadata.annotations?.[names.kueueGatesAnnotation] ?? "";
  const all = (step: Step) =>
    text(step)
      .split(/ *, */)
      .filter((name) => name !== "");
  const left = all(before).filter((name) => name !== names.inputsGate);
  return text(after) === text(before) || isDeepStrictEqual(all(after), left);
}

/** What of a step is to be as it was, where a write gave it this result. */
function others(step: Step, after: Step): object {
  const copy = structuredClone(step) as unknown as Record<string, Record<string, unknown>>;
  const { metadata = {}, spec = {}, status = {} } = copy;
  for (const key of ["managedFields", "generation", "resourceVersion"]) delete metadata[key];
  drop(metadata, "labels", [names.waitingLabel]);
  drop(metadata, "annotations", [
    ...[names.waitingForAnnotation, names.inputDigestsAnnotation, names.kueueGatesAnnotation],
    ...[names.memoKeyAnnotation, names.memoClaimAnnotation],
  ]);
  delete spec["suspend"];
  delete spec["activeDeadlineSeconds"];
  const gates = (step.spec.schedulingGates ?? []).filter(({ name }) => name !== names.inputsGate);
  spec["schedulingGates"] = gates;
  const template = spec["template"] as { metadata: Record<string, unknown> } | undefined;
  if (template) drop(template.metadata, "annotations", [names.inputDigestsAnnotation]);
  const fails = after.status?.conditions?.find(
    ({ type, status: value, reason }) =>
      value === "True" && failures.includes(type === "FailureTarget" ? (reason ?? "") : type),
  );
  const ofFailure = fails ? [fails.type, "PodScheduled"] : [];
  if (fails) {
    for (const key of fails.type === "FailureTarget" ? ["startTime"] : ["reason", "message"])
      delete status[key];
    if (after.status?.phase === "Failed") delete status["phase"];
  }
  const conditions = (step.status?.conditions ?? []).filter(
    ({ type }) => ![names.inputsAvailable, ...ofFailure].includes(type),
  );
  return { ...copy, status: { ...status, conditions } };
}

/** Removes some keys of a map; one that is empty then is as one that is absent. */
function drop(parent: Record<string, unknown>, field: string, keys: readonly string[]): void {
  const map = { ...(parent[field] as object | undefined) } as Record<string, unknown>;
  for (const key of keys) delete map[key];
  parent[field] = map;
}
