import { createInterface } from "node:readline/promises";
import { names } from "../../../schema/names.ts";
import { storageOf } from "../../cache/storage.ts";
import type { StoredOrasCache } from "../../cache/types.ts";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";
import { annotateNow } from "./annotate.ts";
import { findCache } from "./find-cache.ts";
import { openSession, type Where } from "./session.ts";

/** What `restart` is told. */
export interface RestartOptions extends Where {
  readonly yes?: boolean;
}

/**
 * Restarts the registry of a cache; where its artifacts are lost then, only when that is wanted.
 *
 * @param name - of the cache
 * @param options - of the command
 * @returns the line that says what was done
 */
export async function restart(name: string, { yes = false, ...where }: RestartOptions): Promise<string> {
  const session = await openSession(where);
  try {
    const cache = (await findCache(session, name)) as StoredOrasCache;
    if (cache.spec.deploy === false) {
      throw new CliError(`The cache ${name} runs no registry: there is nothing to restart.`, exits.usage);
    }
    const isLost = storageOf(cache).kind === "emptyDir";
    if (isLost && !yes) await confirm(name);
    await annotateNow(session, name, names.restartAnnotation);
    const wait = `kubectl ${session.kubectlOptions} wait ${names.singular}/${name} --for=condition=Ready`;
    return `The registry of the cache ${name} is restarted. To wait for it: ${wait}`;
  } finally {
    session.close();
  }
}

async function confirm(name: string): Promise<void> {
  const lost = `The artifacts of the cache ${name} are in an emptyDir: a restart deletes all of them`;
  if (!process.stdin.isTTY) throw new CliError(`${lost}. Add --yes if that is wanted.`, exits.failed);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${lost}. Type the cache's name to go on: `);
  terminal.close();
  if (answer.trim() !== name) throw new CliError("Nothing was done.", exits.failed);
}
