import type { Command } from "commander";
import type { RemoteOptions } from "../remote/with-registry.ts";
import { cacheCommand } from "./remote.ts";

interface Options extends RemoteOptions {
  readonly output: string;
}

/** `oras-operator get`: the files of an artifact, in a folder. */
export function getCommand(): Command {
  return cacheCommand("get", [
    "dinosaur/bones:v1",
    "dinosaur/bones:v1 -o results",
    "oci://ghcr.io/acme/bones:v1",
  ])
    .description("put the files of an artifact into a folder")
    .argument("<artifact>", "REPOSITORY:TAG or REPOSITORY@sha256:…; oci://HOST/… for another registry")
    .option("-o, --output <folder>", "folder that the files are put into; made if it is not there", ".")
    .action(async (artifact: string, { output, ...options }: Options) => {
      // Loaded here only: the other commands answer at once without it.
      const { getArtifact } = await import("../remote/get.ts");
      console.log(await getArtifact(artifact, output, options));
    });
}
