import type { Command } from "commander";
import type { RemoteOptions } from "../remote/with-registry.ts";
import { cacheCommand } from "./remote.ts";

/** `oras-operator wait`: until an artifact is there. */
export function waitCommand(): Command {
  return cacheCommand("wait", ["dinosaur/bones:v1", "dinosaur/bones:v1 --timeout 2h"])
    .description("wait until an artifact is there")
    .argument("<artifact>", "REPOSITORY:TAG or REPOSITORY@sha256:…")
    .option("--timeout <duration>", "longest time to wait; the exit code is 6 then", "5m")
    .action(async (artifact: string, options: RemoteOptions & { readonly timeout: string }) => {
      // Loaded here only: the other commands answer at once without it.
      const { awaitArtifact } = await import("../remote/await-artifact.ts");
      console.log(await awaitArtifact(artifact, options));
    });
}
