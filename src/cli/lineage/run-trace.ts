import { parseArtifact } from "../artifacts/reference.ts";
import type { ReportOutput } from "../formats.ts";
import { findArtifact } from "../remote/find-artifact.ts";
import { type RemoteOptions, withRegistryOf } from "../remote/with-registry.ts";
import { formatData } from "../show/output.ts";
import { formatTrace } from "./text.ts";
import { traceOf } from "./trace.ts";

/**
 * Tells who made an artifact from what, and so on.
 *
 * @param artifact - as the command names it
 * @param options - of the command
 */
export async function printTrace(
  artifact: string,
  { output, ...options }: RemoteOptions & { readonly output: ReportOutput },
): Promise<string> {
  const named = parseArtifact(artifact);
  return withRegistryOf(named, options, async (open) => {
    const { digest } = await findArtifact(open, named);
    const trace = await traceOf(open, named, digest);
    return output === "json" ? formatData(trace, "json") : formatTrace(trace);
  });
}
