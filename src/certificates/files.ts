import { createPrivateKey, X509Certificate } from "node:crypto";
import { type FSWatcher, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { CertificateSource, ServingPair } from "./source.ts";

/** Which files, and what to call on a change. */
export interface CertificateFiles {
  readonly directory: string;
  readonly onChange: (pair: ServingPair) => void;
  readonly onTrouble: (error: unknown) => void;
  readonly signal: AbortSignal;
  readonly pollMs?: number;
}

/**
 * The certificate of files that somebody else writes, such as cert-manager by way of a mounted Secret. They are
 * read again when something changes in their directory, where the kubelet swaps a link, and every few seconds
 * besides: not every filesystem tells of changes. A pair that does not fit, because it was read while it was
 * being written, is passed over and the last good one stays.
 *
 * @param files - see there
 */
export function certificateFromFiles(files: CertificateFiles): CertificateSource {
  const { directory, onChange, onTrouble, signal, pollMs = 10_000 } = files;
  const first = Promise.withResolvers<ServingPair>();
  first.promise.catch(() => {});
  let current: ServingPair | undefined;
  const look = async () => {
    const pair = await readPair(directory);
    if (pair.cert === current?.cert && pair.key === current.key) return;
    if (current) onChange(pair);
    current = pair;
    first.resolve(pair);
  };
  let wake = () => {};
  const run = async () => {
    const watcher = watchDirectory(directory, () => wake());
    while (!signal.aborted) {
      await look().catch(onTrouble);
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const waitMs = current ? pollMs : Math.min(pollMs, 1_000);
      await Promise.race([promise, delay(waitMs, undefined, { signal }).catch(() => {})]);
    }
    watcher?.close();
    first.reject(signal.reason);
  };
  return { first: first.promise, stopped: run() };
}

function watchDirectory(directory: string, onChange: () => void): FSWatcher | undefined {
  try {
    return watch(directory, onChange).on("error", () => {});
  } catch {
    return undefined; // not there yet: it is looked for every second
  }
}

async function readPair(directory: string): Promise<ServingPair> {
  const [cert, key] = await Promise.all([
    readFile(`${directory}/tls.crt`, "utf8"),
    readFile(`${directory}/tls.key`, "utf8"),
  ]);
  // Each of these throws. A server would be content with an empty file, as it is found while somebody writes it,
  // and then refuse every handshake.
  const matches = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  if (!matches) throw new Error(`tls.key in ${directory} is not the key of tls.crt`);
  return { cert, key };
}
