import { type Command, Option } from "commander";
import { exits } from "../exits.ts";
import { type GraphFormat, graphFormats } from "../formats.ts";
import { CliError } from "../output.ts";
import type { Where } from "../remote/session.ts";
import { remoteCommand } from "./remote.ts";

interface Options extends Where {
  readonly selector?: string;
  readonly run?: string;
  readonly output: GraphFormat;
}

/** `oras-operator graph`: who makes what from what. */
export function graphCommand(): Command {
  return remoteCommand("graph", [
    "",
    "-n runs --run trial-3",
    "-o dot | dot -Tsvg > graph.svg",
    "-o ro-crate > run.crate.zip",
  ])
    .description("draw which step makes what from what, also of steps that have not run")
    .option("-l, --selector <selector>", "labels of the Jobs and Pods, as for kubectl; else all")
    .option("--run <name>", "only the steps with this annotation run")
    .addOption(new Option("-o, --output <format>", "form of the graph").choices(graphFormats).default("text"))
    .action(async (options: Options) => {
      if (options.output === "ro-crate" && process.stdout.isTTY)
        throw new CliError(
          "-o ro-crate is a zip, which no terminal shows: add > run.crate.zip.",
          exits.usage,
        );
      // Loaded here only: the other commands answer at once without it.
      const { drawGraph } = await import("../graph/graph.ts");
      process.stdout.write(await drawGraph(options, (sentence) => console.error(sentence)));
    });
}
