import type { Command } from "commander";
import type { LoginOptions } from "../remote/serve-login.ts";
import { cacheCommand } from "./remote.ts";

/** `oras-operator login`: a cache for stock clients. */
export function loginCommand(): Command {
  return cacheCommand("login", ["", "oras -n runs", "--print"])
    .description("open a port of this machine to a cache, and log oras and docker in there, until Ctrl-C")
    .argument("[cache]", "name of the OrasCache, where the namespace has several")
    .option("--print", "print the commands of kubectl and oras that do the same")
    .action(async (cache: string | undefined, options: LoginOptions) => {
      const stop = new AbortController();
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => stop.abort());
      // Loaded here only: the other commands answer at once without it.
      const { serveLogin } = await import("../remote/serve-login.ts");
      await serveLogin(cache, options, stop.signal, (line) => console.log(line));
    });
}
