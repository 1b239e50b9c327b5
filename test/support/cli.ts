import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { names } from "../../schema/names.ts";
import { annotations } from "../../src/annotations/table.ts";
import { type Ended, start } from "./processes.ts";

/** A folder for manifests, outside of the repository. */
export interface Folder {
  readonly path: string;
  /** Writes a file, with the folders that it is in, and returns its path. */
  readonly write: (name: string, text: string) => Promise<string>;
  readonly remove: () => Promise<void>;
}

/** Makes an empty folder. */
export async function makeFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "oras-operator-cli-"));
  return {
    path,
    write: async (name, text) => {
      const file = join(path, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      return file;
    },
    remove: () => rm(path, { recursive: true }),
  };
}

/** The program as it is shipped. */
export interface Program {
  readonly folder: string;
  readonly run: (args: readonly string[], input?: string) => Promise<Ended>;
  readonly remove: () => Promise<void>;
}

/** Builds the program as the image has it. */
export async function buildProgram(): Promise<Program> {
  await mkdir(".tmp", { recursive: true });
  const folder = await mkdtemp(join(resolve(".tmp"), "program-"));
  const arguments_ = ["--out-dir", folder, "--metafile", "--silent"];
  await promisify(execFile)(process.execPath, [
    resolve("node_modules/tsup/dist/cli-default.js"),
    ...arguments_,
  ]);
  return {
    folder,
    run: (args, input) =>
      start([process.execPath, join(folder, "oras-operator.js"), ...args], {
        env: process.env,
        ...(input === undefined ? {} : { input }),
      }).ended,
    remove: () => rm(folder, { recursive: true }),
  };
}

/** A Job that pushes an artifact, as a user writes it. */
export function jobManifest({
  name = "breakfast",
  lines = [
    `${annotations["output-uri"].key}: dinosaur/hello-world:pancakes`,
    `${annotations["output-pipe"].key}: pancakes.txt`,
  ],
  command = "[echo, blueberry]",
}: {
  readonly name?: string;
  readonly lines?: readonly string[];
  readonly command?: string;
} = {}): string {
  return `apiVersion: batch/v1
kind: Job
metadata:
  name: ${name}
  annotations:
${lines.map((line) => `    ${line}\n`).join("")}spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: main
          image: perl:5.34.0
          command: ${command}
`;
}

/** An OrasCache, as a user writes it. */
export function cacheManifest(spec = "{}", metadata = "name: oras"): string {
  return `apiVersion: ${names.apiVersion}\nkind: ${names.kind}\nmetadata: { ${metadata} }\nspec: ${spec}\n`;
}
