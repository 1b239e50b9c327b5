import { type Command, Option } from "commander";
import { exits } from "../exits.ts";
import { type OutputFormat, outputFormats } from "../formats.ts";
import type { RemoteOptions } from "../remote/with-registry.ts";
import { cacheCommand } from "./remote.ts";

interface Options extends RemoteOptions {
  readonly allNamespaces?: boolean;
  readonly output: OutputFormat;
}

/** `oras-operator ls`: the artifacts of a cache. */
export function lsCommand(): Command {
  return cacheCommand("ls", ["", "dinosaur/bones", "-A -o wide", "-o name"])
    .description("list artifacts")
    .argument("[repository]", "list the artifacts of this repository alone")
    .option("-A, --all-namespaces", "list the artifacts of all caches of the cluster")
    .addOption(
      new Option("-o, --output <format>", "form of the list").choices(outputFormats).default("table"),
    )
    .action(
      async (repository: string | undefined, { output, allNamespaces = false, ...options }: Options) => {
        // Loaded here only: the other commands answer at once without it.
        const { listAll } = await import("../remote/list.ts");
        const { formatList } = await import("../artifacts/list.ts");
        const { visible } = await import("../../annotations/problems.ts");
        const { listed, problems, notes } = await listAll(repository, options, {
          everywhere: allNamespaces,
          withOrigins: output !== "name",
        });
        if (listed.length > 0 || output === "json" || output === "yaml") {
          process.stdout.write(formatList(listed, output, { everywhere: allNamespaces, now: Date.now() }));
        } else if (problems.length === 0) console.error("No artifacts found.");
        for (const problem of [...notes, ...problems]) console.error(visible(problem));
        if (problems.length > 0) process.exitCode = exits.failed;
      },
    );
}
