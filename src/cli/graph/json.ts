import type { Graph } from "../../lineage/graph.ts";
import { formatData } from "../show/output.ts";

/**
 * A graph for programs: every step and artifact, nothing folded. docs/cli.md says what the fields mean.
 *
 * @param graph - who makes what from what
 * @param namespace - of all steps
 */
export function formatJson({ steps, artifacts, cycles }: Graph, namespace: string): string {
  return formatData({ namespace, steps: steps.map(({ stem, ...step }) => step), artifacts, cycles }, "json");
}
