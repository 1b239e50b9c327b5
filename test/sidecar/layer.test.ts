import { execFileSync, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../support/sidecar.ts";

/** Compiled with what finds wrong accesses and undefined behaviour, and with what finds races. */
const sanitizers = ["address,undefined", "thread"];
const programs: string[] = [];
let folder: string;

beforeAll(() => {
  folder = temporaryFolder("layer");
  for (const [i, sanitizer] of sanitizers.entries()) {
    const program = join(folder, `layer-${i}`);
    const flags = ["-g", "-O1", "-Wall", "-Wextra", "-Werror", `-fsanitize=${sanitizer}`];
    execFileSync("cc", [
      ...flags,
      "-fno-sanitize-recover=all",
      "-o",
      program,
      "src/sidecar/layer.c",
      "-lisal",
      "-lnettle",
      "-lzstd",
    ]);
    programs.push(program);
  }
});

const sha256 = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

interface Result {
  readonly code: number | null;
  readonly blob: Buffer;
  readonly report: string;
  readonly stderr: string;
}

function layer(words: string[], input: Buffer, via: string[] = [], program = programs[0] ?? ""): Result {
  const file = join(folder, "report");
  const report = openSync(file, "w");
  const [command = "", ...args] = [...via, program, ...words];
  const { status, stdout, stderr } = spawnSync(command, args, {
    input,
    stdio: ["pipe", "pipe", "pipe", report],
    maxBuffer: 2 ** 28,
  });
  closeSync(report);
  return { code: status, blob: stdout, report: readFileSync(file, "utf8"), stderr: stderr.toString() };
}

/** What the program works on at a time, of which a tar's parts may begin and end anywhere. */
const piece = 512 * 1024;
const sizes = fc.oneof(
  fc.nat(3000),
  fc
    .tuple(fc.constantFrom(1, 2, 3), fc.integer({ min: -3, max: 3 }))
    .map(([n, off]) => n * piece + off * 512),
);
const fills = {
  zeros: (size: number) => Buffer.alloc(size),
  text: (size: number) => Buffer.alloc(size, "some text, some text and 12345\n"),
  random: (size: number) => randomBytes(size),
  "a little of all": (size: number) =>
    Buffer.concat([randomBytes(size >> 1), Buffer.alloc(size, "text")], size),
};
const contents = fc.array(
  fc.tuple(sizes, fc.constantFrom(...(Object.keys(fills) as (keyof typeof fills)[]))),
  {
    maxLength: 4,
  },
);
const filesOf = (drawn: readonly (readonly [number, keyof typeof fills])[]) =>
  drawn.map(([size, fill]) => fills[fill](size));

/** A tar of files, in records of a number of blocks. */
function tarOf(files: readonly Buffer[], blocks: number): Buffer {
  const from = temporaryFolder("files");
  for (const [i, content] of files.entries()) writeFileSync(join(from, `file-${i}`), content);
  const words = ["--create", "--sort=name", "--mtime=@0", "--format=gnu", `--blocking-factor=${blocks}`, "."];
  return execFileSync("tar", words, { cwd: from, maxBuffer: 2 ** 28 });
}

const unpackers = { gzip: ["gzip", "-d"], none: ["gzip", "-d"], zstd: ["zstd", "-d"] };
type Kind = keyof typeof unpackers;
const kinds = Object.keys(unpackers) as Kind[];

function unpack(kind: Kind, blob: Buffer): Buffer {
  const [command = "", ...args] = unpackers[kind];
  return execFileSync(command, args, { input: blob, maxBuffer: 2 ** 28 });
}

describe.each(kinds)("a tar, by layer %s", (kind) => {
  it("in records of any size becomes one blob that holds it up to its end mark", () => {
    fc.assert(
      fc.property(contents, fc.constantFrom(1, 20, 128, 2048), (drawn, blocks) => {
        const files = filesOf(drawn);
        const exact = tarOf(files, 1);
        const { code, blob, report, stderr } = layer([kind], tarOf(files, blocks));
        expect(code, stderr).toBe(0);
        expect(unpack(kind, blob).equals(exact)).toBe(true);
        expect(report).toBe(`${sha256(blob)} ${blob.length} ${sha256(exact)}\n`);
      }),
      { numRuns: 20 },
    );
  });

  it("becomes the same blob on one core and on all, without a race", () => {
    const archive = tarOf([Buffer.alloc(5_000_000, "text and 98765"), Buffer.alloc(3_000_000)], 128);
    const [one, all, raced] = [
      layer([kind], archive, ["taskset", "--cpu-list", "0"]),
      layer([kind], archive),
      layer([kind], archive, ["setarch", "--addr-no-randomize"], programs[1]),
    ];
    expect(raced.stderr).toBe("");
    for (const { code, blob, report } of [one, all, raced]) {
      expect(code).toBe(0);
      expect(blob.equals(all.blob)).toBe(true);
      expect(report).toBe(all.report);
    }
  });
});

it("by layer zstd a tar is one frame: some readers stop after the first", () => {
  const blob = join(folder, "many-pieces.tar.zst");
  writeFileSync(blob, layer(["zstd"], tarOf([Buffer.alloc(5 * piece, "text and 98765")], 128)).blob);
  expect(execFileSync("zstd", ["--list", "--verbose", blob]).toString()).toMatch(
    /^(# Zstandard|Number of) Frames: 1$/im,
  );
});

describe("what should be a tar", () => {
  it("may have members of 8 GiB and more, whose sizes are in base 256", () => {
    const file = join(temporaryFolder("sparse"), "sparse");
    execFileSync("truncate", ["--size=9G", file]);
    // Only its beginning comes, so that the size alone is what says that more should.
    const begin = execFileSync("sh", ["-c", 'tar -c "$1" 2>&- | head -c 2000000', "sh", file], {
      maxBuffer: 2 ** 28,
    });
    expect(begin[124]).toBe(0x80);
    expect(layer(["gzip"], begin)).toMatchObject({
      code: 1,
      report: "",
      stderr: "oras: error: layer: the tar ends before its end mark\n",
    });
  });

  it("is refused when it is cut short anywhere", () => {
    const archive = tarOf([Buffer.alloc(700_000, "x"), Buffer.alloc(10)], 1);
    fc.assert(
      fc.property(fc.nat(archive.length - 1), (length) => {
        const { code, report, stderr } = layer(["gzip"], archive.subarray(0, length));
        expect({ code, report }).toEqual({ code: 1, report: "" });
        expect(stderr).toBe("oras: error: layer: the tar ends before its end mark\n");
      }),
      { numRuns: 20 },
    );
  });

  it("is refused when it is none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), (bytes) => {
        const { code, report, stderr } = layer(["gzip"], Buffer.from(bytes));
        fc.pre(bytes.some((byte) => byte !== 0));
        expect({ code, report }).toEqual({ code: 1, report: "" });
        expect(stderr).toMatch(
          /^oras: error: layer: (what is to be packed is not a tar|the tar ends before its end mark)\n$/,
        );
      }),
      { numRuns: 50 },
    );
  });

  it("is refused with sizes of members that cannot be", () => {
    const archive = tarOf([Buffer.alloc(10)], 1);
    const second = archive.subarray(512);
    second.fill(0xff, 124, 136);
    expect(layer(["gzip"], archive)).toMatchObject({
      code: 1,
      stderr: "oras: error: layer: a member of the tar has a size that cannot be\n",
    });
  });
});

