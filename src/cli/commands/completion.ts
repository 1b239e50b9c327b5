import { Argument, Command } from "commander";
import { programName } from "../name.ts";

/** Shells, and what kubectl itself asks of its plugins. */
const shells = ["bash", "zsh", "fish", "kubectl"] as const;

/** `oras-operator completion`: scripts for shells. */
export function completionCommand(): Command {
  return new Command("completion")
    .description("print a script with which a shell completes commands, options and names of the cluster")
    .addArgument(
      new Argument("<shell>", "kubectl: the program that kubectl asks for its plugin").choices(shells),
    )
    .addHelpText(
      "after",
      `
Examples:
  source <(${programName} completion bash)
  ${programName} completion fish > ~/.config/fish/completions/oras-operator.fish
  ${programName} completion kubectl > ~/bin/kubectl_complete-oras_cache && chmod +x ~/bin/kubectl_complete-oras_cache`,
    )
    .action(async (shell: (typeof shells)[number]) => {
      const { default: scripts } = await import("../completion/scripts.json", { with: { type: "json" } });
      console.log(scripts[shell].join("\n"));
    });
}

/** What the scripts ask: one name a line, then how the shell is to go on, as kubectl's plugins say it. */
export function completeCommand(program: Command): Command {
  return new Command("__complete")
    .argument("[words...]")
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action(async (words: string[]) => {
      const { cursorAt } = await import("../completion/words.ts");
      const { namesAt } = await import("../completion/names.ts");
      const cursor = cursorAt(program, words);
      const found = (await namesAt(cursor)).filter((name) => name.startsWith(cursor.written));
      const isFile = "names" in cursor.wanted && cursor.wanted.names === "file";
      // Of cobra: 4 is no files, 0 the shell's own way.
      console.log([...found, isFile ? ":0" : ":4"].join("\n"));
      process.exit();
    });
}
