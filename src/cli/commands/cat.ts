import type { Command } from "commander";
import type { RemoteOptions } from "../remote/with-registry.ts";
import { cacheCommand } from "./remote.ts";

/** `oras-operator cat`: one file of an artifact, on standard output. */
export function catCommand(): Command {
  return cacheCommand("cat", ["dinosaur/bones:v1 bones/skull.csv", "dinosaur/note:v1"])
    .description("print a file of an artifact")
    .argument("<artifact>", "REPOSITORY:TAG or REPOSITORY@sha256:…; oci://HOST/… for another registry")
    .argument("[path]", "of the file, as get would make it; may be left out where there is only one")
    .action(async (artifact: string, path: string | undefined, options: RemoteOptions) => {
      // Loaded here only: the other commands answer at once without it.
      const { printFile } = await import("../remote/get.ts");
      await printFile(artifact, path, options, process.stdout);
    });
}