describe("layer", () => {
  it("file copies, and takes the digest", () => {
    fc.assert(
      fc.property(contents, (drawn) => {
        const input = Buffer.concat(filesOf(drawn));
        const { code, blob, report } = layer(["file"], input);
        expect(code).toBe(0);
        expect(blob.equals(input)).toBe(true);
        expect(report).toBe(`${sha256(input)} ${input.length} ${sha256(input)}\n`);
      }),
      { numRuns: 20 },
    );
  });

  it.each([{ words: ["file"] }, { words: ["gzip"] }])(
    "$words says when there is no room for the blob, and makes no report",
    ({ words }) => {
      const { code, report, stderr } = layer(words, tarOf([Buffer.alloc(3_000_000)], 1), [
        "sh",
        "-c",
        'exec "$@" >/dev/full',
        "sh",
      ]);
      expect({ code, report }).toEqual({ code: 1, report: "" });
      expect(stderr).toBe("oras: error: layer: cannot write the blob: No space left on device\n");
    },
  );

  it.each([[[]], [["auto"]], [["gzip", "1"]]])("%j is no use of it", (words) => {
    expect(layer(words, Buffer.alloc(0))).toMatchObject({
      code: 1,
      report: "",
      stderr: expect.stringContaining("usage"),
    });
  });
});
