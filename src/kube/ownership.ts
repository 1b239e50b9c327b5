import { names } from "../../schema/names.ts";
import type { ManagedFields } from "./objects.ts";

/** A set of fields as the API server writes it (FieldsV1): `f:name`, `k:{key of a list's element}`, `v:value`, `.` */
type FieldSet = { readonly [field: string]: FieldSet };

/** What another field manager set. */
export interface ForeignFields {
  /** Its name, such as `kubectl-edit`. */
  readonly manager: string;
  /** The way that it took, such as `scale`; undefined for the object itself. */
  readonly subresource: string | undefined;
  /** The topmost fields that it set, such as `.spec.template.spec.containers[name="x"]`. */
  readonly fields: readonly string[];
}

/** Which fields below the spec are taken over. */
export interface Takeover {
  /** Paths that stay with the manager that set them, such as `spec.template.metadata.annotations`. */
  readonly except: readonly string[];
}

/**
 * What others set in an object's spec.
 *
 * @param entries - the object's `metadata.managedFields`
 * @param takeover - which fields count
 * @returns one element for each manager that set any
 */
export function foreignFields(entries: readonly ManagedFields[], takeover: Takeover): ForeignFields[] {
  return entries.flatMap((entry) => {
    const theirs = isOurApply(entry) ? undefined : split(entry, takeover)?.taken;
    if (theirs === undefined) return [];
    const { manager = "unknown", subresource } = entry;
    return [{ manager, subresource: subresource || undefined, fields: pathsIn(theirs, "") }];
  });
}

/**
 * The managed fields that `foreignFields` looks at: those of others, who seldom set any. `takeOver` needs them all.
 *
 * @param entries - the object's `metadata.managedFields`
 */
export function foreignEntries(entries: readonly ManagedFields[]): ManagedFields[] {
  return entries.filter((entry) => !isOurApply(entry) && entry.subresource !== "status");
}

/**
 * Managed fields in which everything that others set in the spec belongs to the operator. The next server-side apply
 * then removes what it does not contain, and the API server fills in defaults again. Flux corrects drift the same way.
 * What is set through another subresource (`scale`) stays: the next apply has it too, and takes it by force.
 * https://github.com/fluxcd/pkg/blob/main/ssa/patch.go
 *
 * @param entries - the object's `metadata.managedFields`
 * @param takeover - which fields are taken over
 */
export function takeOver(entries: readonly ManagedFields[], takeover: Takeover): ManagedFields[] {
  const ours = entries.find((entry) => isOurApply(entry));
  let fields = (ours?.fieldsV1 ?? {}) as FieldSet;
  const others: ManagedFields[] = [];
  for (const entry of entries) {
    if (entry === ours) continue;
    const isSame = !entry.subresource;
    const parts = isSame ? split(entry, takeover) : undefined;
    if (parts === undefined) {
      others.push(entry);
      continue;
    }
    fields = union(fields, parts.taken);
    if (parts.kept) others.push({ ...entry, fieldsV1: parts.kept });
  }
  const [sample] = entries;
  return [...others, { ...sample, ...ours, ...identity, fieldsV1: fields }];
}

const identity = { manager: names.fieldManager, operation: "Apply", subresource: "" };

function isOurApply(entry: ManagedFields): boolean {
  const { manager, operation, subresource } = identity;
  return (
    entry.manager === manager && entry.operation === operation && (entry.subresource ?? "") === subresource
  );
}

/** What of a foreign entry is taken over and what stays; undefined if nothing of it is taken. */
function split(
  entry: ManagedFields,
  takeover: Takeover,
): { taken: FieldSet; kept: FieldSet | undefined } | undefined {
  const field = "f:spec";
  const { [field]: below, ...rest } = (entry.fieldsV1 ?? {}) as FieldSet;
  if (below === undefined) return undefined;
  const excepted = takeover.except.map((path) => path.split(".").map((name) => `f:${name}`));
  const { inside, outside } = divide({ [field]: below }, excepted);
  if (outside === undefined) return undefined;
  const kept = { ...rest, ...inside };
  return { taken: outside, kept: Object.keys(kept).length > 0 ? kept : undefined };
}

/** Divides a set by paths: what is at or below one of them, and the rest. */
function divide(
  set: FieldSet,
  paths: readonly (readonly string[])[],
): { inside: FieldSet | undefined; outside: FieldSet | undefined } {
  const inside: Record<string, FieldSet> = {};
  const outside: Record<string, FieldSet> = {};
  for (const [field, below] of Object.entries(set)) {
    const here = paths.filter(([first]) => first === field).map((path) => path.slice(1));
    if (here.length === 0) outside[field] = below;
    else if (here.some((rest) => rest.length === 0)) inside[field] = below;
    else {
      const parts = divide(below, here);
      if (parts.inside) inside[field] = parts.inside;
      if (parts.outside) outside[field] = parts.outside;
    }
  }
  const some = (fields: Record<string, FieldSet>) => (isBare(fields) ? undefined : fields);
  return { inside: some(inside), outside: some(outside) };
}

/** `.` alone says that the object itself was made, with nothing in it. */
function isBare(fields: FieldSet): boolean {
  return Object.keys(fields).every((field) => field === ".");
}

function union(a: FieldSet, b: FieldSet): FieldSet {
  const merged: Record<string, FieldSet> = { ...a };
  for (const [field, below] of Object.entries(b)) merged[field] = union(merged[field] ?? {}, below);
  return merged;
}

/** The topmost fields of a set as paths: an element that was added is named as a whole. */
function pathsIn(set: FieldSet, at: string): string[] {
  return Object.entries(set).flatMap(([field, below]) => {
    if (field === ".") return [];
    const path = at + stepOf(field);
    return isBare(below) || (field.startsWith("k:") && "." in below) ? [path] : pathsIn(below, path);
  });
}

function stepOf(field: string): string {
  const content = field.slice(2);
  if (field.startsWith("f:")) return `.${content}`;
  if (!field.startsWith("k:")) return `[${content}]`;
  const key = JSON.parse(content) as Record<string, unknown>;
  return `[${Object.entries(key).map(([name, value]) => `${name}=${JSON.stringify(value)}`)}]`;
}
