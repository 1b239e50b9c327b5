import { manifest } from "../install.ts";
import type { Rendered } from "../schema.ts";
import { operatorPolicies } from "./operator.ts";

/** Renders the ValidatingAdmissionPolicies for config/ and for the chart, which has a switch for each group. */
export function renderPolicies(): Rendered[] {
  const groups = { confineOperator: operatorPolicies() };
  return [
    manifest("config/policies/operator.yaml", groups.confineOperator),
    manifest("chart/files/policies.yaml", [groups]),
  ];
}
