import { createHash } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test as base, describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { deleteManifest } from "../../src/registry/delete.ts";
import { claimStorage } from "../../src/registry/owner.ts";
import { temporaryFolder } from "../support/folders.ts";
import { stockOras } from "../support/oras.ts";
import { failuresOf } from "../support/pages.ts";
import { start } from "../support/processes.ts";
import { startRegistry } from "../support/registry.ts";
import { s3Environment, startS3 } from "../support/s3.ts";
import { until } from "../support/wait.ts";

/** Two registries on one bucket, as the operator configures the Pods of an OrasCache. */
const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("s3", { scope: "file" }, async ({}, { onCleanup }) => {
    const s3 = await startS3();
    onCleanup(s3.stop);
    return s3;
  })
  .extend("replicas", { scope: "file" }, async ({ s3 }, { onCleanup }) => {
    // Looks more often, so that a test need not wait.
    const environment = { ...s3Environment(s3), REGISTRY_HEALTH_STORAGEDRIVER_INTERVAL: "200ms" };
    const replicas = await Promise.all([1, 2].map(() => startRegistry({ environment, blobCache: true })));
    onCleanup(async () => {
      await Promise.all(replicas.map(({ stop }) => stop()));
    });
    return replicas as [(typeof replicas)[0], (typeof replicas)[0]];
  });

const digestOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

describe("two registries with one bucket", () => {
  test("have each other's artifacts at once", async ({ replicas: [one, two], s3 }) => {
    const folder = temporaryFolder("pushed");
    writeFileSync(join(folder, "out"), "made at one");
    const oras = async (...args: string[]) => {
      const { code, stderr } = await start(["oras", ...args], { cwd: folder, env: await stockOras() }).ended;
      expect(stderr).toBe("");
      expect(code).toBe(0);
    };
    await oras("push", "--plain-http", `${one.host}/runs/a:1`, "out");
    await oras("pull", "--plain-http", `${two.host}/runs/a:1`, "--output", join(folder, "pulled"));
    expect(readdirSync(join(folder, "pulled"))).toEqual(["out"]);
    // The folder of the OrasCache, and nothing beside it.
    expect(readdirSync(s3.objects).filter((name) => !name.startsWith("."))).toEqual(["work"]);
    expect(readdirSync(join(s3.objects, "work", "oras", "docker", "registry"))).toEqual(["v2"]);
  });

  test("go on with an upload that the other has begun", async ({ replicas: [one, two] }) => {
    const [begin, end] = [Buffer.alloc(70_000, "a"), Buffer.from("the end")];
    const digest = digestOf(Buffer.concat([begin, end]));
    const at = (where: { url: string }, location: string | null) => {
      const { pathname, search } = new URL(location ?? "", where.url);
      return new URL(pathname + search, where.url);
    };
    const begun = await fetch(`${one.url}/v2/runs/b/blobs/uploads/`, { method: "POST" });
    expect(begun.status).toBe(202);
    const patched = await fetch(at(two, begun.headers.get("location")), {
      method: "PATCH",
      body: begin,
      headers: { "content-type": "application/octet-stream" },
    });
    expect(patched.status).toBe(202);
    const last = at(one, patched.headers.get("location"));
    last.searchParams.set("digest", digest);
    expect((await fetch(last, { method: "PUT", body: end })).status).toBe(201);
    const read = await fetch(`${two.url}/v2/runs/b/blobs/${digest}`, { redirect: "error" });
    expect(digestOf(Buffer.from(await read.arrayBuffer()))).toBe(digest);
  });

  test("are not ready while S3 does not answer, go on to run, and are ready again", async ({
    replicas,
    s3,
  }) => {
    const all = (status: number) =>
      until(async () => {
        const answers = await Promise.all(replicas.map(({ url }) => fetch(url)));
        return answers.every((answer) => answer.status === status);
      }, `${status} of both`);
    await all(200);
    await s3.stop();
    await all(503);
    await s3.restart();
    await all(200);
  });
});

describe("a registry that cannot use its bucket is not ready, and its log says what docs/how-to/s3.md has", () => {
  // AWS' word for a key that is not there, InvalidAccessKeyId, is another one here.
  const rows = failuresOf("docs/how-to/s3.md").join("\n");
  test.for<[string, Record<string, string>, string]>([
    ["the secret key is another one", { AWS_SECRET_ACCESS_KEY: "other" }, "SignatureDoesNotMatch"],
    ["there is no such bucket", { REGISTRY_STORAGE_S3_BUCKET: "other" }, "NoSuchBucket"],
    ["the CA is not known", { SSL_CERT_DIR: "/nowhere" }, "x509"],
  ])("%s", async ([, change, word], { s3 }) => {
    expect(rows).toContain(`\`${word}\``);
    const environment = { ...s3Environment(s3), ...change, REGISTRY_HEALTH_STORAGEDRIVER_INTERVAL: "200ms" };
    const registry = await startRegistry({ environment });
    try {
      await until(async () => (await fetch(registry.url)).status === 503, "503");
      await registry.said(word);
    } finally {
      await registry.stop();
    }
  });
});

describe("whose folder of a bucket it is", () => {
  const signal = new AbortController().signal;
  const at = ({ host }: { host: string }) => ({ peer: { host }, authorization: undefined, signal });
  const ours = { installation: "ours", cache: "work/oras" };
  const theirs = { installation: "theirs", cache: "work/oras" };

  test("the first one claims it, for all registries of it; it is free when the mark is removed", async ({
    replicas: [one, two],
  }) => {
    expect(await claimStorage(at(one), ours)).toEqual(ours);
    expect(await claimStorage(at(two), theirs)).toEqual(ours);
    expect(await claimStorage(at(two), { ...ours, cache: "work/other" })).toEqual(ours);
    const mark = { repository: names.stateRepository, reference: names.ownerTag };
    await deleteManifest({ ...at(one), ...mark });
    expect(await claimStorage(at(two), theirs)).toEqual(theirs);
    expect(await claimStorage(at(one), ours)).toEqual(theirs);
  });

  test("stock oras reads the mark", async ({ replicas: [one] }) => {
    await claimStorage(at(one), ours);
    const mark = `${one.host}/${names.stateRepository}:${names.ownerTag}`;
    const { code, stdout } = await start(["oras", "manifest", "fetch", "--plain-http", mark], {
      env: await stockOras(),
    }).ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout).annotations[names.ownerCacheAnnotation]).toBe("work/oras");
  });

  test("one that does not answer as a registry does is not claimed", async ({ s3 }) => {
    const host = new URL(s3.endpoint).host;
    await expect(claimStorage(at({ host }), ours)).rejects.toThrow();
  });
});
