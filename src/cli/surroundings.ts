import type { V1LimitRange } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { OrasCache } from "../cache/types.ts";
import { validateOrasCache } from "../cache/validate.ts";
import { mismatch, type Shape } from "../workload/shape.ts";
import type { ManifestObject } from "./manifests/objects.ts";
import { asSubmitted } from "./manifests/submitted.ts";

/** What the webhook would ask the cluster, as manifests say it. */
export interface Surroundings {
  /** The OrasCache of that name. */
  readonly cache: (namespace: string, name: string) => OrasCache | undefined;
  /** All of a namespace. */
  readonly cachesIn: (namespace: string) => readonly OrasCache[];
  readonly limitRanges: (namespace: string) => readonly V1LimitRange[];
}

/** What objects say. One that the API server would refuse says nothing. */
export function surroundingsOf(objects: readonly ManifestObject[]): Surroundings {
  const caches = objects
    .filter(isCache)
    .map(({ namespace, name, value }) => ({ namespace, name, value: asSubmitted(value) }))
    .filter(({ value }) => validateOrasCache(value).length === 0);
  const ranges = objects
    .filter(({ apiVersion, kind }) => apiVersion === "v1" && kind === "LimitRange")
    .map(({ namespace, value }) => ({ namespace, value: withTexts(asSubmitted(value)) }))
    .filter(({ value }) => mismatch(value, shapeOfLimitRange) === undefined);
  return {
    cache: (namespace, name) =>
      caches.find((each) => each.namespace === namespace && each.name === name)?.value as
        | OrasCache
        | undefined,
    cachesIn: (namespace) =>
      caches.filter((each) => each.namespace === namespace).map(({ value }) => value as OrasCache),
    limitRanges: (namespace) =>
      ranges.filter((each) => each.namespace === namespace).map(({ value }) => value as V1LimitRange),
  };
}

/** Whether an object is an OrasCache, of any version. */
export function isCache({ apiVersion, kind }: Pick<ManifestObject, "apiVersion" | "kind">): boolean {
  return kind === names.kind && apiVersion.startsWith(`${names.group}/`);
}

/** Quantities may be written as numbers; the API server hands them out as text. */
function withTexts(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, below: unknown) =>
    typeof below === "number" ? String(below) : below,
  );
}

const amounts: Shape = { map: "text" };
const shapeOfLimitRange: Shape = {
  needs: ["spec"],
  fields: {
    metadata: { fields: { name: "text" } },
    spec: {
      needs: ["limits"],
      fields: {
        limits: {
          list: {
            needs: ["type"],
            fields: {
              type: "text",
              default: amounts,
              defaultRequest: amounts,
              max: amounts,
              min: amounts,
              maxLimitRequestRatio: amounts,
            },
          },
        },
      },
    },
  },
};
