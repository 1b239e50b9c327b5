import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { certificateFromFiles } from "../../../src/certificates/files.ts";
import { renew } from "../../../src/certificates/renew.ts";
import type { CertificateSource, ServingPair } from "../../../src/certificates/source.ts";
import { until } from "../../support/wait.ts";

let directory: string;
let ending: AbortController;
let source: CertificateSource;
const changes: ServingPair[] = [];
const troubles: unknown[] = [];

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "oras-operator-files-")), "certificate");
  await mkdir(directory);
  ending = new AbortController();
  changes.length = 0;
  troubles.length = 0;
  source = certificateFromFiles({
    directory,
    onChange: (pair) => changes.push(pair),
    onTrouble: (error) => troubles.push(error),
    signal: ending.signal,
    pollMs: 20,
  });
});

afterEach(async () => {
  ending.abort();
  await source.stopped;
  await rm(join(directory, ".."), { recursive: true });
});

const issue = () => renew("everything", undefined, ["webhook"], new Date());

/** As one step, so that nothing is read half written. */
async function put(file: "tls.crt" | "tls.key", text: string): Promise<void> {
  await writeFile(join(directory, "..", "next"), text);
  await rename(join(directory, "..", "next"), join(directory, file));
}

async function complaint(): Promise<void> {
  const before = troubles.length;
  // Two: the first may be of the files as they were before the last change.
  await until(() => troubles.length >= before + 2, "complaints");
}

test("files that are empty, because somebody is writing them, are not served", async () => {
  await put("tls.crt", "");
  await put("tls.key", "");
  await complaint();
  const one = await issue();
  await put("tls.key", one.key);
  await complaint();
  await put("tls.crt", one.certificate);
  expect(await source.first).toEqual({ cert: one.certificate, key: one.key });
  await put("tls.crt", "");
  await complaint();
  await put("tls.key", "");
  await complaint();
  expect(changes).toEqual([]);
});

test("a key of another certificate is not served, and the pair is once it fits", async () => {
  const [one, two] = [await issue(), await issue()];
  await put("tls.key", one.key);
  await put("tls.crt", one.certificate);
  await source.first;
  await put("tls.crt", two.certificate);
  await complaint();
  expect(String(troubles.at(-1))).toContain("is not the key of tls.crt");
  expect(changes).toEqual([]);
  await put("tls.key", two.key);
  await until(() => changes.length > 0, "the change");
  expect(changes).toEqual([{ cert: two.certificate, key: two.key }]);
});
