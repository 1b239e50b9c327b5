import { expect, onTestFinished, test } from "vitest";
import { names } from "../../schema/names.ts";
import { fallbackTagOf } from "../../src/common/fallback-tag.ts";
import { digestOf, writeBlob } from "../../src/registry/blobs.ts";
import { deleteManifest } from "../../src/registry/delete.ts";
import { type RawManifest, readManifest, writeManifest } from "../../src/registry/manifests.ts";
import { addReferrer, type NewReferrer, referrersIn } from "../../src/registry/referrers.ts";
import { startRegistry } from "../support/registry.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";
const name = "made/result";

/** A real registry with one manifest. */
async function withSubject() {
  const server = await startRegistry({ environment: { REGISTRY_STORAGE_DELETE_ENABLED: "true" } });
  onTestFinished(() => server.stop());
  const repository = {
    peer: { host: server.host },
    authorization: undefined,
    signal: AbortSignal.timeout(60_000),
    repository: name,
  };
  const subject = await push("v1");
  async function push(tag: string): Promise<RawManifest> {
    const blob = await writeBlob(repository, name, "text/plain", tag);
    const text = { schemaVersion: 2, mediaType: manifestType, config: blob, layers: [blob] };
    const bytes = Buffer.from(JSON.stringify(text));
    await writeManifest(repository, name, tag, { mediaType: manifestType, bytes });
    return { mediaType: manifestType, bytes, digest: digestOf(bytes) };
  }
  const index = async () => {
    const found = await readManifest(repository, name, fallbackTagOf(subject.digest));
    return found === undefined ? [] : referrersIn(found);
  };
  const add = (number: number, mayWrite = () => {}) =>
    addReferrer(repository, subject, statement(number), mayWrite);
  return { repository, subject, push, index, add };
}

function statement(number: number): NewReferrer {
  return {
    ...{ artifactType: "application/x", mediaType: "application/x", text: `statement ${number}` },
    annotations: { about: `${number}` },
    invocation: `uid-${number}`,
    created: `2026-01-01T00:00:${String(number % 60).padStart(2, "0")}Z`,
  };
}

test("what is about a manifest is written once, and named by its fallback tag beside what others wrote", async () => {
  const { repository, subject, push, index, add } = await withSubject();
  const { digest, bytes } = await push("signature");
  const signature = {
    mediaType: manifestType,
    digest,
    size: bytes.length,
    artifactType: "application/vnd.someone",
  };
  const foreign = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [signature] });
  await writeManifest(repository, name, fallbackTagOf(subject.digest), {
    mediaType: indexType,
    bytes: foreign,
  });

  expect(await add(1)).toBe(true);
  expect(await add(1)).toBe(false);
  expect(await add(2)).toBe(true);
  const [first, second, third, ...others] = await index();
  expect(others).toEqual([]);
  expect(first).toEqual(signature);
  expect(second).toMatchObject({ annotations: { [names.invocationAnnotation]: "uid-1", about: "1" } });
  const manifest = await readManifest(repository, name, third?.digest ?? "");
  expect(JSON.parse(manifest?.bytes.toString() ?? "{}")).toMatchObject({
    artifactType: "application/x",
    subject: { digest: subject.digest, mediaType: manifestType },
    annotations: third?.annotations,
  });
});

test("after 50 the oldest goes, and what somebody has deleted is left out", async () => {
  const { repository, index, add } = await withSubject();
  for (let number = 0; number < 52; number++) await add(number);
  const all = await index();
  expect(all.map(({ annotations }) => Number(annotations?.["about"]))).toEqual(
    Array.from({ length: 50 }, (_, at) => at + 2),
  );
  const [oldest] = all;
  await deleteManifest({ ...repository, reference: all.at(-1)?.digest ?? "" });
  await add(53);
  const later = await index();
  expect(later.map(({ annotations }) => annotations?.["about"]).slice(-2)).toEqual(["50", "53"]);
  expect(await readManifest(repository, name, oldest?.digest ?? "")).toBeUndefined();
});

test.each([1, 2, 3])(
  "who may not write any more writes nothing after that, and the next one makes it whole: %i",
  async (at) => {
    const { index, add } = await withSubject();
    let writes = 0;
    const fenced = () => {
      if (++writes === at) throw new Error("another leads");
    };
    await expect(add(1, fenced)).rejects.toThrow("another leads");
    expect(await index()).toEqual([]);
    expect(await add(1)).toBe(true);
    expect(await index()).toHaveLength(1);
  },
);
