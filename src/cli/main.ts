#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { applyCommand } from "./commands/apply.ts";
import { backupCommand, restoreCommand } from "./commands/backup.ts";
import { catCommand } from "./commands/cat.ts";
import { checkCommand } from "./commands/check.ts";
import { completeCommand, completionCommand } from "./commands/completion.ts";
import { cpCommand } from "./commands/cp.ts";
import { dfCommand } from "./commands/df.ts";
import { diffCommand } from "./commands/diff.ts";
import { explainCommand } from "./commands/explain.ts";
import { forgetCommand } from "./commands/forget.ts";
import { getCommand } from "./commands/get.ts";
import { grantCommand } from "./commands/grant.ts";
import { graphCommand } from "./commands/graph.ts";
import { importCommand } from "./commands/import.ts";
import { injectCommand } from "./commands/inject.ts";
import { optionsBehind } from "./commands/leading-options.ts";
import { loginCommand } from "./commands/login.ts";
import { lsCommand } from "./commands/ls.ts";
import { managerCommand } from "./commands/manager.ts";
import { otherWords } from "./commands/other-words.ts";
import { putCommand } from "./commands/put.ts";
import { releaseFinalizersCommand } from "./commands/release-finalizers.ts";
import { rerunCommand } from "./commands/rerun.ts";
import { restartCommand } from "./commands/restart.ts";
import { retentionCommand } from "./commands/retention.ts";
import { rmCommand } from "./commands/rm.ts";
import { rotateCommand } from "./commands/rotate.ts";
import { statusCommand } from "./commands/status.ts";
import { traceCommand } from "./commands/trace.ts";
import { uiCommand } from "./commands/ui.ts";
import { validateCommand } from "./commands/validate.ts";
import { waitCommand } from "./commands/wait.ts";
import { whyCommand } from "./commands/why.ts";
import { isPlugin, programName } from "./name.ts";
import { CliError, describeError } from "./output.ts";

const program = new Command(programName)
  .description("Passes files between plain Pods and Jobs through an OCI registry.")
  .version(`oras-operator ${packageJson.version}`, "-V, --version", "print the version")
  .showHelpAfterError(`(${programName} --help lists the commands)`)
  .configureHelp({ showGlobalOptions: false })
  .enablePositionalOptions()
  .exitOverride();

program.commandsGroup("Artifacts:");
program.addCommand(lsCommand());
program.addCommand(getCommand());
program.addCommand(catCommand());
program.addCommand(putCommand());
program.addCommand(diffCommand());
program.addCommand(cpCommand());
program.addCommand(rmCommand());
program.addCommand(waitCommand());
program.addCommand(loginCommand());
program.commandsGroup("Workflows:");
program.addCommand(graphCommand());
program.addCommand(uiCommand());
program.addCommand(applyCommand());
program.addCommand(rerunCommand());
program.addCommand(forgetCommand());
program.commandsGroup("Caches:");
program.addCommand(statusCommand());
program.addCommand(traceCommand());
program.addCommand(whyCommand());
program.addCommand(restartCommand());
program.addCommand(rotateCommand());
program.addCommand(dfCommand());
program.addCommand(backupCommand());
program.addCommand(restoreCommand());
program.addCommand(retentionCommand());
program.addCommand(grantCommand());
program.addCommand(checkCommand());
program.commandsGroup("Manifests:");
program.addCommand(validateCommand());
program.addCommand(injectCommand());
program.addCommand(importCommand());
program.addCommand(explainCommand());
program.commandsGroup("Others:");
program.addCommand(managerCommand(), { hidden: isPlugin });
program.addCommand(releaseFinalizersCommand());
program.addCommand(completionCommand());
program.addCommand(completeCommand(program), { hidden: true });
program
  .command("version")
  .description("print the version")
  .action(() => console.log(`oras-operator ${packageJson.version} (node ${process.versions.node})`));

for (const command of program.commands) command.exitOverride();

// Whoever reads the output may have enough of it, as head has.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

try {
  const words = optionsBehind(process.argv.slice(2));
  const [word = ""] = words;
  const meant = otherWords.get(word);
  if (meant !== undefined)
    program.error(`error: unknown command '${word}'\n(Did you mean ${meant}?)`, {
      code: "commander.unknownCommand",
    });
  await program.parseAsync(words, { from: "user" });
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    const { visibleLines } = await import("../annotations/problems.ts");
    console.error(visibleLines(describeError(error)));
    process.exitCode = error instanceof CliError ? error.exitCode : 1;
  }
}
