import fc from "fast-check";
import { names } from "../../schema/names.ts";
import { dependents } from "../../scripts/render/rules.ts";
import {
  component,
  type Dependent,
  inlined,
  mapValues,
  type Schema,
  type SchemaNode,
} from "../../scripts/render/schema.ts";
import { OrasCache } from "../../src/cache/model.ts";

/** OrasCaches by the schema: those that the API server accepts, and those that it refuses. */
export function cacheArbitraries(schema: Schema) {
  const spec = inlined(schema, component(schema, "OrasCacheSpec"));
  const name = inlined(schema, component(schema, "CacheName"));
  const validOrasCache = fc
    .record({ name: arbitraryOf(name), spec: arbitraryOf(spec) })
    .map(
      (drawn) =>
        new OrasCache({ metadata: { name: drawn.name as string }, spec: obeying(drawn.spec as Drawn) }),
    );
  const spoilt = [
    ...spoilings(name).map((wrong) => ({ metadata: { name: wrong } })),
    ...spoilings(spec).map((wrong) => ({ spec: wrong })),
  ];
  const invalidOrasCache = fc
    .tuple(validOrasCache, fc.constantFrom<object>(...spoilt))
    .map(([cache, over]) => laidOver(cache.toJSON(), over) as object);
  return { validOrasCache, invalidOrasCache };
}

type Drawn = Record<string, unknown> & {
  storage?: {
    persistentVolumeClaim?: { size?: string; claimName?: string; accessModes?: string[] };
    emptyDir?: { sizeLimit?: string };
    warnAt?: number;
    refuseAt?: number;
    s3?: object;
  };
  auth?: { rotate?: string };
  tls?: { secretName?: string; selfIssued?: boolean };
  retention?: {
    maxSize?: string;
    rules?: { keepLast?: number; keepYoungerThan?: string; keepPulledWithin?: string }[];
  };
  workflow?: { memo?: { repository?: string } };
};

/** A spec that keeps the rules which only the API server tries, because JSON Schema has no words for them. */
function obeying(spec: Drawn): object {
  const claim = spec.storage?.persistentVolumeClaim;
  if (claim && claim.claimName === undefined) claim.size ??= "1Gi";
  obeyRetention(spec);
  if (spec.tls?.secretName !== undefined) delete spec.tls.selfIssued;
  else if (spec.tls) spec.tls.selfIssued = true;
  if (spec.auth?.rotate !== undefined) spec.auth.rotate = `${spec.auth.rotate.length + 48}h`;
  if (spec.storage?.s3) delete spec["mirrorTo"];
  if (spec.workflow?.memo?.repository === names.stateRepository) delete spec.workflow.memo.repository;
  const { warnAt, refuseAt } = spec.storage ?? {};
  if (spec.storage && warnAt !== undefined && refuseAt !== undefined)
    spec.storage.refuseAt = Math.max(warnAt, refuseAt);
  if (!(claim ?? spec.storage?.s3)) delete spec["suspend"];
  if (!isShared(spec)) delete spec["replicas"];
  return spec;
}

function obeyRetention({ retention, storage }: Drawn): void {
  for (const rule of retention?.rules ?? []) {
    if (storage?.s3) delete rule.keepPulledWithin;
    if (rule.keepYoungerThan === undefined) rule.keepLast ??= 1;
  }
  if (retention?.maxSize === undefined) return;
  const size = storage?.persistentVolumeClaim?.size;
  if (size !== undefined) retention.maxSize = size;
  else delete storage?.emptyDir?.sizeLimit;
}

function isShared({ storage: { persistentVolumeClaim: claim, s3 } = {} }: Drawn): boolean {
  return (
    s3 !== undefined ||
    claim?.claimName !== undefined ||
    claim?.accessModes?.includes("ReadWriteMany") === true
  );
}

/** Valid values of a schema without references. */
function arbitraryOf(node: SchemaNode): fc.Arbitrary<unknown> {
  if (Array.isArray(node.type)) return fc.oneof(...node.type.map((type) => arbitraryOf({ ...node, type })));
  if (node.enum) return fc.constantFrom(...node.enum);
  switch (node.type) {
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number":
      return fc.integer({ min: node.minimum ?? 0, max: node.maximum ?? 2 ** 31 - 1 });
    case "array":
      return listOf(node);
    case "object":
      return objectOf(node);
    default:
      return textOf(node);
  }
}

