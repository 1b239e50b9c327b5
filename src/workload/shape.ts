/**
 * The types of those fields of a Pod that the product reads. The API server leaves out what is empty and sends nothing
 * that is of another type, but null for the lists `containers` and `sources`; manifests that the CLI reads are of any shape.
 */
export type Shape =
  | "any"
  | "text"
  /** Text, or a number as YAML has it. */
  | "quantity"
  /** A whole number from 0. */
  | "count"
  | { readonly list: Shape; readonly orNull?: true }
  | { readonly map: Shape }
  | { readonly fields: Readonly<Record<string, Shape>>; readonly needs?: readonly string[] };

const texts: Shape = { list: "text" };
const resources: Shape = { fields: { limits: { map: "quantity" }, requests: { map: "quantity" } } };

const container: Shape = {
  needs: ["name"],
  fields: {
    name: "text",
    image: "text",
    command: texts,
    args: texts,
    workingDir: "text",
    restartPolicy: "text",
    restartPolicyRules: {
      list: {
        fields: { action: "text", exitCodes: { fields: { operator: "text", values: { list: "count" } } } },
      },
    },
    terminationMessagePath: "text",
    env: { list: { needs: ["name"], fields: { name: "text", value: "text" } } },
    volumeMounts: { list: { needs: ["name", "mountPath"], fields: { name: "text", mountPath: "text" } } },
    volumeDevices: { list: { needs: ["devicePath"], fields: { devicePath: "text" } } },
    startupProbe: { fields: { exec: { fields: { command: texts } } } },
    resources,
    securityContext: { fields: { capabilities: { fields: { add: texts, drop: texts } } } },
  },
};

const volume: Shape = {
  needs: ["name"],
  fields: { name: "text", projected: { fields: { sources: { list: { fields: {} }, orNull: true } } } },
};

/** Metadata of any object. */
export const shapeOfMetadata: Shape = {
  fields: {
    annotations: { map: "text" },
    labels: { map: "text" },
    ownerReferences: { list: { fields: {} } },
  },
};

/** A Pod, or the template of one. */
export const shapeOfTemplate: Shape = {
  needs: ["spec"],
  fields: {
    metadata: shapeOfMetadata,
    spec: {
      needs: ["containers"],
      fields: {
        containers: { list: container },
        initContainers: { list: container },
        ephemeralContainers: { list: container },
        volumes: { list: volume },
        imagePullSecrets: { list: { fields: { name: "text" } } },
        nodeSelector: { map: "text" },
        os: { fields: { name: "text" } },
        dnsPolicy: "text",
        restartPolicy: "text",
        serviceAccountName: "text",
        nodeName: "text",
        schedulingGates: { list: { needs: ["name"], fields: { name: "text" } } },
        resources,
      },
    },
  },
};

/** A field that is not of its type, such as `spec.containers[0].command`, and what it has to be. */
export interface Mismatch {
  readonly path: string;
  readonly expected: string;
}

/**
 * The first place where a value is not of a shape. What is absent fits, unless it is needed.
 *
 * @param value - plain JSON
 * @param shape - that it should have
 * @returns undefined when it has; nothing is allocated then, as nearly every object has
 */
export function mismatch(value: unknown, shape: Shape): Mismatch | undefined {
  if (typeof shape === "string") {
    return isOfType(value, shape) ? undefined : { path: "", expected: types[shape] };
  }
  if ("list" in shape) return value === null && shape.orNull ? undefined : inList(value, shape.list);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { path: "", expected: "an object" };
  }
  return "map" in shape ? inMap(value, shape.map) : inFields(value, shape);
}

const types = { any: "", text: "a string", quantity: "a quantity", count: "a whole number" };

function isOfType(value: unknown, type: keyof typeof types): boolean {
  if (type === "text") return typeof value === "string";
  if (type === "quantity") return typeof value === "string" || typeof value === "number";
  return type === "any" || (Number.isSafeInteger(value) && (value as number) >= 0);
}

function inList(value: unknown, item: Shape): Mismatch | undefined {
  if (!Array.isArray(value)) return { path: "", expected: "a list" };
  for (let i = 0; i < value.length; i++) {
    const found = mismatch(value[i], item);
    if (found) return below(`[${i}]`, found);
  }
  return undefined;
}

function inMap(value: object, item: Shape): Mismatch | undefined {
  for (const key in value) {
    const found = mismatch((value as Record<string, unknown>)[key], item);
    if (found) return below(`[${key}]`, found);
  }
  return undefined;
}

function inFields(
  value: object,
  { fields, needs }: Extract<Shape, { fields: object }>,
): Mismatch | undefined {
  for (const name in fields) {
    const field = (value as Record<string, unknown>)[name];
    if (field === undefined && !needs?.includes(name)) continue;
    const found = mismatch(field, fields[name] ?? "any");
    if (found) return below(`.${name}`, found);
  }
  return undefined;
}

function below(step: string, { path, expected }: Mismatch): Mismatch {
  return { path: step + path, expected };
}
