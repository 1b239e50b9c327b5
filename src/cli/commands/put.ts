import type { Command } from "commander";
import type { RemoteOptions } from "../remote/with-registry.ts";
import { cacheCommand } from "./remote.ts";

/** `oras-operator put`: a folder or file becomes an artifact. */
export function putCommand(): Command {
  return cacheCommand("put", [
    "bones dinosaur/bones:v1",
    "notes.txt dinosaur/note:v1",
    "bones/. dinosaur/bones:v1",
  ])
    .description("push a folder or a file as an artifact, as a step does")
    .argument("<path>", "of a folder or a file; FOLDER/. for its contents without the folder")
    .argument("<artifact>", "REPOSITORY:TAG")
    .action(async (path: string, artifact: string, options: RemoteOptions) => {
      // Loaded here only: the other commands answer at once without it.
      const { storeArtifact } = await import("../remote/store.ts");
      console.log(await storeArtifact(path, artifact, options));
    });
}
