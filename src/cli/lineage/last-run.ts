import type { V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { parseReference } from "../../annotations/reference.ts";
import { cacheIn, pushesOf } from "../../controllers/outcomes.ts";
import { type Change, changesBetween } from "../../lineage/changes.ts";
import { nameOf } from "../../lineage/choose-statement.ts";
import type { OpenRegistry } from "../remote/open.ts";
import { type Statement, statementsAbout } from "./statements.ts";

/** What a run has made, and what differs from the run before. */
export interface LastRun {
  readonly artifact: string;
  readonly digest: string;
  /** What the run before made; undefined where nothing tells of one. */
  readonly before?: { readonly digest: string; readonly finishedOn?: string };
  /** Empty where all that is recorded was the same. */
  readonly changes: readonly Change[];
}

/** A push of a step that went to the cache of its namespace. */
export interface OwnPush {
  readonly artifact: string;
  readonly repository: string;
  readonly digest: string;
  /** What the tag had before. */
  readonly replaced?: string | undefined;
  readonly invocation?: string | undefined;
}

/**
 * The latest push of a step to its cache, as its Pods say.
 *
 * @param pods - of the step
 */
export function latestPush(pods: readonly V1Pod[]): OwnPush | undefined {
  const pushes = pods.flatMap((pod) => {
    const { namespace = "", labels, uid: invocation } = pod.metadata ?? {};
    const isUsed = (name: string) => name === labels?.[names.usesCacheLabel];
    return pushesOf(pod).flatMap((push) => {
      const path = cacheIn(push.artifact, namespace, isUsed)?.path;
      return path === undefined ? [] : [{ ...push, artifact: path, invocation }];
    });
  });
  const last = pushes.sort((a, b) => a.finishedAt.getTime() - b.finishedAt.getTime()).at(-1);
  return last && { ...last, repository: parseReference(last.artifact).repository };
}

/**
 * What differs between the run that has made something and the one before.
 *
 * @param open - the registry
 * @param push - of the later run
 * @returns undefined where nothing tells how it was made
 */
export async function lastRunOf(
  { registry, prefix }: OpenRegistry,
  push: OwnPush,
): Promise<LastRun | undefined> {
  const { artifact, digest, replaced, invocation } = push;
  const about = (of: string) => statementsAbout(registry, prefix + push.repository, of);
  const all = await about(digest);
  const now =
    all.find((one) => one.invocation === invocation) ??
    all.find((one) => nameOf(one) === prefix + artifact) ??
    all[0];
  if (now === undefined) return undefined;
  const sameStep = (one: Statement) => one !== now && one.step === now.step;
  const earlier = [...all, ...(replaced === undefined ? [] : await about(replaced))].filter(sameStep);
  const time = ({ finishedOn = "" }: Statement) => finishedOn;
  const [before] = earlier
    .filter((one) => time(one) <= time(now))
    .sort((a, b) => (time(a) > time(b) ? -1 : 1));
  if (before === undefined) return { artifact, digest, changes: [] };
  return {
    ...{ artifact, digest },
    before: {
      digest: all.includes(before) ? digest : (replaced ?? ""),
      ...(before.finishedOn !== undefined && { finishedOn: before.finishedOn }),
    },
    changes: changesBetween(before, now),
  };
}
