import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { DigestError, isPassing, RegistryError } from "./errors.ts";
import type { Send } from "./http.ts";
import { type Retries, withRetries } from "./retry.ts";
import type { Descriptor, Told } from "./types.ts";

/** As often as a connection may break with nothing read since. */
const mostBroken = 6;

/** A blob and where it is. */
export interface BlobPlace {
  readonly send: Send;
  readonly url: URL;
  readonly repository: string;
  readonly blob: Descriptor;
}

/**
 * The bytes of a blob. What breaks on the way is taken up where it broke. Only the end is proof that all was right.
 *
 * @param place - where it is
 * @param told - of bytes and breaks
 * @param retries - of requests
 * @throws DigestError where it is not what its digest says
 */
export async function* readBlob(place: BlobPlace, told: Told, retries: Retries): AsyncGenerator<Buffer> {
  const { blob } = place;
  const hash = createHash("sha256");
  let offset = 0;
  let broken = 0;
  while (offset < blob.size) {
    const response = await withRetries(() => request(place, offset), { ...retries, onRetry: told.onRetry });
    try {
      for await (const chunk of freshOf(response, offset)) {
        offset += chunk.length;
        if (offset > blob.size) throw tooLong(blob);
        broken = 0;
        hash.update(chunk);
        told.onBytes?.(chunk.length);
        yield chunk;
      }
      if (offset < blob.size) throw endedEarly();
    } catch (error) {
      if (retries.signal?.aborted || !isPassing(error) || ++broken > mostBroken) throw error;
      told.onRetry?.(error);
    }
  }
  if (`sha256:${hash.digest("hex")}` !== blob.digest) {
    throw new DigestError(
      `the blob ${blob.digest} is not what its digest says: the registry's data is damaged`,
    );
  }
}

async function request(place: BlobPlace, offset: number): Promise<IncomingMessage> {
  const { blob } = place;
  const response = await ask(place, offset);
  const total = totalOf(response);
  if (total === undefined || total === blob.size) return response;
  response.destroy();
  throw wrongSize(blob, total);
}

/**
 * For what is missing, or for all of it where the registry refuses that: none has to know ranges. With both ends it is a form
 * that those know too that do not know the other ones.
 */
async function ask({ send, url, repository, blob }: BlobPlace, offset: number): Promise<IncomingMessage> {
  const whole = { method: "GET", url, scope: `repository:${repository}:pull` } as const;
  if (offset === 0) return send(whole);
  try {
    return await send({ ...whole, headers: { range: `bytes=${offset}-${blob.size - 1}` } });
  } catch (error) {
    if (!(error instanceof RegistryError) || !refusesRange.has(error.status)) throw error;
    return send(whole);
  }
}

const refusesRange = new Set([400, 405, 416]);

/** Without what is known already: not every registry knows ranges. */
async function* freshOf(response: IncomingMessage, offset: number): AsyncGenerator<Buffer> {
  let skip = response.statusCode === 206 ? 0 : offset;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const fresh = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - fresh.length;
    if (fresh.length > 0) yield fresh;
  }
}

/** How long the whole is, as an answer says. */
function totalOf({ statusCode, headers }: IncomingMessage): number | undefined {
  const range = /^bytes \d+-\d+\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1];
  const total = statusCode === 206 ? range : headers["content-length"];
  return total === undefined ? undefined : Number(total);
}

/** Whoever may push can write any size into a manifest: no registry compares it. */
function wrongSize({ digest, size }: Descriptor, total: number): DigestError {
  return new DigestError(`the blob ${digest} has ${total} bytes, and the manifest names ${size}`);
}

function endedEarly(): Error {
  return Object.assign(new Error("the answer ended early"), { code: "ECONNRESET" });
}

function tooLong({ digest, size }: Descriptor): DigestError {
  return new DigestError(`the blob ${digest} is longer than the ${size} bytes that the manifest names`);
}
