import { spawn } from "node:child_process";
import { exits } from "../exits.ts";
import { formatDocuments } from "../inject.ts";
import { objectsOf } from "../manifests/objects.ts";
import { readSources } from "../manifests/sources.ts";
import { CliError } from "../output.ts";
import type { Where } from "../remote/session.ts";
import { makeRun, type RunOptions } from "./as-run.ts";

/**
 * Applies manifests as one run, by kubectl.
 *
 * @param places - files, folders, URLs, or `-`
 * @param options - of the command
 * @throws CliError where something cannot be read or applied
 */
export async function applyRun(places: readonly string[], options: RunOptions & Where): Promise<void> {
  const { namespace, context, ...run } = options;
  const { documents, objects, refused } = objectsOf(await readSources(places), namespace ?? "default");
  if (refused.length > 0) {
    const lines = refused.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`);
    throw new CliError(lines.join("\n"), exits.usage);
  }
  makeRun(objects, run);
  const where = [
    ...(namespace === undefined ? [] : ["--namespace", namespace]),
    ...(context === undefined ? [] : ["--context", context]),
  ];
  await pipeInto(["kubectl", "apply", ...where, "-f", "-"], formatDocuments(documents, "yaml"));
}

/** kubectl writes to the terminal itself. */
function pipeInto([command = "", ...args]: readonly string[], text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "inherit", "inherit"] });
    child.on("error", (cause: NodeJS.ErrnoException) => {
      const message =
        cause.code === "ENOENT"
          ? "kubectl is not in your PATH, and it applies the manifests."
          : cause.message;
      reject(new CliError(message, exits.usage, { cause }));
    });
    // What kubectl does not read any more it has said something about.
    child.stdin.on("error", () => {});
    child.stdin.end(text);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new CliError("Not everything was applied.", exits.failed)),
    );
  });
}
