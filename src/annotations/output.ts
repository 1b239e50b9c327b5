import { checkOutputIndex, isPart } from "./output-index.ts";
import type { Problem } from "./problems.ts";
import { type ArtifactReference, addressOf } from "./reference.ts";
import type { Settings } from "./settings.ts";
import { annotations } from "./table.ts";

/**
 * What is wrong with the output of a step, of annotations that are right each for itself.
 *
 * @param settings - of the step
 */
export function checkOutput(settings: Settings): Problem[] {
  return [
    ...checkOutputIndex(settings),
    ...checkFormat(settings),
    ...checkFailure(settings, (reference) => addressOf(settings.registry, reference)),
  ];
}

/**
 * What a failed step has left must not be taken for its output.
 *
 * @param settings - of the step
 * @param addressIn - one text for an artifact, however it is written, as far as that is known
 */
export function checkFailure(
  { failure, output, outputIndex }: Pick<Settings, "failure" | "output" | "outputIndex">,
  addressIn: (reference: ArtifactReference) => string,
): Problem[] {
  if (failure === undefined) return [];
  const same = (other: ArtifactReference | undefined) =>
    other !== undefined && addressIn(failure) === addressIn(other);
  const problem = (name: "output-uri" | "output-index", more = ""): Problem[] => {
    const message = `it names the same artifact as ${annotations[name].key}${more}.`;
    return [{ code: "FailureIsOutput", path: annotations["failure-uri"].key, message }];
  };
  if (same(output)) return problem("output-uri");
  if (output && isPart(failure, output, addressIn)) return problem("output-uri", " of one of the Pods");
  return same(outputIndex) ? problem("output-index") : [];
}

/** Runtimes that do not know zstd are still there. */
function checkFormat({ format, compression }: Settings): Problem[] {
  if (format !== "image" || compression !== "zstd") return [];
  const { key } = annotations.compression;
  const message = `found "zstd"; of an image, which ${annotations.format.key} asks for, allowed are auto, gzip and none.`;
  return [{ code: "CompressionOfImage", path: key, message }];
}
