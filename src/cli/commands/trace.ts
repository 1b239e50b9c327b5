import { Option } from "commander";
import { type ReportOutput, reportOutputs } from "../formats.ts";
import type { RemoteOptions } from "../remote/with-registry.ts";
import { cacheCommand } from "./remote.ts";

/** `oras-operator trace`: who made an artifact from what. */
export function traceCommand() {
  return cacheCommand("trace", ["report/all:v1", "report/all:v1 -o json"])
    .description("tell who made an artifact from what, and who made that")
    .argument("<artifact>", "REPOSITORY:TAG or REPOSITORY@sha256:…; oci://HOST/… for another registry")
    .addOption(
      new Option("-o, --output <format>", "form of what is told").choices(reportOutputs).default("text"),
    )
    .action(async (artifact: string, options: RemoteOptions & { readonly output: ReportOutput }) => {
      // Loaded here only: the other commands answer at once without it.
      const { printTrace } = await import("../lineage/run-trace.ts");
      process.stdout.write(await printTrace(artifact, options));
    });
}
