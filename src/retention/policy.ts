import { secondsOf } from "../annotations/duration.ts";
import { amountOf } from "../annotations/quantity.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import type { Policy } from "./facts.ts";

type Spec = NonNullable<StoredOrasCache["spec"]["retention"]>;

/** The policy of a spec as stored, in milliseconds and bytes. */
export function policyOf({ rules = [], maxSize, keepInputs, untaggedAfter, grace }: Spec): Policy {
  return {
    rules: rules.map(({ repositories, keepLast, keepYoungerThan, keepPulledWithin }) => ({
      repositories,
      keepLast,
      keepYoungerThan: keepYoungerThan === undefined ? undefined : msOf(keepYoungerThan),
      keepPulledWithin: keepPulledWithin === undefined ? undefined : msOf(keepPulledWithin),
    })),
    maxSize: maxSize === undefined ? undefined : amountOf(maxSize),
    keepInputs,
    untaggedAfter: msOf(untaggedAfter),
    grace: msOf(grace),
  };
}

function msOf(duration: string): number {
  return secondsOf(duration) * 1000;
}
