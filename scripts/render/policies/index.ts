import { manifest } from "../install.ts";
import type { Rendered, Schema } from "../schema.ts";
import { annotationPolicies } from "./annotations.ts";
import { cachePolicies } from "./caches.ts";
import { operatorPolicies } from "./operator.ts";

/** Renders the ValidatingAdmissionPolicies for config/ and for the chart, which has a switch for each group. */
export function renderPolicies(schema: Schema): Rendered[] {
  const groups = {
    confineOperator: operatorPolicies(schema),
    annotations: [...annotationPolicies(schema), ...cachePolicies(schema)],
  };
  return [
    manifest("config/policies/operator.yaml", groups.confineOperator),
    manifest("config/policies/annotations.yaml", groups.annotations),
    manifest("chart/files/policies.yaml", [groups]),
  ];
}
