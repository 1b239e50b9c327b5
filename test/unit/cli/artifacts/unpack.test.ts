import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unpacked } from "../../../../src/cli/artifacts/packed.ts";
import { cleanPath, staysInside } from "../../../../src/cli/artifacts/paths.ts";
import { openStage } from "../../../../src/cli/artifacts/stage.ts";
import { type Entry, readTar } from "../../../../src/cli/artifacts/tar-read.ts";
import { temporaryFolder } from "../../../support/folders.ts";
import { type Member, packTar } from "../../../support/tar.ts";

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A target, and beside it something that nothing may reach. */
function makeTarget() {
  const folder = temporaryFolder("unpack");
  writeFileSync(join(folder, "outside"), "untouched");
  const target = join(folder, "target");
  mkdirSync(target);
  return { folder, target };
}

async function unpackInto(target: string, blob: Buffer, piece = 100): Promise<void> {
  const stage = openStage(target, "a/b:1");
  try {
    for await (const entry of readTar(unpacked(inPieces(blob, piece)))) await stage.add(entry);
    stage.commit();
  } finally {
    stage.remove();
  }
}

const unpack = (target: string, members: readonly Member[]) => unpackInto(target, packTar(members));
const file = (name: string, content = "x"): Member => ({ type: "0", name, content });

