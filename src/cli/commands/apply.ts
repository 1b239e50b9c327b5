import type { Command } from "commander";
import { programName } from "../name.ts";
import type { Where } from "../remote/session.ts";
import type { RunOptions } from "../steps/as-run.ts";
import { readingCommand } from "./options.ts";

interface Options extends Where, RunOptions {
  readonly filename: string[];
}

/** `oras-operator apply`: a workflow's manifests as one run. */
export function applyCommand(): Command {
  return readingCommand("apply")
    .description("apply a workflow's files as one run: its steps have the annotation run")
    .requiredOption("--run <name>", "what $(RUN) stands for in the annotations of the steps")
    .option("--prefix", "begin the names of the steps with it: they run beside those of other runs", false)
    .option(
      "-n, --namespace <namespace>",
      "namespace of the objects that do not say theirs; else the context's",
    )
    .option("--context <context>", "context of the kubeconfig; else its current one")
    .addHelpText(
      "after",
      `
kubectl applies them.

Examples:
  ${programName} apply -f workflow/ --run 2026-11-27
  ${programName} apply -f workflow/ --run trial-3 --prefix -n runs`,
    )
    .action(async (_: string[], { filename, ...options }: Options) => {
      // Loaded here only: the other commands answer at once without it.
      const { applyRun } = await import("../steps/apply-run.ts");
      await applyRun(filename, options);
    });
}
