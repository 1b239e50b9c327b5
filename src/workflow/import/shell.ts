import { foldersOf, outputsFolder } from "./paths.ts";
import type { Command, Task } from "./workflow.ts";

/** A word as a shell reads it. */
export function shellWord(word: string): string {
  return /^[\w./:@%+,-]+$/.test(word) ? word : quotedWord(word);
}

/** With quotes it is neither a keyword of the shell nor an assignment. */
function quotedWord(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The text that a step's shell runs: the program in the working directory, where its inputs lie; then what it made goes where it
 * is pushed from.
 *
 * @param task - see there
 * @param program - what it runs
 */
export function scriptOf({ outputs }: Task, program: string): string {
  const folders = [...new Set(outputs.flatMap((path) => foldersOf(path).slice(0, 1)))];
  const into = (before: string) => folders.map((folder) => shellWord(`${before}${folder}`)).join(" ");
  return [
    "set -eu",
    ...(folders.length > 0 ? [`mkdir -p ${into("./")}`] : []),
    program,
    `mkdir -p ${outputsFolder} ${into(`${outputsFolder}/`)}`.trim(),
    ...outputs.map((path) => `mv ${shellWord(`./${path}`)} ${shellWord(`${outputsFolder}/${path}`)}`),
    "",
  ].join("\n");
}

/** A command as a line of a shell. A text runs in a shell of its own, so it may end with `exit`. */
export function lineOf(command: Command): string {
  if (typeof command === "string") return `(\n${command}\n)`;
  const [program = "", ...words] = command;
  return [quotedWord(program), ...words.map(shellWord)].join(" ");
}

/**
 * A stand-in for a program: reads all inputs, and writes outputs of given sizes whose bytes depend on nothing but the bytes of the
 * inputs and the names of the outputs.
 *
 * @param task - see there
 * @param sizes - in bytes, by path
 */
export function standInFor({ inputs, outputs }: Task, sizes: (path: string) => number): string {
  const read = inputs.map((path) => shellWord(`./${path}`)).join(" ");
  return [
    ...(inputs.length > 0
      ? [`sums=$(sha256sum ${read})`, `seed=$(printf %s "$sums" | sha256sum)`]
      : ["seed=none"]),
    ...outputs.map((path) => bytesFor(path, sizes(path), '"$seed" ')),
  ].join("\n");
}

/** A line that makes a file of a size. */
export function bytesFor(path: string, size: number, seed = ""): string {
  const word = shellWord(`./${path}`);
  return `yes ${seed}${word} | head -c ${size} > ${word}`;
}

/**
 * A word of `command` or `args` of a container, of which the kubelet makes what it was.
 *
 * @see https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
 */
export function unexpanded(word: string): string {
  return word.replaceAll(/\$(?=[($])/g, "$$$$");
}
