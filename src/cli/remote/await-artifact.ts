import { setTimeout as delay } from "node:timers/promises";
import { formatNamed, parseArtifact, versionOf } from "../artifacts/reference.ts";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";
import { ageOf } from "./remove.ts";
import { inWords, type RemoteOptions, withRegistryOf } from "./with-registry.ts";

const askEveryMs = 1_000;

/**
 * Waits until an artifact is there.
 *
 * @param artifact - as the command names it
 * @param options - of the command, with the longest time to wait
 * @returns the line that says that it is there
 */
export async function awaitArtifact(
  artifact: string,
  { timeout, ...options }: RemoteOptions & { readonly timeout: string },
): Promise<string> {
  const named = parseArtifact(artifact);
  const shown = formatNamed(named);
  const deadline = performance.now() + ageOf(timeout) * 1000;
  return withRegistryOf(named, options, async ({ registry, prefix, shown: where }) => {
    const look = async () => {
      try {
        return await registry.resolve(prefix + named.repository, versionOf(named) ?? "");
      } catch (error) {
        // A registry that is started or restarted is waited for, too.
        const said = inWords(error, where);
        if (said instanceof CliError && said.exitCode === exits.unreachable) return undefined;
        throw error;
      }
    };
    for (;;) {
      const digest = await look();
      if (digest !== undefined) return `${shown} is there (${digest})`;
      if (performance.now() > deadline) {
        throw new CliError(`${shown} did not come within ${timeout}.`, exits.timedOut);
      }
      await delay(askEveryMs);
    }
  });
}
