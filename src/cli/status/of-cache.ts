import { names } from "../../../schema/names.ts";
import type { Verdict } from "../../cache/conditions.ts";
import { conditionOf } from "../../cache/status.ts";
import { lowVerdict } from "../../cache/storage-status.ts";
import { troubleOf } from "../../cache/trouble.ts";
import type { OrasCache, StoredOrasCache } from "../../cache/types.ts";
import type { Room } from "../../cache/usage.ts";
import { storageNow } from "../remote/fullness.ts";
import type { Facts } from "./facts.ts";
import { type Finding, good, withFix } from "./finding.ts";

/** Conditions in which something is wrong when they are True. */
const wrongWhenTrue = [
  ...(["Degraded", "NodeLost", "StorageLost", "StorageLow"] as const),
  ...(["Open", "UpdatePending", "Rotating"] as const),
] as const;
const badWhenTrue: readonly string[] = ["Degraded", "NodeLost", "StorageLost"];

function levelOf(type: string, reason: string): Finding["level"] {
  if (badWhenTrue.includes(type) || reason === "RefusesSteps") return "bad";
  return type === "StorageLow" ? "note" : "waits";
}

/** What is wrong with a cache, or that nothing is. */
export function ofCache({
  cache,
  cacheName,
  namespace,
  pods,
  keeperFails,
  operatorSilent,
  room,
}: Facts): readonly Finding[] {
  if (cache === undefined) {
    const text = `There is no ${names.kind} ${cacheName} in the namespace ${namespace}.`;
    return [{ level: "bad", text, ...withFix("CacheNotFound") }];
  }
  const { status } = cache;
  const ready = conditionOf(status, "Ready");
  if (cache.metadata?.deletionTimestamp !== undefined) return [leaving(cache)];
  const silence = operatorSilent === undefined ? [] : [withoutOperator(operatorSilent)];
  if (ready === undefined || ready.reason === "Pending") {
    const text = "The operator has not looked at it yet.";
    return silence.length > 0 ? silence : [{ level: "waits", text, ...withFix("Pending") }];
  }
  // The condition is as old as the operator's last look.
  const low = room === undefined ? undefined : lowNow(cache, room);
  const wrong = wrongWhenTrue.flatMap((type): Finding[] => {
    const condition = conditionOf(status, type);
    const found = type === "StorageLow" && room !== undefined ? low : condition;
    if (found?.status !== "True") return [];
    return [
      { level: levelOf(type, found.reason), text: `${type}: ${found.message}`, ...withFix(found.reason) },
    ];
  });
  wrong.unshift(...silence);
  if (keeperFails !== undefined) wrong.push(withoutKeeper(cacheName, keeperFails));
  if (ready.status === "True")
    return wrong.length > 0 ? [good(ready.message), ...wrong] : [good(ready.message)];
  const trouble = pods.map(troubleOf).find((each) => each !== undefined);
  const own: Finding = { level: "waits", text: ready.message, ...withFix(ready.reason) };
  const ofPod: Finding[] =
    trouble === undefined ? [] : [{ level: "bad", text: trouble.message, ...withFix(trouble.reason) }];
  return wrong.some(({ level }) => level === "bad") ? [...wrong, ...ofPod] : [own, ...ofPod, ...wrong];
}

function withoutOperator(since: string): Finding {
  return {
    level: "bad",
    text: `No operator runs: its Lease was last renewed ${since} ago. What is said here may be old.`,
    ...withFix("Pending"),
  };
}

/** Whether its volume is nearly full, as its keeper says now. */
function lowNow(cache: OrasCache, room: Room): Verdict | undefined {
  const { storage } = storageNow(cache, room);
  // Before the operator's first look nobody has counted.
  return storage?.artifacts === undefined ? undefined : lowVerdict(cache as StoredOrasCache, storage);
}

function withoutKeeper(cacheName: string, why: string): Finding {
  const container = names.keeperContainer;
  return {
    level: "bad",
    text:
      `The container ${container} of the Pod ${cacheName}-0 does not answer: ${why}. Pulls and pushes go on, but nothing is ` +
      "deleted or measured, and ls does not know when artifacts were pushed.",
    todo: `Read its log: kubectl logs ${cacheName}-0 -c ${container}. If that says nothing, look at its node and its volume.`,
  };
}

/** What a cache waits for that is being deleted. */
function leaving({ status, metadata }: NonNullable<Facts["cache"]>): Finding {
  const exported = conditionOf(status, "Exported");
  if (exported === undefined) {
    const others = (metadata?.finalizers ?? []).join(", ");
    return { level: "waits", text: `It is being deleted, and waits for who set its finalizers: ${others}.` };
  }
  const level = exported.reason === "ExportFailed" ? "bad" : "waits";
  return { level, text: `It is being deleted. ${exported.message}`, ...withFix(exported.reason) };
}
