import { setTimeout as delay } from "node:timers/promises";
import { names } from "../../../schema/names.ts";
import { quoted, visible } from "../../annotations/problems.ts";
import type { OrasCache } from "../../cache/types.ts";
import { isStatus } from "../../kube/errors.ts";
import { get, patchMerge } from "../../kube/objects.ts";
import { resources } from "../../kube/resources.ts";
import {
  answerTo,
  isAnswered,
  longestRequest,
  type NamedStep,
  readStep,
  writeForget,
} from "../../memo/forget.ts";
import { exits } from "../exits.ts";
import { programName } from "../name.ts";
import { CliError } from "../output.ts";
import { findCache, nameOf } from "../remote/find-cache.ts";
import { withRight } from "../remote/rights.ts";
import { openSession, type Session } from "../remote/session.ts";
import type { RemoteOptions } from "../remote/with-registry.ts";

/** What `forget` is told. */
export interface ForgetOptions extends RemoteOptions {
  readonly all?: boolean;
}

/** A leader that has just been elected reads all steps first. */
const longestMs = 60_000;
const askEveryMs = 500;

/**
 * Has the operator forget results of steps: it alone can sign what is remembered.
 *
 * @param ids - `job/NAME` or `pod/NAME`
 * @param options - of the command
 * @returns the line that says what was forgotten
 * @throws CliError where nothing was, or the operator does not answer
 */
export async function forget(
  ids: readonly string[],
  { all = false, cache: named, ...where }: ForgetOptions,
): Promise<string> {
  const steps = ids.map(stepOf);
  if (all === ids.length > 0)
    throw new CliError("Name steps as job/NAME or pod/NAME, or all results with --all.", exits.usage);
  const request = writeForget(steps, new Date().toISOString());
  if (request.length > longestRequest)
    throw new CliError("Too many steps are named at once. Name some of them, then the others.", exits.usage);
  const session = await openSession(where);
  try {
    const name = nameOf(await findCache(session, named));
    const end = performance.now() + longestMs;
    const look = (is: Condition, what: string) =>
      until(session, name, is, { end, late: () => unanswered(session, name, what) });
    // Another request that was not answered yet is not written over.
    await look((cache) => isFree(cache) && write(session, cache, request), "the request before this one");
    const cache = await look((now) => isDone(now, request), "this request");
    const { done = false, message = "" } = answerTo(cache.status?.memo, request) ?? {};
    if (!done) throw new CliError(visible(message), exits.failed);
    return visible(message);
  } finally {
    session.close();
  }
}

function stepOf(text: string): NamedStep {
  const step = readStep(text);
  if (step !== undefined) return step;
  throw new CliError(`${quoted(text)} is no step; write job/NAME or pod/NAME.`, exits.usage);
}

function requestIn({ metadata }: OrasCache): string | undefined {
  return metadata?.annotations?.[names.forgetAnnotation];
}

function isFree(cache: OrasCache): boolean {
  const before = requestIn(cache);
  return !before || isAnswered(cache.status?.memo, before);
}

function isDone(cache: OrasCache, request: string): boolean {
  if (answerTo(cache.status?.memo, request)) return true;
  if (requestIn(cache) === request) return false;
  throw new CliError("Somebody has written another request over this one. Try again.", exits.failed);
}

async function readCache({ client, namespace }: Session, name: string): Promise<OrasCache> {
  const need = { verbs: ["get"], resource: names.plural, name, namespace };
  const cache = await withRight(need, () =>
    get<OrasCache>(client, resources.orasCaches, { namespace, name }),
  );
  if (cache !== undefined && !cache.metadata?.deletionTimestamp) return cache;
  throw new CliError(`The ${names.kind} ${name} was deleted meanwhile.`, exits.notFound);
}

/** @returns false where somebody has changed the OrasCache since */
async function write(
  { client, namespace }: Session,
  { metadata }: OrasCache,
  request: string,
): Promise<boolean> {
  const { name = "", uid, resourceVersion } = metadata ?? {};
  const need = { verbs: ["patch"], resource: names.plural, name, namespace };
  return withRight(need, async () => {
    try {
      await patchMerge(
        client,
        resources.orasCaches,
        { namespace, name },
        {
          metadata: { uid, resourceVersion, annotations: { [names.forgetAnnotation]: request } },
        },
      );
      return true;
    } catch (error) {
      if (isStatus(error, 409)) return false;
      throw error;
    }
  });
}

type Condition = (cache: OrasCache) => Promise<boolean> | boolean;

async function until(
  session: Session,
  name: string,
  is: Condition,
  { end, late }: { readonly end: number; readonly late: () => CliError },
): Promise<OrasCache> {
  for (;;) {
    const cache = await readCache(session, name);
    if (await is(cache)) return cache;
    if (performance.now() > end) throw late();
    await delay(askEveryMs);
  }
}

function unanswered({ kubectlOptions }: Session, name: string, what: string): CliError {
  const check = `${programName} check`;
  const look = `kubectl ${kubectlOptions} describe ${names.singular} ${name}`;
  const message = `The operator has not answered ${what} within ${longestMs / 1000} s. It does when it runs again: ${check} says whether it does, ${look} what it has answered.`;
  return new CliError(message, exits.timedOut);
}
