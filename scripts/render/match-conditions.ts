import { names } from "../../schema/names.ts";
import { workloadKinds } from "../../src/workload/read.ts";
import type { WorkloadKind } from "../../src/workload/workload.ts";

interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

/**
 * CEL that keeps every object away from the webhook that it has nothing to do for, by the resource. Creation: annotated
 * and not injected yet. Update: injected, and the containers changed (`kubectl apply` sets the command back).
 */
export function matchConditions(): Record<string, MatchCondition[]> {
  return Object.fromEntries(workloadKinds.map((kind) => [kind.plural, conditionsOf(kind)]));
}

function conditionsOf({ template, unless }: WorkloadKind): MatchCondition[] {
  const prefix = JSON.stringify(names.prefix);
  const marker = JSON.stringify(names.markerAnnotation);
  const annotated = (metadata: string) =>
    `(has(${metadata}.annotations) && ${metadata}.annotations.exists(k, k.startsWith(${prefix}) && k != ${marker}))`;
  const marked = `(has(object.metadata.annotations) && ${marker} in object.metadata.annotations)`;
  const below = ["object", ...template].join(".");
  const either =
    template.length === 0
      ? annotated("object.metadata")
      : `(${annotated("object.metadata")} || (has(${below}.metadata) && ${annotated(`${below}.metadata`)}))`;
  const containers = [...template, "spec", "containers"].join(".");
  const expression = `request.operation == "CREATE" ? ${either} && !${marked} : ${marked} && object.${containers} != oldObject.${containers}`;
  return [
    ...Object.entries(unless ?? {}).map(([name, condition]) => ({ name, expression: condition })),
    { name: "annotated", expression },
  ];
}
