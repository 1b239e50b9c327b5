import type { Deletion, Kept, KeptReason, Plan } from "./facts.ts";
import type { SweepPass } from "./read.ts";

/** What a pass came to. */
export interface Done {
  readonly plan: Plan;
  /** What was deleted of it. */
  readonly deleted: readonly Deletion[];
  /** How often something was pushed again, or needed by a step that came meanwhile. */
  readonly spared: number;
  readonly sweep: SweepPass;
  readonly seconds: number;
}

/** Names in a message. */
const mostNames = 20;

const keptWords: Readonly<Record<KeptReason, string>> = {
  noRule: "no rule is for them",
  keepLast: "among the last",
  keepYoungerThan: "young",
  keepPulledWithin: "pulled or pushed lately",
  pullsUnknown: "perhaps pulled lately",
  ageUnknown: "of unknown age",
  annotation: "to keep by annotation",
  inUse: "in use by steps",
  named: "needed by others",
  recent: "pushed lately",
  remembered: "results of steps that may be taken again",
  maxSize: "within maxSize",
};

/** What a pass did, in sentences. */
export function doneWords({ plan, deleted, spared, sweep, seconds }: Done): string {
  const more =
    spared === 0
      ? ""
      : ` ${plural(spared, "time")} something was left that was pushed again or is used by now.`;
  return `Deleted ${counted(deleted)}${byRule(deleted)}; freed ${size(sweep.freed)} in ${Math.round(seconds)} s.${more} ${keptSentence(plan.kept)}`;
}

/** What a pass would do, in sentences. */
export function plannedWords({ deletions, kept, bytes }: Plan): string {
  const names = deletions.flatMap(namesOf);
  const rest = names.length > mostNames ? ` and ${names.length - mostNames} more` : "";
  const which = names.length === 0 ? "" : `: ${names.slice(0, mostNames).join(", ")}${rest}`;
  const room = size(bytes.before - bytes.after);
  return `spec.retention.dryRun is true: nothing is deleted. ${counted(deletions)} of ${room} would be${byRule(deletions)}${which}. ${keptSentence(kept)}`;
}

/** How much is deleted. */
export function counted(deletions: readonly Deletion[]): string {
  const tags = deletions.reduce((sum, one) => sum + one.tags.length, 0);
  const manifests = deletions.filter(({ whole }) => whole).length;
  return `${plural(tags, "tag")} and ${plural(manifests, "manifest")}`;
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function byRule(deletions: readonly Deletion[]): string {
  const counts = Map.groupBy(deletions, ({ rule }) =>
    rule === undefined ? "without a tag" : `rule ${rule}`,
  );
  if (counts.size === 0) return "";
  return ` (${[...counts]
    .map(([rule, all]) => `${rule}: ${all.length}`)
    .sort()
    .join(", ")})`;
}

/** What stays, and why. */
export function keptSentence(kept: readonly Kept[]): string {
  const counts = [...Map.groupBy(kept, ({ reason }) => reason)].sort(([, a], [, b]) => b.length - a.length);
  if (counts.length === 0) return "Nothing else is there.";
  return `Kept: ${counts.map(([reason, all]) => `${all.length} ${keptWords[reason]}`).join(", ")}.`;
}

function namesOf({ repository, digest, tags, whole }: Deletion): string[] {
  if (tags.length > 0) return tags.map(({ name }) => `${repository}:${name}`);
  return whole ? [`${repository}@${digest.slice(0, 19)}`] : [];
}

/** As `ls -h` has it. */
function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const exponent = Math.min(Math.max(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), 0), units.length - 1);
  const amount = bytes / 1024 ** exponent;
  return `${exponent === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${units[exponent]}`;
}
