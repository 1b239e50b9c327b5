import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { names } from "../../schema/names.ts";
import { pluginFile } from "../../src/cli/name.ts";
import { temporaryFolder } from "./folders.ts";
import { kubectl } from "./kubectl.ts";
import { type Ended, start } from "./processes.ts";

/** A terminal of somebody whose namespace this is: in a folder with the examples, with the command line in the path. */
export interface Terminal {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Opens a terminal whose current namespace is this one. */
export async function openTerminal(namespace: string): Promise<Terminal> {
  const folder = temporaryFolder("typed");
  const home = temporaryFolder("home");
  const programs = join(home, "bin");
  mkdirSync(programs);
  // The program knows by the name of its file whether it is kubectl's plugin.
  for (const name of [names.operatorName, pluginFile]) {
    symlinkSync(resolve("src/cli/main.ts"), join(home, name));
    const script = `#!/bin/sh\nexec '${process.execPath}' '${join(home, name)}' "$@"\n`;
    writeFileSync(join(programs, name), script, { mode: 0o755 });
  }
  cpSync("examples", join(folder, "examples"), { recursive: true });
  const KUBECONFIG = join(home, "kubeconfig");
  writeFileSync(KUBECONFIG, await kubectl(["config", "view", "--raw", "--flatten"]), { mode: 0o600 });
  const PATH = [programs, process.env["PATH"]].join(delimiter);
  const env = { ...process.env, PATH, HOME: home, KUBECONFIG, TMPDIR: temporaryFolder("tmp") };
  const use = ["kubectl", "config", "set-context", "--current", "--namespace", namespace];
  await start(use, { env }).ended;
  return { folder, env };
}

/** Writes something else into a file of the examples, as a page asks for. */
export function edit({ folder }: Terminal, file: string, changes: Readonly<Record<string, string>>): void {
  const path = join(folder, file);
  let text = readFileSync(path, "utf8");
  for (const [from, to] of Object.entries(changes)) {
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    text = text.replace(from, to);
  }
  writeFileSync(path, text);
}

/**
 * Types commands. One that ends in `&` is waited for until it says that it forwards a port, and ended after the last one.
 *
 * @returns what the shell left behind
 */
export async function type({ folder, env }: Terminal, lines: readonly string[]): Promise<Ended> {
  const isBehind = (line: string) => line.endsWith("&");
  const behind = lines.filter(isBehind).map((line) => start(line.slice(0, -1).trim().split(" "), { env }));
  try {
    for (const forward of behind) await forward.said("Forwarding from");
    const script = lines.filter((line) => !isBehind(line)).join("\n");
    return await start(["sh", "-euc", script], { env, cwd: folder }).ended;
  } finally {
    for (const { child } of behind) child.kill();
    await Promise.all(behind.map(({ ended }) => ended));
  }
}
