import { Command } from "commander";
import { programName } from "../name.ts";

/** `oras-operator release-finalizers`: what the operator would have done, once it has gone. */
export function releaseFinalizersCommand(): Command {
  return new Command("release-finalizers")
    .description("when the operator is uninstalled: take its finalizers off all OrasCaches")
    .option("--context <context>", "context of the kubeconfig; else its current one")
    .addHelpText("after", `\nExample:\n  ${programName} release-finalizers`)
    .action(async ({ context }: { context?: string }) => {
      // Loaded here only: the other commands answer at once without it.
      const { releaseFinalizers } = await import("../remote/release-finalizers.ts");
      await releaseFinalizers(context, console.log);
    });
}
