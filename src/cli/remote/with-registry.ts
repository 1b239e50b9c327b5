import { conditionOf } from "../../cache/status.ts";
import type { OrasCache } from "../../cache/types.ts";
import type { Named } from "../artifacts/reference.ts";
import { TarError } from "../artifacts/tar-read.ts";
import { exits } from "../exits.ts";
import { DigestError, isPassing, RegistryError, SilentError } from "../oci/errors.ts";
import { CliError, reasonOf } from "../output.ts";
import { findCache } from "./find-cache.ts";
import { type OpenRegistry, openCache, openHost } from "./open.ts";
import { openSession, type Where } from "./session.ts";

/** What commands that speak to a registry are told. */
export interface RemoteOptions extends Where {
  readonly cache?: string;
}

/**
 * Opens the registry of an artifact for as long as something runs: the one that it names, else the cache's.
 *
 * @param named - the artifact
 * @param options - of the command
 * @param run - what needs it
 */
export async function withRegistryOf<T>(
  named: Pick<Named, "host">,
  options: RemoteOptions,
  run: (open: OpenRegistry) => Promise<T>,
): Promise<T> {
  if (named.host !== undefined) return use(await openHost({ host: named.host, plainHttp: false }), run);
  const session = await openSession(options);
  try {
    return await use(await openCache(session, await findCache(session, options.cache)), run);
  } finally {
    session.close();
  }
}

/**
 * Uses a registry and closes it; what goes wrong is said in words.
 *
 * @param open - the registry
 * @param run - what needs it
 */
export async function use<T>(open: OpenRegistry, run: (open: OpenRegistry) => Promise<T>): Promise<T> {
  try {
    return await run(open);
  } catch (error) {
    throw inWords(error, open.shown, open.of?.cache);
  } finally {
    open.close();
  }
}

/** A failure of a registry, of an OrasCache or another one, or of the way to it, for the person at the terminal. */
export function inWords(error: unknown, shown: string, cache?: OrasCache): unknown {
  const because = { cause: error };
  if (error instanceof CliError) return error;
  if (error instanceof RegistryError) return ofStatus(error, shown, cache);
  if (error instanceof DigestError) {
    return new CliError(`The ${shown}: ${error.message}. Nothing was written.`, exits.failed, because);
  }
  if (error instanceof TarError) {
    return new CliError(`The artifact cannot be unpacked: ${error.message}.`, exits.failed, because);
  }
  if (error instanceof SilentError) {
    const message = `The ${shown} hangs: ${error.message}. Try again; if it stays so, its log and its node say why.`;
    return new CliError(message, exits.unreachable, because);
  }
  if (isPassing(error)) {
    const message = `The ${shown} does not answer: ${reasonOf(error)}. Try again; what was complete is not lost.`;
    return new CliError(message, exits.unreachable, because);
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code?.startsWith("Z_") || code?.startsWith("ZSTD_")) {
    return new CliError(`The artifact cannot be unpacked: ${reasonOf(error)}.`, exits.failed, because);
  }
  if (code === "ENOTFOUND" || code?.includes("CERT")) {
    return new CliError(`The ${shown} cannot be reached: ${reasonOf(error)}.`, exits.unreachable, because);
  }
  return error;
}

function ofStatus(error: RegistryError, shown: string, cache: OrasCache | undefined): CliError {
  const { status } = error;
  const message = error.message.replace(/\.$/, "");
  const because = { cause: error };
  if (status === 401 || status === 403) {
    const isRun = cache !== undefined && cache.spec?.deploy !== false;
    const advice = isRun
      ? "Its login may just have been replaced: try again. If it stays so, kubectl oras-cache status says how the registry is."
      : "Log in with oras login or docker login.";
    const text = `The ${shown} refuses the login that it was shown, or wants one: ${message}. ${advice}`;
    return new CliError(text, exits.denied, because);
  }
  if (status === 404)
    return new CliError(`The ${shown} has no such thing: ${message}.`, exits.notFound, because);
  if (status === 405) {
    const text = `The ${shown} does not allow it: ${message}. It may be read-only, or not let artifacts be deleted.`;
    return new CliError(text, exits.failed, because);
  }
  const code = status >= 500 ? exits.unreachable : exits.failed;
  return new CliError(
    `The ${shown} answers ${message}.${status >= 500 ? whyNotReady(cache) : ""}`,
    code,
    because,
  );
}

/** What the operator knows of a registry that is not as it should be, as a further sentence. */
function whyNotReady(cache: OrasCache | undefined): string {
  const ready = conditionOf(cache?.status, "Ready");
  return ready === undefined || ready.status === "True"
    ? ""
    : ` The OrasCache is not Ready: ${ready.message}`;
}
