import { isOurs } from "../../annotations/map.ts";
import { recordedInjection } from "../../injection/marker.ts";
import { stripInjection } from "../../injection/strip.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { readWorkload, workloadKinds } from "../../workload/read.ts";
import { asNew } from "../steps/as-new.ts";

/** Lists whose members have a name, and a value that may be a password. */
const namedValues = ["env", "httpHeaders"];

/**
 * A step as its author applied it, to be shown to others: what was injected is taken out, and so are values of environment
 * variables and of headers that probes send, and all annotations but the operator's.
 *
 * @param object - a Job or a Pod, as the API server has it
 * @returns undefined where somebody has changed what was injected, so that it cannot be taken out
 */
export function publicManifest(object: KubeObject): KubeObject | undefined {
  const kind = workloadKinds.find((known) => known.kind === object.kind);
  const workload = kind && readWorkload(kind, object);
  if (workload === undefined || "expected" in workload) return undefined;
  const stripped = stripInjection(workload, recordedInjection(workload.template.spec));
  if (!stripped.ok) return undefined;
  return withoutValues(asNew(stripped.value.object as KubeObject)) as KubeObject;
}

/** Annotations of others may have any of it once more: kubectl, kapp, Rancher and others note the manifest as it was applied. */
function withoutValues(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutValues);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      if (namedValues.includes(name)) return [[name, namesIn(member)]];
      const left = withoutValues(name === "annotations" ? ownOf(member) : member);
      return left === undefined ? [] : [[name, left]];
    }),
  );
}

function ownOf(annotations: unknown): unknown {
  const own = Object.entries(Object(annotations)).filter(([key]) => isOurs(key));
  return own.length === 0 ? undefined : Object.fromEntries(own);
}

function namesIn(list: unknown): unknown {
  if (!Array.isArray(list)) return withoutValues(list);
  return list.map(({ value: _, ...variable }: Readonly<Record<string, unknown>>) => variable);
}
