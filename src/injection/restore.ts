import { isDeepStrictEqual } from "node:util";
import type { V1Container } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { isOurs } from "../annotations/keys.ts";
import { readWorkload } from "../workload/read.ts";
import { ownAnnotations, putBack, type Workload, type WorkloadKind } from "../workload/workload.ts";
import type { Verdict } from "./admission-types.ts";
import { patchBetween } from "./apply.ts";
import { parseMarker } from "./marker.ts";
import { untouched } from "./verdicts.ts";

/**
 * `kubectl apply` of a manifest that was injected sets the launcher's command back to the manifest's, which the
 * API server refuses as a change of an immutable field. Where the program is still the same, the injection is
 * put back; where it is another one, nothing is done and the API server says so.
 *
 * @param kind - what is updated
 * @param object - as submitted, carrying the marker
 * @param oldObject - as stored
 */
export function restoreInjection(kind: WorkloadKind, object: unknown, oldObject: unknown): Verdict {
  const submitted = readWorkload(kind, object);
  const old = readWorkload(kind, oldObject);
  // The API server validates after admission: it says itself what is wrong with such an object.
  if ("expected" in submitted || "expected" in old) return untouched();
  const marker = parseMarker(ownAnnotations(submitted)?.[names.markerAnnotation]);
  if (marker === undefined) return untouched();

  const { spec } = submitted.template;
  const stored = old.template.spec;
  const wrapped = new Set(marker.containers);
  const byName = new Map(stored.containers.map((container) => [container.name, container]));
  const containers = spec.containers.map((container) => {
    const injected = byName.get(container.name);
    return wrapped.has(container.name) && injected && runsTheSame(container, injected)
      ? rewrap(container, injected)
      : container;
  });
  const changed = containers.some((container, i) => container !== spec.containers[i]);
  const warnings = annotationsDiffer(submitted, old)
    ? ["annotations of an object that runs already have no effect; delete it and create it again"]
    : [];
  if (!changed) return untouched(warnings);
  const after = putBack(submitted, { ...submitted.template, spec: { ...spec, containers } });
  return { kind: "allowed", patch: patchBetween(submitted.object, after), warnings, outcome: "restored" };
}

/** Whether a container as submitted would run the program that the injected one runs. */
function runsTheSame(container: V1Container, injected: V1Container): boolean {
  const program = programOf(injected);
  if (program === undefined) return false;
  // A manifest without a command leaves the injected one in place: its image's ENTRYPOINT stands before its args.
  if (isDeepStrictEqual(container.command, injected.command)) {
    const own = container.args ?? [];
    return own.length > 0 && isDeepStrictEqual(program.slice(-own.length), own);
  }
  // A manifest without args leaves the injected ones in place when it is applied.
  const args = isDeepStrictEqual(container.args, injected.args) ? [] : (container.args ?? []);
  return isDeepStrictEqual([...(container.command ?? []), ...args], program);
}

/** The program's argument vector: our options come in pairs, then `--`, then the program as it was. */
function programOf(injected: V1Container): string[] | undefined {
  const args = injected.args ?? [];
  if (injected.command?.at(-1)?.endsWith("entrypoint.sh")) return args.slice(3); // <pipe> <input-path> <output-path>
  for (let i = 0; i < args.length; i += 2) if (args[i] === "--") return args.slice(i + 1);
  return undefined;
}

function rewrap(container: V1Container, injected: V1Container): V1Container {
  const { command, args } = injected;
  return { ...container, ...(command ? { command } : {}), ...(args ? { args } : {}) };
}

function annotationsDiffer(a: Workload, b: Workload): boolean {
  const ours = (workload: Workload) =>
    Object.entries(ownAnnotations(workload) ?? {})
      .filter(([key]) => isOurs(key))
      .sort(([x], [y]) => (x < y ? -1 : 1));
  return !isDeepStrictEqual(ours(a), ours(b));
}
