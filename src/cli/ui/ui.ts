import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { visible } from "../../annotations/problems.ts";
import type { Choice } from "../graph/read.ts";
import { assertNamespace } from "../remote/find-cache.ts";
import { openSession, type Where } from "../remote/session.ts";
import { heldOf } from "./artifacts.ts";
import { readAssets } from "./assets.ts";
import { detailsOf } from "./details.ts";
import { servePage } from "./server.ts";
import { watchNamespace } from "./watch.ts";

/** Whoever has not guessed it by then guesses it never. */
const tokenBytes = 32;

/**
 * Serves the page of a namespace on this machine, with the rights of who runs the command.
 *
 * @param options - of the command
 * @param stop - ends it
 * @param say - is given the address
 */
export async function serveUi(
  { run, ...where }: Where & Pick<Choice, "run">,
  stop: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  const assets = await readAssets();
  const session = await openSession(where);
  try {
    await assertNamespace(session);
    const { objects, all, subscribe, asked } = watchNamespace(session, stop, run);
    await Promise.race([asked, stopped(stop)]);
    const source = {
      all,
      subscribe,
      step: (id: string) => detailsOf(session, objects(), id),
      artifact: (id: string) => heldOf(session, objects(), id),
    };
    const page = await servePage(source, assets, randomBytes(tokenBytes).toString("base64url"));
    const what = `${run === undefined ? "The" : `The run ${visible(run)} of the`} namespace ${session.namespace}`;
    say(`${what} is shown at\n\n  ${page.url}\n\nuntil you press Ctrl-C.`);
    await stopped(stop);
    await page.close();
  } finally {
    session.close();
  }
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
