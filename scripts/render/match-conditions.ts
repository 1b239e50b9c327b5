import { allNames } from "./names.ts";
import { header, literal, type Rendered, type Source } from "./schema.ts";

interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

/**
 * CEL that keeps every object away from the webhook that it has nothing to do for. Creation: annotated and not
 * injected yet. Update: injected, and the containers changed (`kubectl apply` sets the command back).
 */
export function matchConditions(source: Source): { pods: MatchCondition[]; jobs: MatchCondition[] } {
  const names = allNames(source);
  const prefix = JSON.stringify(names["prefix"]);
  const marker = JSON.stringify(names["markerAnnotation"]);
  const annotated = (metadata: string) =>
    `(has(${metadata}.annotations) && ${metadata}.annotations.exists(k, k.startsWith(${prefix}) && k != ${marker}))`;
  const marked = (metadata: string) =>
    `(has(${metadata}.annotations) && ${marker} in ${metadata}.annotations)`;
  const template = "object.spec.template";
  const templateAnnotated = `(has(${template}.metadata) && ${annotated(`${template}.metadata`)})`;
  const when = (create: string, containers: string) =>
    `request.operation == "CREATE" ? ${create} && !${marked("object.metadata")} : ${marked("object.metadata")} && object.${containers} != oldObject.${containers}`;
  return {
    pods: [
      {
        name: "not-a-mirror-pod",
        expression: `!has(object.metadata.annotations) || !("kubernetes.io/config.mirror" in object.metadata.annotations)`,
      },
      { name: "annotated", expression: when(annotated("object.metadata"), "spec.containers") },
    ],
    jobs: [
      {
        name: "annotated",
        expression: when(
          `(${annotated("object.metadata")} || ${templateAnnotated})`,
          "spec.template.spec.containers",
        ),
      },
    ],
  };
}

/** Renders the match conditions for TypeScript. */
export function renderMatchConditions(source: Source): Rendered {
  return {
    path: "generated/match-conditions.ts",
    content: `${header(source)}/** CEL expressions of the two webhooks. */\nexport const matchConditions = ${literal(matchConditions(source))} as const;\n`,
  };
}
