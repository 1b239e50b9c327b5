import type { Command } from "commander";
import type { Where } from "../remote/session.ts";
import { remoteCommand } from "./remote.ts";

/** `oras-operator ui`: the graph of a namespace in a browser. */
export function uiCommand(): Command {
  return remoteCommand("ui", ["", "-n runs"])
    .description("show the graph of a namespace in your browser, live, until Ctrl-C")
    .action(async (options: Where) => {
      const stop = new AbortController();
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => stop.abort());
      // Loaded here only: the other commands answer at once without it.
      const { serveUi } = await import("../ui/ui.ts");
      await serveUi(options, stop.signal, (line) => console.log(line));
    });
}
