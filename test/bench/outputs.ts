import { randomBytes } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** An output of a step as one of the cases has it. */
export interface Output {
  readonly id: "A" | "B" | "C" | "D" | "E";
  readonly what: string;
  /** Makes it below a folder; returns the name there. */
  readonly make: (folder: string) => string;
}

/** Numbers as programs print them, of which a half is left when they are compressed. */
const numbers = Buffer.from(
  Array.from(randomBytes(5 * 2 ** 20), (byte, i) =>
    i % 8 === 7 ? (i % 64 === 63 ? "\n" : ",") : byte % 10,
  ).join(""),
);

/** Half of it cannot be compressed, the other half is text. */
function halfRandom(bytes: number): Buffer {
  const at = Math.floor(Math.random() * (numbers.length - bytes / 2));
  return Buffer.concat([randomBytes(bytes / 2), numbers.subarray(at, at + bytes / 2)]);
}

function bigFile(folder: string): string {
  const path = join(folder, "model.bin");
  writeFileSync(path, "");
  for (let i = 0; i < 64; i++) writeFileSync(path, randomBytes(2 ** 24), { flag: "a" });
  return "model.bin";
}

/** Files of a size in folders of 1,000. */
function tree(folder: string, count: number, content: () => Buffer): string {
  for (let i = 0; i < count; i++) {
    const inner = join(folder, "results", `part-${Math.floor(i / 1000)}`);
    if (i % 1000 === 0) mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, `sample-${i}.csv`), content());
  }
  return "results";
}

/** A directory for each file, in directories of a hundred, and links that climb to files beside them. */
function directories(folder: string): string {
  for (let i = 0; i < 20_000; i++) {
    const inner = join(folder, "packages", `group-${Math.floor(i / 100)}`, `package-${i}`);
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, "index.js"), `export default ${i};\n`);
    if (i % 4 === 1) symlinkSync(`../package-${i - 1}/index.js`, join(inner, "peer.js"));
  }
  return "packages";
}

/** What is measured. */
export const outputs: readonly Output[] = [
  {
    id: "A",
    what: "100,000 files of 2.6 KiB",
    make: (folder) => tree(folder, 100_000, () => halfRandom(2662)),
  },
  { id: "B", what: "one file of 1 GiB that cannot be compressed", make: bigFile },
  {
    id: "C",
    what: "50 files of 10 MiB, half of it text",
    make: (folder) => tree(folder, 50, () => halfRandom(10 * 2 ** 20)),
  },
  {
    id: "D",
    what: "one file of 10 bytes",
    make: (folder) => {
      writeFileSync(join(folder, "answer.txt"), "blueberry\n");
      return "answer.txt";
    },
  },
  { id: "E", what: "20,000 files in 20,000 directories, and 5,000 links", make: directories },
];
