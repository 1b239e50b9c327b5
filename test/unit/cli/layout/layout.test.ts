import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { openBlobs } from "../../../../src/cli/layout/blobs.ts";
import { makeLayout, namedOf, readIndex } from "../../../../src/cli/layout/index-file.ts";
import { openLayout } from "../../../../src/cli/layout/layout.ts";
import { withLock } from "../../../../src/cli/layout/lock.ts";
import { CliError } from "../../../../src/cli/output.ts";
import { temporaryFolder } from "../../../support/folders.ts";
import { descriptorOf } from "../../../support/stand-in.ts";
import { until } from "../../../support/wait.ts";

const named = (name: unknown, more: object = {}) => ({
  ...descriptorOf(Buffer.from("x")),
  annotations: { "org.opencontainers.image.ref.name": name } as Record<string, unknown>,
  ...more,
});
const other = descriptorOf(Buffer.from("y"));

describe("index.json, which any program may have written", () => {
  it.each([
    { digest: "sha256:../../etc/passwd" },
    { digest: [other.digest] },
    { digest: { toString: 1, valueOf: 1 } },
    { size: "1" },
    { size: -1 },
    { mediaType: "a/b\r\nx-evil: 1" },
    { mediaType: "text" },
    { mediaType: { toString: 1, valueOf: 1 } },
  ])("the entry with %j is told, and the others are read", (fault) => {
    const { named: read, problems } = namedOf([named("a/b:1"), named("a/b:2", fault)]);
    expect(read.map(({ name }) => name)).toEqual(["a/b:1"]);
    expect(problems).toEqual([
      expect.stringMatching(/^index\.json has the entry "[ -~…]*", which cannot be\.$/),
    ]);
  });

  it.each([7, null, ["a/b:1"], { toString: 1, valueOf: 1 }])("the name %j is none", (name) => {
    expect(namedOf([named(name)]).named).toMatchObject([{ name: "" }]);
  });

  it("a name of several manifests means none of them; one that is listed twice is one", () => {
    const { named: read, problems } = namedOf([
      ...[named("a:1"), named("a:1", other), named("b:1"), named("b:1")],
      ...[named(""), named("", other)],
    ]);
    expect(read.map(({ name }) => name)).toEqual(["b:1", "", ""]);
    expect(problems).toEqual([expect.stringContaining('several manifests of the name "a:1"')]);
  });
});

describe("a folder becomes a layout", () => {
  it.each([["nothing"], ["blobs"], ["blobs", "index.json"]])(
    "that was begun with %j %j",
    async (...begun) => {
      const folder = temporaryFolder("layout");
      await makeLayout(folder);
      const all = readdirSync(folder);
      for (const name of all.filter((one) => !begun.includes(one)))
        rmSync(join(folder, name), { recursive: true });
      await makeLayout(folder);
      expect(readdirSync(folder)).toEqual(all);
      expect(await readIndex(folder)).toEqual([]);
    },
  );

  it("that ran out of space in the midst of a file", async () => {
    const folder = temporaryFolder("layout");
    writeFileSync(join(folder, "index.json"), "");
    await makeLayout(folder);
    expect(await readIndex(folder)).toEqual([]);
  });

  it("that came without its empty folders, as from git", async () => {
    const folder = temporaryFolder("layout");
    await makeLayout(folder);
    rmSync(join(folder, "blobs"), { recursive: true });
    await makeLayout(folder);
    expect(readdirSync(join(folder, "blobs"))).toEqual(["sha256"]);
  });

  it.each(["{}", "[1]", '{\n  "schemaVersion": 3'])(
    "but not one with another's index.json: %j",
    async (text) => {
      const folder = temporaryFolder("layout");
      writeFileSync(join(folder, "index.json"), text);
      await expect(makeLayout(folder)).rejects.toThrow(CliError);
      expect(readFileSync(join(folder, "index.json"), "utf8")).toBe(text);
    },
  );
});

