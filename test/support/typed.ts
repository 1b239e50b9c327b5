import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./folders.ts";
import { kubectl } from "./kubectl.ts";
import { type Ended, start } from "./processes.ts";

/** The command lines of each block of a page that is marked `sh`, in their order. */
export function blocksOf(file: string): string[][] {
  return [...readFileSync(file, "utf8").matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) =>
    lines(block),
  );
}

/**
 * The commands of a page that log in to a registry: the indented or fenced block with `oras login`.
 *
 * @param file - of Markdown
 */
export function loginBlock(file: string): string[] {
  const indented = [...readFileSync(file, "utf8").matchAll(/(?:^ {4}\S?.*\n)+/gm)].map(([block]) =>
    lines(block.replaceAll(/^ {4}/gm, "")),
  );
  const found = [...blocksOf(file), ...indented].find((block) => block.join().includes("oras login"));
  if (found === undefined) throw new Error(`${file} has no block with oras login`);
  return found;
}

/** One that ends in a pipe goes on. */
function lines(block: string): string[] {
  return block.trim().split(/(?<!\|)\n/);
}

/**
 * Types commands in a shell, as somebody would whose namespace this is. One that ends in `&` is waited for until it says
 * that it forwards a port.
 *
 * @param namespace - of the current context
 * @param lines - commands
 * @returns what the shell left behind, and the folder that it was in
 */
export async function type(namespace: string, lines: readonly string[]): Promise<Ended & { folder: string }> {
  const folder = temporaryFolder("typed");
  const env = { ...process.env, HOME: folder, KUBECONFIG: join(folder, "kubeconfig") };
  writeFileSync(env.KUBECONFIG, await kubectl(["config", "view", "--raw", "--flatten"]), { mode: 0o600 });
  const use = ["kubectl", "config", "set-context", "--current", "--namespace", namespace];
  await start(use, { env }).ended;
  const isBehind = (line: string) => line.endsWith("&");
  const behind = lines.filter(isBehind).map((line) => start(line.slice(0, -1).trim().split(" "), { env }));
  try {
    for (const forward of behind) await forward.said("Forwarding from");
    const script = lines.filter((line) => !isBehind(line)).join("\n");
    return { folder, ...(await start(["sh", "-euc", script], { env, cwd: folder }).ended) };
  } finally {
    for (const { child } of behind) child.kill();
    await Promise.all(behind.map(({ ended }) => ended));
  }
}