function textOf({ pattern, minLength = 0, maxLength = 64 }: SchemaNode): fc.Arbitrary<string> {
  const most = Math.min(maxLength, 64);
  if (pattern === undefined) return fc.string({ unit: "grapheme-ascii", minLength, maxLength: most });
  return fc.stringMatching(new RegExp(pattern, "u"), { size: "xsmall" }).filter((v) => v.length <= maxLength);
}

function listOf(node: SchemaNode): fc.Arbitrary<unknown[]> {
  const limits = { minLength: node.minItems ?? 0, maxLength: Math.min(node.maxItems ?? 3, 3) };
  const keys = node["x-kubernetes-list-map-keys"] as string[] | undefined;
  const items = arbitraryOf(node.items ?? {});
  if (!keys && node["x-kubernetes-list-type"] !== "set") return fc.array(items, limits);
  const selector = (item: unknown) =>
    keys ? JSON.stringify(keys.map((key) => (item as Record<string, unknown>)[key])) : item;
  return fc.uniqueArray(items, { ...limits, selector });
}

function objectOf(node: SchemaNode): fc.Arbitrary<object> {
  if (typeof node.additionalProperties === "object") {
    const key = fc.stringMatching(/^[a-z]([-a-z0-9]{0,8}[a-z0-9])?$/);
    return fc.dictionary(key, arbitraryOf(node.additionalProperties), { maxKeys: 3 });
  }
  const properties = mapValues(node.properties ?? {}, arbitraryOf);
  return fc.record(properties, { requiredKeys: node.required ?? [] }).map((given) => {
    const depend = dependents(node);
    // One at a time: what is left out may be what another one depends on.
    for (const field of Object.keys(given)) if (!allows(depend[field], given)) delete given[field];
    return given;
  });
}

/** Whether what must hold beside a field does. */
function allows({ required = [], properties = {} }: Dependent = {}, given: Record<string, unknown>): boolean {
  return (
    required.every((name) => given[name] !== undefined) &&
    Object.entries(properties).every(([name, value]) =>
      value === false ? given[name] === undefined : !("const" in value) || given[name] === value.const,
    )
  );
}

/** What makes a valid object invalid when it is laid over it, at the depth where the schema is. */
function spoilings(node: SchemaNode): unknown[] {
  const wrongType = [node.type].flat().includes("string") ? [["not", "text"]] : ["neither"];
  const inside = Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    spoilings(child).map((value) => ({ [name]: value })),
  );
  const any = (name: string) =>
    fc.sample(arbitraryOf(node.properties?.[name] ?? {}), { numRuns: 1, seed: 1 })[0];
  const dependent = Object.entries(dependents(node)).flatMap(([field, { properties = {} }]) =>
    Object.entries(properties).flatMap(([other, value]) => {
      if (value === false) return [{ [field]: any(field), [other]: any(other) }];
      const wanted = "const" in value ? value.const : undefined;
      return typeof wanted === "boolean" ? [{ [field]: any(field), [other]: !wanted }] : [];
    }),
  );
  return [
    ...wrongType,
    ...(node["x-refused"] ?? []),
    ...(node.pattern && node.maxLength ? ["a".repeat(node.maxLength + 1)] : []),
    ...(node.enum ? ["something-else"] : []),
    ...(node.minimum === undefined ? [] : [node.minimum - 1]),
    ...(node.maximum === undefined ? [] : [node.maximum + 1]),
    ...(node.minLength ? [""] : []),
    ...inside,
    ...(node.items ? spoilings(node.items).map((value) => [value]) : []),
    ...dependent,
  ];
}

function laidOver(below: unknown, above: unknown): unknown {
  if (!isObject(below) || !isObject(above)) return above;
  const both = Object.entries(above).map(([key, value]) => [key, laidOver(below[key], value)]);
  return { ...below, ...Object.fromEntries(both) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
