import { CliError, reasonOf } from "../output.ts";
import { mostBytes, textOf } from "./text.ts";

/** As much as is read of a URL, and how long that may take. */
const urlLimits = { bytes: mostBytes, milliseconds: 30_000 };

/** Whether `-f` names something on the web. */
export function isUrl(place: string): boolean {
  return /^https?:\/\//i.test(place);
}

/**
 * The text behind a URL. Redirects are followed, as kubectl does.
 *
 * @param url - http or https
 * @param limits - bytes and milliseconds, for the whole answer
 * @throws CliError (exit code 2) when there is none, or too much
 */
export async function fetchText(url: string, limits = urlLimits): Promise<string> {
  const shown = shownUrl(url);
  const { username, password } = URL.parse(url) ?? { username: "", password: "" };
  if (username !== "" || password !== "") {
    throw new CliError(`${shown} cannot be read: a user and password in a URL are not supported.`, 2);
  }
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(limits.milliseconds) });
    if (!response.ok) {
      throw new CliError(
        `${shown} cannot be read: the server answers ${response.status} ${response.statusText}.`,
        2,
      );
    }
    return await textOf(response.body ?? [], shown, limits.bytes);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`${shown} cannot be read: ${reasonOf(error)}.`, 2);
  }
}

/** A URL as it may be shown: user, password and query can be credentials. */
export function shownUrl(url: string): string {
  const parsed = URL.parse(url);
  return parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname}` : url;
}
