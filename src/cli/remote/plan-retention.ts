import { names } from "../../../schema/names.ts";
import { visible } from "../../annotations/problems.ts";
import type { StoredOrasCache } from "../../cache/types.ts";
import { rememberingOf } from "../../controllers/remembering.ts";
import { stepInputs } from "../../controllers/step-inputs.ts";
import type { Deletion, Plan } from "../../retention/facts.ts";
import { planOf } from "../../retention/plan.ts";
import { policyOf } from "../../retention/policy.ts";
import { nextTime, ownSchedule, parseSchedule } from "../../retention/schedule.ts";
import { keepList, selectionOf } from "../../retention/uses.ts";
import { counted, keptSentence } from "../../retention/words.ts";
import { exits } from "../exits.ts";
import { CliError, reasonOf } from "../output.ts";
import { formatData } from "../show/output.ts";
import { shortSize } from "../show/sizes.ts";
import { formatTable, unknown } from "../show/table.ts";
import { inventoryOf } from "./ask-keeper.ts";
import { findCache, nameOf } from "./find-cache.ts";
import { withRight } from "./rights.ts";
import { openSession, type Session, type Where } from "./session.ts";

/** What a pass would do, and when the next one is. */
export interface Planned {
  readonly plan: Plan;
  readonly next: Date | undefined;
  /** Why it would do nothing of it. */
  readonly but: string | undefined;
}

/**
 * Plans what retention would delete by now, as the operator does: with what the keeper says is there, and what the steps of the
 * namespace need. Nothing is deleted.
 *
 * @param name - of the cache; without it the only one
 * @param where - of the command
 */
export async function planRetention(name: string | undefined, where: Where): Promise<Planned> {
  const session = await openSession(where);
  try {
    const cache = (await findCache(session, name)) as StoredOrasCache;
    const { retention } = cache.spec;
    const shown = `cache ${nameOf(cache)} in the namespace ${session.namespace}`;
    if (retention === undefined)
      throw new CliError(`The ${shown} has no spec.retention: nothing of it is deleted.`, exits.usage);
    const keep = keepList(cache.metadata?.annotations?.[names.keepAnnotation] ?? "");
    if (!("hasTag" in keep)) {
      const message = `The annotation ${names.keepAnnotation} of the ${shown} cannot be read: nothing is deleted until it is corrected. "${keep[0]?.entry}" is not a repository with :tag or @sha256:… after it.`;
      throw new CliError(message, exits.failed);
    }
    const { manifests, pullsSince } = await asked(session, cache, shown);
    const uses = selectionOf(await usesOf(session));
    const now = session.client.now();
    const remembering = rememberingOf(cache, undefined);
    const plan = planOf(manifests, {
      ...{ policy: policyOf(retention), keep, uses, remembering, pullsSince, now },
    });
    const schedule = retention.schedule ?? ownSchedule(cache.metadata?.uid ?? "");
    const next = nextTime(parseSchedule(schedule), now);
    return { plan, next: next === undefined ? undefined : new Date(next), but: hindrance(cache) };
  } finally {
    session.close();
  }
}

async function asked(session: Session, cache: StoredOrasCache, shown: string) {
  try {
    return await inventoryOf(session, cache);
  } catch (error) {
    if (error instanceof CliError) throw error;
    const message = `The keeper of the ${shown} does not say what is there: ${reasonOf(error)}. It is a container of the registry's Pod, where the artifacts are on a volume or in S3; a Pod that an earlier version made gets it when it is restarted.`;
    throw new CliError(message, exits.unreachable, { cause: error });
  }
}

async function usesOf({ client, namespace }: Session): Promise<Iterable<string>> {
  const need = { verbs: ["list"], resource: "pods and jobs", namespace };
  return withRight(need, () => stepInputs(client, namespace, AbortSignal.timeout(60_000)));
}

function hindrance({ spec }: StoredOrasCache): string | undefined {
  if (spec.retention?.suspend) return "spec.retention.suspend is true";
  if (spec.suspend) return "spec.suspend is true";
  return spec.retention?.dryRun ? "spec.retention.dryRun is true" : undefined;
}

/**
 * The plan as text.
 *
 * @param planned - see there
 * @param format - of the text
 */
export function formatPlan({ plan, next, but }: Planned, format: "table" | "json" | "yaml" | "name"): string {
  const { deletions, kept, bytes } = plan;
  if (format === "json" || format === "yaml")
    return formatData({ ...plan, next: next?.toISOString(), but }, format);
  const rows = deletions.flatMap(rowsOf);
  if (format === "name") return rows.map(([name = ""]) => `${visible(name)}\n`).join("");
  const table = rows.length === 0 ? "" : `${formatTable(["ARTIFACT", "RULE", "WHY"], rows)}\n`;
  const what = `${counted(deletions)}, ${shortSize(bytes.before - bytes.after)} of ${shortSize(bytes.before)}`;
  const why = but ?? "no day is one of spec.retention.schedule";
  const sentence =
    but === undefined && next !== undefined
      ? `The next pass (${next.toISOString().slice(0, 16)}Z) deletes ${what}.`
      : `Nothing is deleted, because ${why}; otherwise a pass would delete ${what}.`;
  return `${table}${sentence} ${keptSentence(kept)}\n`;
}

function rowsOf({ repository, digest, tags, rule, reason }: Deletion): string[][] {
  const number = rule === undefined ? unknown : String(rule);
  const found = tags.length > 0 ? tags.map(({ name }) => `:${name}`) : [`@${digest}`];
  return found.map((version) => [`${repository}${version}`, number, reason]);
}
