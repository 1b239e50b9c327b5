import { Command } from "commander";
import { programName } from "../name.ts";

/**
 * A command that speaks to a cluster, with kubectl's options for it.
 *
 * @param name - of the command, after those of the commands that it belongs to
 * @param examples - of its arguments, each a line of the help text
 */
export function remoteCommand(name: string, examples: readonly string[]): Command {
  const shown = examples.map((line) => `  ${programName} ${name}${line === "" ? "" : ` ${line}`}`).join("\n");
  return new Command(name.split(" ").at(-1))
    .option("-n, --namespace <namespace>", "namespace of the cache; else that of the kubeconfig's context")
    .option("--context <context>", "context of the kubeconfig; else its current one")
    .addHelpText("after", `\nExamples:\n${shown}`);
}

/** The same for a command about the artifacts of one cache. */
export function cacheCommand(name: string, examples: readonly string[]): Command {
  return remoteCommand(name, examples).option(
    "--cache <name>",
    "name of the OrasCache, where the namespace has several",
  );
}
