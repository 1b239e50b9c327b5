import { Option } from "commander";
import { type ReportOutput, reportOutputs } from "../formats.ts";
import type { RemoteOptions } from "../remote/with-registry.ts";
import { cacheCommand } from "./remote.ts";

/** `oras-operator why`: why a step waits, failed or ran. */
export function whyCommand() {
  return cacheCommand("why", ["job/report", "pod/report-x7k2p -o json", "report/all:v1"])
    .description("tell why a step waits, failed or ran: what has changed since it ran before")
    .argument("<subject>", "job/NAME, pod/NAME, or an artifact: REPOSITORY:TAG or REPOSITORY@sha256:…")
    .addOption(
      new Option("-o, --output <format>", "form of what is told").choices(reportOutputs).default("text"),
    )
    .action(async (subject: string, options: RemoteOptions & { readonly output: ReportOutput }) => {
      // Loaded here only: the other commands answer at once without it.
      const { printWhy } = await import("../lineage/why.ts");
      process.stdout.write(await printWhy(subject, options, (sentence) => console.error(sentence)));
    });
}
