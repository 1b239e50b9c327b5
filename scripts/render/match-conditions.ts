import { names } from "../../schema/names.ts";
import { workloadKinds } from "../../src/workload/read.ts";
import type { WorkloadKind } from "../../src/workload/workload.ts";

interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}

/**
 * CEL that keeps every object away from the webhook that it has nothing to do for, by the resource.
 *
 * Creation: what is annotated or marked, and what carries an injection without having an owner (a copy) or with a native
 * sidecar behind it (a mesh came after a Job was injected). Update: what is stored with a marker, and changes where
 * something may have been lost.
 */
export function matchConditions(): Record<string, MatchCondition[]> {
  return Object.fromEntries(workloadKinds.map((kind) => [kind.plural, conditionsOf(kind)]));
}

function conditionsOf({ template, unless }: WorkloadKind): MatchCondition[] {
  const below = ["object", ...template].join(".");
  const onTemplate = `has(${below}.metadata) && ${anyKey(`${below}.metadata`)}`;
  const created = [
    anyKey("object.metadata"),
    ...(template.length > 0 ? [onTemplate] : []),
    `${carriesShare(`${below}.spec`)} && (!has(object.metadata.ownerReferences)${
      template.length > 0 ? "" : ` || ${sidecarLater("object.spec")}`
    })`,
  ];
  const changing = template.length > 0 ? template.join(".") : "spec";
  const marker = JSON.stringify(names.markerAnnotation);
  const marked = (metadata: string) => `has(${metadata}.annotations) && ${marker} in ${metadata}.annotations`;
  const lost = [
    `object.${changing} != oldObject.${changing}`,
    `!(${marked("object.metadata")})`,
    `object.metadata.annotations[${marker}] != oldObject.metadata.annotations[${marker}]`,
    ...(template.length > 0
      ? []
      : [
          "!has(object.metadata.labels)",
          "!has(oldObject.metadata.labels)",
          "object.metadata.labels != oldObject.metadata.labels",
        ]),
  ];
  const expression = `request.operation == "CREATE" ? ${anyOf(created)} : ${marked("oldObject.metadata")} && (${anyOf(lost)})`;
  return [
    ...Object.entries(unless ?? {}).map(([name, condition]) => ({ name, expression: condition })),
    { name: "annotated", expression },
  ];
}

/**
 * Any annotation under the prefix: an author's or the marker. CEL takes more than twice as long for twice as many keys,
 * seconds for tens of thousands: of so many the webhook has a look itself.
 */
function anyKey(metadata: string): string {
  const annotations = `${metadata}.annotations`;
  const ofPrefix = `${annotations}.exists(k, k.startsWith(${JSON.stringify(names.prefix)}))`;
  return `has(${annotations}) && (${annotations}.size() > ${mostKeysInCel} || ${ofPrefix})`;
}

const mostKeysInCel = 1000;

function carriesShare(spec: string): string {
  return `has(${spec}.volumes) && ${spec}.volumes.exists(v, v.name.startsWith(${JSON.stringify(names.shareVolume)}))`;
}

/** A native sidecar among the init containers, the last of which was not added by the operator. */
function sidecarLater(spec: string): string {
  const init = `${spec}.initContainers`;
  const last = `${init}[${init}.size() - 1].name.startsWith(${JSON.stringify(names.pullContainer)})`;
  return `has(${init}) && ${init}.exists(c, has(c.restartPolicy) && c.restartPolicy == "Always") && !${last}`;
}

function anyOf(conditions: readonly string[]): string {
  return conditions.map((condition) => `(${condition})`).join(" || ");
}
