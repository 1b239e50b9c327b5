import type { PullSecrets, ReadSecrets } from "./credentials.ts";
import { fetchProgram, type ImageProgram } from "./program.ts";

/** What is known of an image: its program, or why that is not known. */
export type Looked = { readonly program: ImageProgram } | { readonly unknown: string };

/** Finds what images run. */
export type Lookup = (image: string, architecture: string, secrets?: PullSecrets) => Promise<Looked>;

/** What a lookup works with. */
export interface LookupSettings {
  /** Authorities besides the well-known ones, PEM. */
  readonly ca?: string;
  /** Reads pull secrets; without it, registries are asked as anybody may. */
  readonly readSecrets?: (secrets: PullSecrets, signal: AbortSignal) => Promise<ReadSecrets>;
}

/** Less than the API server waits for the webhook's answer. */
const longestMs = 5_000;
/** A tag may be moved; a digest is for ever. */
const tagMs = 60_000;
const mostRemembered = 500;
const noSecrets: PullSecrets = { namespace: "", names: [] };

/**
 * A lookup that remembers. It never fails: what cannot be known is said in words.
 *
 * @param settings - see there
 */
export function createLookup(settings: LookupSettings = {}): Lookup {
  const remembered = new Map<string, { at: number; answer: Promise<Looked> }>();
  return (image, architecture, secrets = noSecrets) => {
    // What one namespace may know is not told to another.
    const owner = secrets.names.length > 0 ? secrets : undefined;
    const key = JSON.stringify([architecture, image, owner]);
    const known = remembered.get(key);
    const now = performance.now();
    if (known && (image.includes("@") || now - known.at < tagMs)) return known.answer;
    const answer = look(image, architecture, secrets, settings);
    remembered.delete(key);
    remembered.set(key, { at: now, answer });
    const oldest = remembered.keys().next().value;
    if (remembered.size > mostRemembered && oldest !== undefined) remembered.delete(oldest);
    // A registry that was away for a moment is asked again.
    void answer.then((looked) => {
      if ("unknown" in looked && remembered.get(key)?.answer === answer) remembered.delete(key);
    });
    return answer;
  };
}

async function look(
  image: string,
  architecture: string,
  secrets: PullSecrets,
  { ca, readSecrets }: LookupSettings,
): Promise<Looked> {
  const signal = AbortSignal.timeout(longestMs);
  let unread = "";
  try {
    const read = secrets.names.length > 0 ? await readSecrets?.(secrets, signal) : undefined;
    if (read && read.forbidden.length > 0)
      unread = `; the operator may not read the Pod's imagePullSecrets ${read.forbidden.join(", ")}`;
    const registries = { signal, ...(ca === undefined ? {} : { ca }) };
    return { program: await fetchProgram(image, architecture, registries, read?.configs) };
  } catch (error) {
    const reason = signal.aborted
      ? `its registry did not answer within ${longestMs / 1000} s`
      : error instanceof Error
        ? error.message
        : String(error);
    return { unknown: reason + unread };
  }
}
