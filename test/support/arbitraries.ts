import { formats as formatsOf } from "../../scripts/render/schema.ts";
import { annotations, formats } from "../../src/annotations/table.ts";
import { annotationArbitraries, valuesOf } from "./annotation-arbitraries.ts";
import { cacheArbitraries } from "./cache-arbitraries.ts";
import { schema } from "./schema.ts";

const samples = formatsOf(schema);

/** Values that each format allows. */
export const validValues = valuesOf(formats, samples);

/** Sets of annotations that are accepted; and those that are refused, with the keys that the answer must name. */
export const { validAnnotations, invalidAnnotations } = annotationArbitraries(
  { annotations, formats },
  samples,
);

/** OrasCaches that the API server accepts, and those that it refuses. */
export const { validOrasCache, invalidOrasCache } = cacheArbitraries(schema);
