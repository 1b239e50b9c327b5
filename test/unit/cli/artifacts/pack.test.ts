import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  type ReadStream,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lookAt, tarOf } from "../../../../src/cli/artifacts/pack.ts";
import { withPacked } from "../../../../src/cli/artifacts/put.ts";
import { openStage } from "../../../../src/cli/artifacts/stage.ts";
import { readTar } from "../../../../src/cli/artifacts/tar-read.ts";
import { digestOf } from "../../../../src/cli/oci/registry.ts";
import { temporaryFolder } from "../../../support/folders.ts";

function makeFolder(): string {
  const folder = join(temporaryFolder("pack"), "bones");
  mkdirSync(join(folder, "deep"), { recursive: true });
  writeFileSync(join(folder, "run"), "#!/bin/sh\n");
  chmodSync(join(folder, "run"), 0o755);
  writeFileSync(join(folder, "deep", "b"), "x".repeat(1_000));
  symlinkSync("../run", join(folder, "deep", "l"));
  return folder;
}

async function namesIn(tar: Buffer): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of readTar(Readable.from([tar]))) found.push(name);
  return found;
}

const packed = (path: string) => buffer(tarOf(lookAt(path), () => undefined));

describe("packing", () => {
  it("names everything below the folder, or not, in order", async () => {
    const folder = makeFolder();
    const below = ["deep/", "deep/b", "deep/l", "run"];
    expect(await namesIn(await packed(folder))).toEqual(["bones/", ...below.map((name) => `bones/${name}`)]);
    expect(await namesIn(await packed(`${folder}/.`))).toEqual(below);
  });

  it("makes what GNU tar reads", async () => {
    const out = temporaryFolder("tar");
    execFileSync("tar", ["x", "-C", out], { input: await packed(makeFolder()) });
    expect(readFileSync(join(out, "bones/deep/l"), "utf8")).toBe("#!/bin/sh\n");
    expect(readdirSync(join(out, "bones")).sort()).toEqual(["deep", "run"]);
  });

  it("gives the same blob for the same files, whenever they were written, and leaves nothing behind", async () => {
    const files: string[] = [];
    const digests = [makeFolder(), makeFolder()].map((path) =>
      withPacked(
        lookAt(path),
        () => undefined,
        async ({ blob, content }) => {
          const stream = blob.open() as ReadStream;
          const tar = gunzipSync(await buffer(stream));
          files.push(String(stream.path));
          expect(digestOf(tar)).toBe(content);
          return blob.digest;
        },
      ),
    );
    const [first, second] = await Promise.all(digests);
    expect(first).toBe(second);
    expect(files.map((file) => existsSync(file))).toEqual([false, false]);
  });

  it.each(["/etc/passwd", "../../outside", "deep/../../x"])("refuses a link to %s", (target) => {
    const folder = makeFolder();
    symlinkSync(target, join(folder, "l"));
    expect(() => lookAt(folder)).toThrow(/is a link to .* outside of the folder.*cp -L/);
  });

  it("says what is not there", () => {
    expect(() => lookAt("/nonexistent/x")).toThrow("/nonexistent/x: there is no such file.");
  });

  it("is undone by unpacking, whatever the names", async () => {
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 60 })
      .map((bytes) => Buffer.from(bytes).toString("latin1").replaceAll(/[/\0]/g, "_"))
      .filter((text) => text !== "." && text !== "..");
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (names, nested) => {
          const folder = mkdtempSync(join(temporaryFolder("names"), "in-"));
          const inside = nested ? join(folder, "d".repeat(120)) : folder;
          mkdirSync(inside, { recursive: true });
          for (const each of names)
            writeFileSync(Buffer.concat([Buffer.from(`${inside}/`), Buffer.from(each, "latin1")]), each);
          const target = temporaryFolder("out");
          const stage = openStage(target, "a/b:1");
          for await (const entry of readTar(Readable.from([await packed(`${folder}/.`)])))
            await stage.add(entry);
          stage.commit();
          stage.remove();
          const out = nested ? join(target, "d".repeat(120)) : target;
          expect(readdirSync(out, { encoding: "latin1" }).sort()).toEqual([...names].sort());
        },
      ),
      { numRuns: 60 },
    );
  });
});
