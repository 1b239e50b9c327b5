import { Command, Option } from "commander";
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

/** The same for a command whose argument is the cache. Whoever writes --cache, as for the others, reads how to name it. */
export function cacheArgumentCommand(name: string, examples: readonly string[]): Command {
  const command = remoteCommand(name, examples).addOption(new Option("--cache <name>").hideHelp());
  return command.on("option:cache", () => {
    const usage = `${programName} ${name} ${command.usage()}`;
    command.error(`error: ${name} takes the OrasCache as an argument, without --cache: ${usage}`);
  });
}
