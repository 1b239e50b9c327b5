import { Command, Option } from "commander";
import { programName } from "../name.ts";

const filename = "-f, --filename <file...>";

/**
 * A command that reads manifests, with the options of kubectl for it. Whoever names them in another way reads how to.
 *
 * @param name - of the command
 */
export function readingCommand(name: string): Command {
  return (
    new Command(name)
      .argument("[files...]")
      .usage("-f <file...> [options]")
      .option(filename, "files, folders (with the folders in them), http(s) URLs, or - for standard input")
      // Folders are read with those in them without it, too; kubectl needs it for that.
      .addOption(new Option("-R, --recursive").hideHelp())
      .addOption(new Option("-k, --kustomize <folder>").hideHelp())
      .hook("preAction", (_, command) => {
        const { filename: read, kustomize } = command.opts<{ filename?: string[]; kustomize?: string }>();
        if (kustomize !== undefined) {
          command.error(
            `error: -k is not supported; run kubectl kustomize ${kustomize} | ${programName} ${name} -f -`,
          );
        }
        if (command.args.length > 0) {
          command.error(`error: files are named with -f; write -f ${command.args.join(" ")}`);
        }
        if (read === undefined) command.error(`error: required option '${filename}' not specified`);
      })
  );
}

export const namespaceOption = [
  "-n, --namespace <namespace>",
  "namespace of the objects that do not say theirs",
  "default",
] as const;