describe("unpacking", () => {
  it("makes files, folders and links, whatever the pieces in which they come", async () => {
    const { target } = makeTarget();
    const blob = packTar([
      { type: "5", name: "out/" },
      file("out/a", "hello"),
      { type: "2", name: "out/l", target: "a" },
      { type: "1", name: "out/h", target: "out/a" },
      file("out/deep/er/b", "y".repeat(2_000)),
    ]);
    for (const piece of [1, 7, 512, 100_000]) await unpackInto(target, blob, piece);
    expect(readFileSync(join(target, "out/h"), "utf8")).toBe("hello");
    expect(readlinkSync(join(target, "out/l"))).toBe("a");
    expect(readFileSync(join(target, "out/deep/er/b"), "utf8")).toHaveLength(2_000);
    expect(readdirSync(target)).toEqual(["out"]);
  });

  it.each<[string, Member[]]>([
    ["a name that climbs", [file("../outside", "evil")]],
    ["a name that climbs in its middle", [file("a/../../outside", "evil")]],
    ["an absolute name", [file("/tmp/evil", "evil")]],
    ["a link to above", [{ type: "2", name: "l", target: "../outside" }]],
    ["an absolute link", [{ type: "2", name: "l", target: "/etc" }]],
    ["a link that climbs behind a name", [{ type: "2", name: "l", target: "a/../../outside" }]],
    ["a file below a link", [{ type: "2", name: "l", target: "." }, file("l/x")]],
    [
      "a folder that is a link",
      [
        { type: "2", name: "l", target: "." },
        { type: "5", name: "l/" },
      ],
    ],
    ["a hard link to the outside", [{ type: "1", name: "h", target: "../outside" }]],
    ["a hard link to what is not there", [{ type: "1", name: "h", target: "nothing" }]],
    [
      "a hard link to a link",
      [
        { type: "2", name: "l", target: "a" },
        { type: "1", name: "h", target: "l" },
      ],
    ],
    ["a file that is a folder", [{ type: "5", name: "d/" }, file("d")]],
    ["a file below a file", [file("f"), file("f/x")]],
    ["a name of nothing", [file(".")]],
  ])("refuses %s, and writes nothing", async (_, members) => {
    const { folder, target } = makeTarget();
    await expect(unpack(target, [file("first"), ...members])).rejects.toThrow(
      /^Artifact a\/b:1: its entry .* nothing was written/,
    );
    expect(readdirSync(target)).toEqual([]);
    expect(readFileSync(join(folder, "outside"), "utf8")).toBe("untouched");
  });

  it("makes no devices and pipes", async () => {
    const { target } = makeTarget();
    await unpack(target, [
      { type: "3", name: "null" },
      { type: "4", name: "disk" },
      { type: "6", name: "pipe" },
      file("a"),
    ]);
    expect(readdirSync(target)).toEqual(["a"]);
  });

  it("follows no link that was there before", async () => {
    const { folder, target } = makeTarget();
    symlinkSync("..", join(target, "up"));
    symlinkSync("../outside", join(target, "file"));
    await expect(unpack(target, [file("up/outside", "evil")])).rejects.toThrow(
      /up is a symbolic link, and the artifact a\/b:1 has a folder/,
    );
    await unpack(target, [file("file", "new")]);
    expect(lstatSync(join(target, "file")).isFile()).toBe(true);
    expect(readFileSync(join(folder, "outside"), "utf8")).toBe("untouched");
  });

  it("puts folders together, replaces files, and nothing where it cannot", async () => {
    const { target } = makeTarget();
    mkdirSync(join(target, "d"));
    writeFileSync(join(target, "d/old"), "old");
    writeFileSync(join(target, "d/both"), "old");
    await unpack(target, [file("d/both", "new"), file("d/fresh/x", "new")]);
    expect(readdirSync(join(target, "d")).sort()).toEqual(["both", "fresh", "old"]);
    expect(readFileSync(join(target, "d/both"), "utf8")).toBe("new");
    await expect(unpack(target, [file("a"), file("d")])).rejects.toThrow(
      /d is a folder, and the artifact a\/b:1 has a file/,
    );
    expect(readdirSync(target)).toEqual(["d"]);
  });

  it("lets later entries of a name replace earlier ones", async () => {
    const { target } = makeTarget();
    await unpack(target, [file("a", "first"), { type: "2", name: "a", target: "b" }, file("a", "last")]);
    expect(readFileSync(join(target, "a"), "utf8")).toBe("last");
  });

  it("keeps modes, but for what would give rights", async () => {
    const { target } = makeTarget();
    const tar = gunzipSync(packTar([file("run")]));
    withMode(tar, "0004755");
    await unpackInto(target, gzipSync(tar));
    expect(lstatSync(join(target, "run")).mode & 0o7777).toBe(0o755);
  });

  it.each([
    ["is cut", (tar: Buffer) => tar.subarray(0, 700)],
    ["is no archive", () => Buffer.alloc(2_000, "x")],
    ["has a wrong sum", (tar: Buffer) => Buffer.from(tar).fill("y", 0, 1)],
  ])("refuses an archive that %s", async (_, spoil) => {
    const { target } = makeTarget();
    const tar = gunzipSync(packTar([file("a", "z".repeat(1_000))]));
    await expect(unpackInto(target, gzipSync(spoil(tar)))).rejects.toThrow(/archive/);
    expect(readdirSync(target)).toEqual([]);
  });

  it("reads several frames of zstd", async () => {
    const tar = gunzipSync(packTar([file("a", "hello"), file("b", "world")]));
    const blob = Buffer.concat([zstdCompressSync(tar.subarray(0, 700)), zstdCompressSync(tar.subarray(700))]);
    const found: string[] = [];
    for await (const entry of readTar(unpacked(inPieces(blob, 50)))) found.push(entry.name);
    expect(found).toEqual(["a", "b"]);
  });

  it("says what broke the blob, not that the stream ended", async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield packTar([file("a", "hello")]).subarray(0, 30);
      throw new Error("the registry burns");
    }
    await expect(drain(readTar(unpacked(broken())))).rejects.toThrow("the registry burns");
  });

  it("never leaves its folder, whatever the entries", async () => {
    const step = fc.constantFrom("a", "b", "..", ".", "", "c/..", "/");
    const path = fc.array(step, { minLength: 1, maxLength: 4 }).map((steps) => steps.join("/") || "a");
    const member = fc.record({ type: fc.constantFrom("0", "1", "2", "5"), name: path, target: path });
    await fc.assert(
      fc.asyncProperty(fc.array(member, { maxLength: 6 }), async (members) => {
        const { folder, target } = makeTarget();
        await unpack(target, members as Member[]).catch(() => undefined);
        expect(readdirSync(folder).sort()).toEqual(["outside", "target"]);
        expect(readFileSync(join(folder, "outside"), "utf8")).toBe("untouched");
      }),
      { numRuns: 150 },
    );
  });
});

