import type { Command } from "commander";
import type { RemoteOptions } from "../remote/with-registry.ts";
import { cacheCommand } from "./remote.ts";

/** `oras-operator cp`: an artifact, in another registry. */
export function cpCommand(): Command {
  return cacheCommand("cp", [
    "dinosaur/bones:v1 oci://ghcr.io/acme/bones:v1",
    "oci://ghcr.io/acme/bones:v1 dinosaur/bones:v1",
  ])
    .description("copy an artifact to another registry, or from one")
    .argument("<from>", "artifact")
    .argument("<to>", "artifact; without a tag it keeps that of the other")
    .action(async (from: string, to: string, options: RemoteOptions) => {
      // Loaded here only: the other commands answer at once without it.
      const { copyBetween } = await import("../remote/store.ts");
      console.log(await copyBetween(from, to, options));
    });
}
