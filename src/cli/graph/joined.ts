import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { visible } from "../../annotations/problems.ts";
import { shortKey } from "../../memo/short-key.ts";
import { nameJoined } from "../../memo/told.ts";

/**
 * Names the steps that run and do the same work as others, which wait for their results: a condition says the key alone.
 *
 * @param jobs - of a namespace
 * @param pods - that none of these Jobs has made
 * @returns the message of a step that waits, with the name of the one that it waits for, where that is known
 */
export function joinedIn(jobs: readonly V1Job[], pods: readonly V1Pod[]): (message: string) => string {
  const running = new Map<string, string>();
  const add = (kind: string, all: readonly (V1Job | V1Pod)[]) => {
    for (const { metadata } of all) {
      const [key = "", word] = metadata?.annotations?.[names.memoKeyAnnotation]?.split(" ") ?? [];
      // A word says what has become of its result.
      if (key !== "" && word === undefined) running.set(shortKey(key), `${kind} ${metadata?.name}`);
    }
  };
  add("Pod", pods);
  add("Job", jobs);
  return (message) =>
    nameJoined(message, (key) => {
      const name = running.get(key);
      return name && visible(name);
    });
}
