import type { IncomingHttpHeaders } from "node:http";
import { digestForm, manifestAccept } from "./head.ts";
import { createAgents, head, type Registries } from "./http.ts";
import { LookupError } from "./outcome.ts";
import { authorize, StatusError } from "./token.ts";

/** How a remote registry is asked for manifests: see Registries. */
export type RemoteSettings = Pick<Registries, "ca" | "reach" | "proxies">;

/** What a remote registry says of a manifest. */
export type RemoteHead =
  | { readonly digest: string }
  | { readonly missing: true }
  /** It answers, but not this; and for how long it wants not to be asked, if it says so. */
  | { readonly unknown: string; readonly stopMs?: number }
  /** It cannot be asked from here, or shows it only to who logs in. */
  | { readonly refused: string }
  /** It lets none of the logins in, or does not show this to them. */
  | { readonly denied: "login" | "artifact" };

const longestMs = 5_000;
const [shortestStopMs, usualStopMs, longestStopMs] = [1_000, 60_000, 3_600_000];

/**
 * Asks a remote registry for the digest of a manifest, as anybody may where that is enough. It never throws.
 *
 * Where there is no answer at all, that says nothing of the Pods: their network may reach what the operator's does not.
 *
 * @param url - of the registry, without a path
 * @param repository - of the manifest
 * @param reference - a tag or a digest
 * @param settings - which hosts may be asked, and by which proxies
 * @param signal - ends the wait
 * @param logins - as headers have them: the first that is let in counts; without one, it is asked as anybody
 */
export async function remoteHead(
  url: string,
  repository: string,
  reference: string,
  settings: RemoteSettings,
  signal: AbortSignal,
  logins: readonly string[] = [],
): Promise<RemoteHead> {
  const agents = createAgents();
  const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
  const registries: Registries = { ...settings, agents, signal: within };
  const asked = new URL(`/v2/${repository}/manifests/${reference}`, url);
  try {
    const first = await head(asked, { accept: manifestAccept }, registries);
    if (first.status !== 401 || first.host !== asked.host) return answerOf(first);
    const ask = (authorization: string) => head(asked, { accept: manifestAccept, authorization }, registries);
    if (logins.length > 0)
      return await firstLetIn(logins, (login) => authorizationBy(login, first, registries), ask);
    return answerOf(await ask(await authorize(first, registries, undefined)));
  } catch (error) {
    // Who gives the tokens may be busy; whoever refuses one without a login refuses it for good.
    if (error instanceof StatusError && isBusy(error.status)) return busy(error.status, {});
    const wantsLogin = error instanceof LookupError || error instanceof StatusError;
    return wantsLogin ? forLogin : { refused: "the operator cannot ask its registry" };
  } finally {
    agents.close();
  }
}

type HeadAnswer = Awaited<ReturnType<typeof head>>;

async function firstLetIn(
  logins: readonly string[],
  headerOf: (login: string) => Promise<string | undefined>,
  ask: (authorization: string) => Promise<HeadAnswer>,
): Promise<RemoteHead> {
  let denied: RemoteHead = { denied: "login" };
  for (const login of logins) {
    const authorization = await headerOf(login);
    if (authorization === undefined) continue;
    const answer = await ask(authorization);
    if (answer.status !== 401 && answer.status !== 403) return answerOf(answer);
    // Whoever got a token is known, and may not see it.
    denied = { denied: answer.status === 401 && authorization === login ? "login" : "artifact" };
  }
  return denied;
}

/** The header with which a login is shown; undefined where who gives the tokens refuses it. */
async function authorizationBy(
  login: string,
  first: HeadAnswer,
  registries: Registries,
): Promise<string | undefined> {
  if (login.startsWith("Bearer ")) return login;
  try {
    return await authorize(first, registries, login);
  } catch (error) {
    const isRefused =
      error instanceof LookupError
        ? error.reason === "notShown"
        : error instanceof StatusError && [401, 403].includes(error.status);
    if (isRefused) return undefined;
    throw error;
  }
}

const forLogin: RemoteHead = { refused: "its registry shows it only to who logs in" };

function answerOf({ status, headers }: HeadAnswer): RemoteHead {
  const digest = headers["docker-content-digest"];
  if (status === 404) return { missing: true };
  if (status === 200 && typeof digest === "string" && digestForm.test(digest)) return { digest };
  if (isBusy(status)) return busy(status, headers);
  return status === 401 || status === 403
    ? forLogin
    : { refused: "its registry does not answer as others do" };
}

function isBusy(status: number): boolean {
  return status === 429 || status >= 500;
}

function busy(status: number, { "retry-after": after, date }: IncomingHttpHeaders): RemoteHead {
  const stopMs = after === undefined ? (status === 429 ? usualStopMs : undefined) : stopOf(after, date);
  return {
    // What status came the step's author is not told (ADR 10).
    unknown: "its registry is busy",
    ...(stopMs !== undefined && { stopMs }),
  };
}

/**
 * A date is by the clock of the registry, as that of its answer is.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 */
function stopOf(after: string, date = ""): number {
  const ms = /^[0-9]+$/.test(after) ? Number(after) * 1_000 : Date.parse(after) - Date.parse(date);
  return Number.isNaN(ms) ? usualStopMs : Math.min(Math.max(ms, shortestStopMs), longestStopMs);
}