describe("several backups into one folder at the same time", () => {
  const manifest = (i: number) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, i }));
    return { bytes, mediaType: "application/vnd.oci.image.manifest.v1+json" };
  };

  it("make it a layout, and list what each of them copied", async () => {
    const folder = temporaryFolder("layout");
    const run = async (i: number) => {
      await makeLayout(folder);
      const layout = openLayout(folder);
      onTestFinished(layout.close);
      await layout.pushManifest(`runs/${i}`, "v1", manifest(i) as never);
      await layout.commit();
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => run(i)));
    const { named: all, problems } = namedOf(await readIndex(folder));
    expect(problems).toEqual([]);
    expect(all.map(({ name }) => name).sort()).toEqual(
      Array.from({ length: 12 }, (_, i) => `runs/${i}:v1`).sort(),
    );
    expect(readdirSync(folder).filter((name) => name.includes("lock"))).toEqual([]);
  });

  it("tell who holds the lock that does not give it up, and what to do", async () => {
    const path = join(temporaryFolder("lock"), ".index.lock");
    const running = Promise.withResolvers<void>();
    const first = withLock(path, () => running.promise);
    await until(() => existsSync(path) && readFileSync(path, "utf8").endsWith("\n"), "the lock");
    const second = withLock(path, async () => "never", 60);
    await expect(second).rejects.toThrow(
      new RegExp(`held by process ${process.pid} on .*, which writes to the same folder.*delete that file`),
    );
    running.resolve();
    await first;
    expect(await withLock(path, async () => "now")).toBe("now");
    expect(existsSync(path)).toBe(false);
  });

  it("take the lock of one that was killed", async () => {
    const path = join(temporaryFolder("lock"), ".index.lock");
    const { pid } = spawnSync("true");
    writeFileSync(path, `process ${pid} on ${hostname()}\n`);
    expect(await withLock(path, async () => "now", 0)).toBe("now");
  });

  it("make it a layout where one was killed that held the lock, and one that was taking it away", async () => {
    const folder = temporaryFolder("layout");
    const { pid } = spawnSync("true");
    for (const end of ["", ".dead"])
      writeFileSync(join(folder, `.index.lock${end}`), `process ${pid} on ${hostname()}\n`);
    await makeLayout(folder);
    expect(readdirSync(folder).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
  });

  it.each(["", "process 1 on elsewhere\n", `process ${process.pid} on ${hostname()}\n`, "process 0 on x\n"])(
    "do not take a lock that says %j",
    async (text) => {
      const path = join(temporaryFolder("lock"), ".index.lock");
      writeFileSync(path, text);
      await expect(withLock(path, async () => "never", 0)).rejects.toThrow(CliError);
      expect(readFileSync(path, "utf8")).toBe(text);
    },
  );

  it("free the lock when one of them fails", async () => {
    const path = join(temporaryFolder("lock"), ".index.lock");
    const fails = withLock(path, () => Promise.reject(new Error("no space")));
    await expect(fails).rejects.toThrow("no space");
    expect(existsSync(path)).toBe(false);
  });
});

describe("what is no file in the place of a blob", () => {
  const blob = descriptorOf(Buffer.alloc(0));
  async function layoutWith(put: (path: string) => void): Promise<string> {
    const folder = temporaryFolder("layout");
    await makeLayout(folder);
    put(join(folder, "blobs", "sha256", blob.digest.slice("sha256:".length)));
    return folder;
  }

  it.each([
    ["a pipe", (path: string) => execFileSync("mkfifo", [path])],
    ["a folder", (path: string) => mkdirSync(path)],
  ])("%s is not waited for: the blob is missing", async (_, put) => {
    const folder = await layoutWith(put);
    const [blobs, layout] = [openBlobs(folder), openLayout(folder)];
    onTestFinished(blobs.close);
    await expect(buffer(blobs.stream(blob))).rejects.toThrow("is missing, or is not what its name says");
    await expect(layout.manifest("a", blob.digest)).rejects.toThrow("the backup has no manifest");
  });
});

it("a manifest whose type cannot be sent in a header is told", async () => {
  const folder = temporaryFolder("layout");
  await makeLayout(folder);
  const bytes = Buffer.from(JSON.stringify({ mediaType: "a/b\r\nx: y" }));
  const { digest, size } = descriptorOf(bytes);
  writeFileSync(join(folder, "blobs", "sha256", digest.slice("sha256:".length)), bytes);
  expect(size).toBe(bytes.length);
  await expect(openLayout(folder).manifest("a", digest)).rejects.toThrow(CliError);
});
