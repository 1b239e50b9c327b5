import type { Facts, Subject } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { ofCache } from "./of-cache.ts";
import { ofStep } from "./of-step.ts";

/**
 * What is to be said of a cache or a step: what is wrong with it, what it waits for, and what to do. The first matters most.
 *
 * @param facts - what was read
 * @param kind - what it is about
 */
export function findingsOf(facts: Facts, kind: Subject["kind"]): readonly Finding[] {
  return kind === "cache" ? ofCache(facts) : ofStep(facts);
}
