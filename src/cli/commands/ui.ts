import type { Command } from "commander";
import type { Where } from "../remote/session.ts";
import { remoteCommand } from "./remote.ts";

interface Options extends Where {
  readonly run?: string;
}

/** `oras-operator ui`: the graph of a namespace in a browser. */
export function uiCommand(): Command {
  return remoteCommand("ui", ["", "-n runs", "-n runs --run trial-3"])
    .description("show the graph of a namespace in your browser, live, until Ctrl-C")
    .option("--run <name>", "only the steps with this annotation run")
    .action(async (options: Options) => {
      const stop = new AbortController();
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => stop.abort());
      // Loaded here only: the other commands answer at once without it.
      const { serveUi } = await import("../ui/ui.ts");
      await serveUi(options, stop.signal, (line) => console.log(line));
    });
}
