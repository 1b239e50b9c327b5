import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { HeadResult, WaitResult } from "../workflow/opening.ts";
import { namespaceLabels } from "./namespace-labels.ts";

const minute = 60;
const hour = 60 * minute;
const nobody = (): Iterable<string> => [];

/** What is told and counted of steps that wait for their inputs; by the leader alone. */
export function waitingMetrics(registers: Registry[]) {
  let waiting = nobody;
  new Gauge({
    name: "oras_operator_steps_waiting",
    help: "Jobs and Pods that the operator holds until their inputs are there. Namespaces after the first 1,000 are counted as <other>.",
    labelNames: ["namespace"],
    registers,
    collect() {
      this.reset();
      const labelOf = namespaceLabels();
      for (const namespace of waiting()) this.inc({ namespace: labelOf(namespace) });
    },
  });
  const waited = new Histogram({
    name: "oras_operator_step_waited_seconds",
    help: "How long steps waited for their inputs, from their creation, and how it ended: Opened, OpenedByHand, Memoized (it took a result and did not run), InputNeverCame or InputProducerFailed.",
    labelNames: ["result"],
    buckets: [1, 5, 15, minute, 5 * minute, 15 * minute, hour, 4 * hour, 24 * hour, 7 * 24 * hour],
    registers,
  });
  const heads = new Counter({
    name: "oras_operator_input_checks_total",
    help: "How often an input that steps wait for was looked for: there, missing, unknown (the registry does not answer) or refused (the operator may not ask).",
    labelNames: ["result"],
    registers,
  });
  return {
    /** From now on this replica leads, and tells of the namespaces of these, one for each step. */
    tellOfWaiting: (namespaces: () => Iterable<string>) => {
      waiting = namespaces;
    },
    /** It leads no longer. */
    forgetWaiting: () => {
      waiting = nobody;
    },
    observeWait: (result: WaitResult, seconds: number) => waited.observe({ result }, seconds),
    countHead: (result: HeadResult) => heads.inc({ result }),
  };
}