describe("the tar reader", () => {
  it("takes names from extended headers, and bytes that are not UTF-8", async () => {
    const long = `${"d".repeat(90)}/${"f".repeat(90)}`;
    const records = record("path", long) + record("hdrcharset", "BINARY");
    const tar = Buffer.concat([
      raw("x", "PaxHeaders.0/x", Buffer.from(records)),
      raw("0", "short", Buffer.from("1")),
      raw("0", "\xff\xfe", Buffer.from("2")),
      Buffer.alloc(1024),
    ]);
    const entries = await drain(readTar(inPieces(tar, 33)));
    expect(entries.map(({ name }) => name)).toEqual([long, "\xff\xfe"]);
  });

  it.each<[string, Buffer[]]>([
    ["one long one", [raw("x", "p", Buffer.from("0".repeat(2 ** 20)))]],
    ["many with records", repeated(raw("x", "p", Buffer.from(record("k", "v".repeat(500)))), 1_100)],
    ["many that are empty", repeated(raw("x", "p", Buffer.alloc(0)), 2_100)],
    ["many about the whole archive", repeated(raw("g", "p", Buffer.alloc(0)), 2_100)],
    ["many long names", repeated(raw("L", "p", Buffer.from("n")), 2_100)],
  ])("refuses extended headers without end: %s", async (_, headers) => {
    const tar = Buffer.concat([...headers, raw("0", "a", Buffer.from("1")), Buffer.alloc(1024)]);
    await expect(drain(readTar(inPieces(tar, 10_000)))).rejects.toThrow("headers that are too long");
  });

  it("takes any number of entries with extended headers", async () => {
    const entry = [
      raw("x", "p", Buffer.from(record("path", "n".repeat(600)))),
      raw("0", "a", Buffer.from("1")),
    ];
    const tar = Buffer.concat([...repeated(Buffer.concat(entry), 1_100), Buffer.alloc(1024)]);
    expect(await drain(readTar(inPieces(tar, 100_000)))).toHaveLength(1_100);
  });

  it("reads GNU tar's long names", async () => {
    const long = "n".repeat(150);
    const tar = Buffer.concat([
      raw("L", "././@LongLink", Buffer.from(`${long}\0`)),
      raw("0", "n", Buffer.from("1")),
      Buffer.alloc(1024),
    ]);
    expect((await drain(readTar(inPieces(tar, 99)))).map(({ name }) => name)).toEqual([long]);
  });

  it("reads sparse files, and refuses maps that lie", async () => {
    const map = (text: string) => Buffer.concat([Buffer.from(text), Buffer.alloc(512 - text.length)]);
    const sparse = (text: string, size: number) => {
      const records = [
        ["GNU.sparse.major", "1"],
        ["GNU.sparse.minor", "0"],
        ["GNU.sparse.name", "s"],
        ["GNU.sparse.realsize", String(size)],
      ];
      const header = Buffer.from(records.map(([key = "", value = ""]) => record(key, value)).join(""));
      return Buffer.concat([
        raw("x", "p", header),
        raw("0", "GNUSparseFile.0/s", Buffer.concat([map(text), Buffer.from("abcdef")])),
        Buffer.alloc(1024),
      ]);
    };
    const { target } = makeTarget();
    await unpackInto(target, gzipSync(sparse("3\n1024\n2\n4096\n4\n9000\n0\n", 9_000)), 3);
    const found = readFileSync(join(target, "s"));
    expect(found).toHaveLength(9_000);
    expect([found.toString("latin1", 1024, 1026), found.toString("latin1", 4096, 4100)]).toEqual([
      "ab",
      "cdef",
    ]);
    expect(found.filter((byte) => byte !== 0)).toHaveLength(6);
    for (const lie of ["1\n0\n7\n", "2\n10\n3\n5\n3\n", "1\n8998\n6\n", "999999999\n0\n6\n", "x\n"]) {
      await expect(drain(readTar(inPieces(sparse(lie, 9_000), 512)))).rejects.toThrow(/archive/);
    }
  });
});

describe("paths", () => {
  it("are clean or none", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ab./]{0,12}$/), (name) => {
        const clean = cleanPath(name);
        if (clean === undefined) expect(name.startsWith("/") || name.split("/").includes("..")).toBe(true);
        else expect(join("/top", clean).startsWith("/top")).toBe(true);
      }),
    );
  });

  it("of links stay inside, also through other links", () => {
    expect(staysInside(1, "../a")).toBe(true);
    expect(staysInside(0, "../a")).toBe(false);
    expect(staysInside(2, "a/..")).toBe(false);
    expect(staysInside(0, "")).toBe(false);
  });
});

async function drain(entries: AsyncGenerator<Entry>): Promise<Entry[]> {
  const found: Entry[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

function record(key: string, value: string): string {
  const body = ` ${key}=${value}\n`;
  const length = [2, 3].find((digits) => String(body.length + digits).length === digits) ?? 2;
  return `${body.length + length}${body}`;
}

function repeated(part: Buffer, times: number): Buffer[] {
  return Array.from({ length: times }, () => part);
}

/** An entry with any type, name and content. */
function raw(type: string, name: string, body: Buffer): Buffer {
  const tar = gunzipSync(packTar([{ type: "0", name: "n", content: "x".repeat(body.length) }]));
  const header = tar.subarray(0, 512);
  header.fill(0, 0, 100).write(name, 0, 100, "latin1");
  header.write(type, 156);
  body.copy(tar, 512);
  sign(header);
  return tar.subarray(0, 512 + Math.ceil(body.length / 512) * 512);
}

function withMode(tar: Buffer, mode: string): void {
  tar.write(mode, 100);
  sign(tar.subarray(0, 512));
}

function sign(header: Buffer): void {
  header.write(" ".repeat(8), 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0`, 148);
}
