import { fetchProgram, type ImageProgram } from "./program.ts";

/** What is known of an image: its program, or why that is not known. */
export type Looked = { readonly program: ImageProgram } | { readonly unknown: string };

/** Finds what images run. */
export type Lookup = (image: string, architecture: string) => Promise<Looked>;

/** Less than the API server waits for the webhook's answer. */
const longestMs = 5_000;
/** A tag may be moved; a digest is for ever. */
const tagMs = 60_000;
const mostRemembered = 500;

/**
 * A lookup that remembers. It never fails: what cannot be known is said in words.
 *
 * @param ca - authorities besides the well-known ones, PEM
 */
export function createLookup(ca?: string): Lookup {
  const remembered = new Map<string, { at: number; answer: Promise<Looked> }>();
  return (image, architecture) => {
    const key = `${architecture} ${image}`;
    const known = remembered.get(key);
    const now = performance.now();
    if (known && (image.includes("@") || now - known.at < tagMs)) return known.answer;
    const answer = look(image, architecture, ca);
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

async function look(image: string, architecture: string, ca: string | undefined): Promise<Looked> {
  const signal = AbortSignal.timeout(longestMs);
  try {
    return {
      program: await fetchProgram(image, architecture, { signal, ...(ca === undefined ? {} : { ca }) }),
    };
  } catch (error) {
    const reason = signal.aborted
      ? `its registry did not answer within ${longestMs / 1000} s`
      : error instanceof Error
        ? error.message
        : String(error);
    return { unknown: reason };
  }
}
