import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { catFile } from "../../../src/cli/artifacts/cat.ts";
import { getFiles } from "../../../src/cli/artifacts/get.ts";
import { parseArtifact } from "../../../src/cli/artifacts/reference.ts";
import { CliError } from "../../../src/cli/output.ts";
import { readArtifact } from "../../../src/cli/remote/read-artifact.ts";
import { indexManifest } from "../../../src/workflow/output-index.ts";
import { descriptorOf, startStandIn } from "../../support/stand-in.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const title = "org.opencontainers.image.title";

/** A registry with blobs and manifests in memory. */
async function world() {
  const held = new Map<string, { bytes: Buffer; mediaType: string }>();
  const stand = await startStandIn(({ url }, response) => {
    const found = held.get(decodeURIComponent(url?.split("/").at(-1) ?? ""));
    response.writeHead(found ? 200 : 404, { "content-type": found?.mediaType ?? "" }).end(found?.bytes);
  });
  onTestFinished(() => stand.stop());
  const put = (bytes: Buffer, mediaType: string, tag?: string) => {
    const descriptor = { ...descriptorOf(bytes), mediaType };
    for (const reference of [descriptor.digest, ...(tag ? [tag] : [])])
      held.set(reference, { bytes, mediaType });
    return descriptor;
  };
  const push = (files: Readonly<Record<string, string>>) => {
    const layers = Object.entries(files).map(([name, text]) => ({
      ...put(Buffer.from(text), "application/octet-stream"),
      annotations: { [title]: name },
    }));
    const document = { schemaVersion: 2, mediaType: manifestType, layers };
    return put(Buffer.from(JSON.stringify(document)), manifestType);
  };
  const index = (parts: readonly ReturnType<typeof push>[], tag = "all") => {
    const { bytes, mediaType } = indexManifest(parts.map((part, at) => ({ ...part, index: at })));
    return put(bytes, mediaType, tag);
  };
  const open = { registry: stand.registry, shown: "cache oras", prefix: "", close: () => {} };
  const place = { registry: stand.registry, repository: "forest/sample" };
  const read = () => readArtifact(open, parseArtifact("forest/sample:all"));
  const get = async () => {
    const folder = mkdtempSync(join(tmpdir(), "oras-get-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    await getFiles(place, await read(), { folder, shown: "all" }, {});
    const names = readdirSync(folder).sort();
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  };
  const cat = async (path?: string) => {
    const chunks = catFile(place, await read(), { path, shown: "forest/sample:all" }, {});
    return (await buffer(chunks)).toString();
  };
  return { held, push, index, read, get, cat, requests: stand.requests };
}

it("the files of all parts of an index are there, each once, and its digest is that of the index", async () => {
  const { push, index, get, cat, read, requests } = await world();
  const parts = [0, 1, 2].map((part) => push({ [`sample-${part}`]: `part ${part}`, common: "the same" }));
  const { digest } = index([...parts, parts[0] as (typeof parts)[0]]);
  expect(await get()).toEqual({
    ...{ common: "the same", "sample-0": "part 0", "sample-1": "part 1", "sample-2": "part 2" },
  });
  expect(requests.filter(({ url }) => url?.includes("/manifests/"))).toHaveLength(4);
  expect(await cat("sample-2")).toBe("part 2");
  expect(await read()).toMatchObject({ digest, bytes: 26 });
  await expect(cat()).rejects.toThrow("several files: name one of sample-0, common, sample-1, sample-2.");
});

it("of an index of a thousand parts a message names some", async () => {
  const { push, index, cat } = await world();
  index(Array.from({ length: 1_000 }, (_, part) => push({ [`sample-${part}`]: `part ${part}` })));
  const { message } = (await cat().catch((error: unknown) => error)) as CliError;
  expect(message).toContain("sample-19, ….");
  expect(message.length).toBeLessThan(400);
});

it.each<[string, (made: Awaited<ReturnType<typeof world>>) => unknown, RegExp]>([
  [
    "two different files of one name",
    ({ push, index }) => index([push({ out: "a" }), push({ out: "b" })]),
    /it has two files named "out"/,
  ],
  [
    "a part that is not there",
    ({ push, index, held }) => {
      const part = push({ out: "a" });
      index([part]);
      held.delete(part.digest);
    },
    /is an index whose part sha256:[0-9a-f]{64} is not there\./,
  ],
  [
    "an index in it",
    ({ push, index }) => index([index([push({ out: "a" })], "inner")]),
    /is an index whose part sha256:[0-9a-f]{64} is an index again\./,
  ],
  ["no files", ({ push, index }) => index([push({})]), /has no files/],
  ["nothing", ({ index }) => index([]), /has no files/],
])("an index with %s is refused, with what it is", async (_, make, says) => {
  const made = await world();
  make(made);
  await expect(made.get()).rejects.toThrow(CliError);
  await expect(made.get()).rejects.toThrow(says);
});
