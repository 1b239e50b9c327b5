/** Who set which fields, as the API server keeps it in `metadata.managedFields`. */
export interface FieldOwner {
  readonly manager?: string | undefined;
  readonly operation?: string | undefined;
  readonly subresource?: string | undefined;
  readonly fieldsV1?: object | undefined;
}

/** A removal as JSON Patch has it, and who put there what is removed. */
export interface Removal {
  readonly path: string;
  readonly manager: string;
}

type Json = Record<string, unknown> | unknown[];
type Step = string | number;

/**
 * Whether everything in the desired object stands in the live one. What the API server filled in besides does not
 * count; lists count as equal if they are as long and their elements match in turn.
 *
 * @param desired - what we would apply
 * @param live - what is there
 */
export function isCovered(desired: unknown, live: unknown): boolean {
  if (Array.isArray(desired)) {
    return (
      Array.isArray(live) &&
      live.length === desired.length &&
      desired.every((item, i) => isCovered(item, live[i]))
    );
  }
  if (typeof desired === "object" && desired !== null) {
    if (typeof live !== "object" || live === null || Array.isArray(live)) return false;
    return Object.entries(desired).every(
      ([key, value]) => value === undefined || isCovered(value, (live as Record<string, unknown>)[key]),
    );
  }
  return desired === live;
}

/**
 * What stands in the live object's spec because somebody set it, though it is not desired. Server-side apply
 * leaves such things in place: a container, a variable, a port, a label of the Pods. Defaults belong to nobody, nor
 * does what admission webhooks add to our own requests: both stay, so that there is never a fight about them.
 *
 * @param desired - what we would apply
 * @param live - what is there
 * @param owners - the live object's managed fields
 * @returns in an order in which JSON Patch can remove them
 */
export function foreignFields(desired: object, live: object, owners: readonly FieldOwner[]): Removal[] {
  const found = new Map<string, { steps: Step[]; manager: string }>();
  for (const { manager = "", subresource, fieldsV1 } of owners) {
    if (subresource === "status") continue;
    const spec = (fieldsV1 as Record<string, object> | undefined)?.["f:spec"];
    if (spec === undefined) continue;
    for (const steps of undesired(
      spec as Record<string, object>,
      (desired as { spec?: Json }).spec,
      (live as { spec?: Json }).spec,
      ["spec"],
    )) {
      if (!isTolerated(steps)) found.set(pointer(steps), { steps, manager });
    }
  }
  return [...found.values()]
    .sort((a, b) => compareForRemoval(a.steps, b.steps))
    .map(({ steps, manager }) => ({ path: pointer(steps), manager }));
}

/** `kubectl rollout restart` annotates the template; addresses are the API server's to give. */
function isTolerated(steps: readonly Step[]): boolean {
  const path = steps.join(".");
  return path.startsWith("spec.template.metadata.annotations") || /^spec\.(clusterIP|ipFamil)/.test(path);
}

/** Walks one owner's fields; yields the topmost ones that are live but not desired. */
function* undesired(
  fields: Record<string, object>,
  desired: Json | undefined,
  live: Json | undefined,
  at: readonly Step[],
): Generator<Step[]> {
  for (const [field, below] of Object.entries(fields)) {
    if (field === ".") continue;
    const step = locate(field, live);
    if (step === undefined) continue; // owned once, gone since
    const wanted = locate(field, desired);
    const path = [...at, step];
    if (wanted === undefined || child(desired, wanted) === undefined) yield path;
    else yield* undesired(below as Record<string, object>, child(desired, wanted), child(live, step), path);
  }
}

/** Where a field of FieldsV1 stands in an object or a list; undefined if it does not. */
function locate(field: string, within: Json | undefined): Step | undefined {
  if (within === undefined || within === null || typeof within !== "object") return undefined;
  const content = field.slice(2);
  if (field.startsWith("f:")) return Object.hasOwn(within, content) ? content : undefined;
  if (!Array.isArray(within)) return undefined;
  if (field.startsWith("k:")) {
    const key = JSON.parse(content) as object;
    return found(within.findIndex((item) => isCovered(key, item)));
  }
  if (field.startsWith("v:")) {
    const value = JSON.parse(content) as unknown;
    return found(within.findIndex((item) => isCovered(value, item)));
  }
  return undefined;
}

function found(index: number): number | undefined {
  return index < 0 ? undefined : index;
}

function child(parent: Json | undefined, step: Step): Json | undefined {
  return (parent as Record<Step, Json> | undefined)?.[step];
}

/** Later elements of a list first, so that the indices of the others stay right. */
function compareForRemoval(a: readonly Step[], b: readonly Step[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (x === y) continue;
    if (typeof x === "number" && typeof y === "number") return y - x;
    return String(x) < String(y) ? -1 : 1;
  }
  return b.length - a.length;
}

function pointer(steps: readonly Step[]): string {
  return steps.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
