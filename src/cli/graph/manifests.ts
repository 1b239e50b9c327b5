import { recordedInjection } from "../../injection/marker.ts";
import { stripInjection } from "../../injection/strip.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { readWorkload, workloadKinds } from "../../workload/read.ts";
import { asNew } from "../steps/as-new.ts";

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * A step as its author applied it, to be shown to others: what was injected is taken out, and so are values of environment
 * variables, wherever they stand.
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

/** What kubectl has noted of the manifest has them once more. */
function withoutValues(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutValues);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== lastApplied)
      .map(([name, member]) => [name, name === "env" ? namesIn(member) : withoutValues(member)]),
  );
}

function namesIn(env: unknown): unknown {
  if (!Array.isArray(env)) return withoutValues(env);
  return env.map(({ value: _, ...variable }: Readonly<Record<string, unknown>>) => variable);
}
