import type { IncomingHttpHeaders } from "node:http";
import { digestOf } from "./blobs.ts";
import { digestForm, manifestAccept } from "./head.ts";
import { type Answer, createAgents, get, head, type Registries } from "./http.ts";
import { LookupError } from "./outcome.ts";
import { askByLogin, type ByLogin } from "./remote-login.ts";
import { StatusError } from "./token.ts";

/** How a remote registry is asked for manifests: see Registries. */
export type RemoteSettings = Pick<Registries, "ca" | "reach" | "proxies">;

/**
 * How a remote registry is asked: which hosts may be asked, and by which proxies; what ends the wait; logins, as headers have them, of
 * which the first that is let in counts (without one, it is asked as anybody); and what is called with each that is not let in.
 */
export type Way = readonly [
  settings: RemoteSettings,
  signal: AbortSignal,
  logins?: readonly string[],
  refused?: (login: string) => void,
];

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
 * @param way - how it is asked
 */
export async function remoteHead(
  url: string,
  repository: string,
  reference: string,
  ...way: Way
): Promise<RemoteHead> {
  const asked = new URL(`/v2/${repository}/manifests/${reference}`, url);
  const found = await ask(head, asked, way);
  if (!("answer" in found)) return "tooLong" in found ? unlikeOthers : found;
  const digest = found.answer.headers["docker-content-digest"];
  if (found.answer.status !== 200) return whyNot(found.answer);
  return typeof digest === "string" && digestForm.test(digest) ? { digest } : unlikeOthers;
}

/** A manifest of a remote registry. */
export type RemoteManifest =
  | { readonly bytes: Buffer }
  /** It is longer than a registry's answer may be. */
  | { readonly tooLong: true }
  | Exclude<RemoteHead, { readonly digest: string }>;

/**
 * Reads a manifest of a remote registry by its digest, as {@link remoteHead} asks for one. It never throws.
 *
 * @param digest - a sha256
 */
export async function remoteManifest(
  url: string,
  repository: string,
  digest: string,
  ...way: Way
): Promise<RemoteManifest> {
  const asked = new URL(`/v2/${repository}/manifests/${digest}`, url);
  const found = await ask(get, asked, way);
  if (!("answer" in found)) return found;
  const { status, body } = found.answer;
  if (status !== 200) return whyNot(found.answer);
  return digestOf(body) === digest ? { bytes: body } : unlikeOthers;
}

async function ask(
  by: typeof get,
  asked: URL,
  [settings, signal, logins = [], refused = () => {}]: Way,
): Promise<ByLogin | Exclude<RemoteManifest, { readonly bytes: Buffer }>> {
  const agents = createAgents();
  const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
  const registries: Registries = { ...settings, agents, signal: within };
  const send = (headers: object) => by(asked, { accept: manifestAccept, ...headers }, registries);
  try {
    return await askByLogin(asked.host, send, registries, logins, refused);
  } catch (error) {
    // Who gives the tokens may be busy; whoever refuses one without a login refuses it for good.
    if (error instanceof StatusError && isBusy(error.status)) return busy(error.status, {});
    if (error instanceof LookupError && error.reason === "tooLong") return { tooLong: true };
    const wantsLogin = error instanceof LookupError || error instanceof StatusError;
    return wantsLogin ? forLogin : { refused: "the operator cannot ask its registry" };
  } finally {
    agents.close();
  }
}

const forLogin = { refused: "its registry shows it only to who logs in" };
const unlikeOthers = { refused: "its registry does not answer as others do" };

function whyNot({ status, headers }: Answer): Exclude<RemoteHead, { readonly digest: string }> {
  if (status === 404) return { missing: true };
  if (isBusy(status)) return busy(status, headers);
  return status === 401 || status === 403 ? forLogin : unlikeOthers;
}

function isBusy(status: number): boolean {
  return status === 429 || status >= 500;
}

type Busy = Extract<RemoteHead, { readonly unknown: string }>;

function busy(status: number, { "retry-after": after, date }: IncomingHttpHeaders): Busy {
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
