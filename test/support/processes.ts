import { type ChildProcess, spawn } from "node:child_process";

/** What a process left behind. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that is running, and its end. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when its standard output or error holds the text, with both so far. */
  readonly said: (text: string) => Promise<string>;
}

/** Starts a process with its output collected. */
export function start(
  argv: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {},
): Running {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, { cwd: options.cwd, env: options.env });
  let stdout = "";
  let stderr = "";
  const waiting = new Set<() => void>();
  const heard = () => {
    for (const check of waiting) check();
  };
  child.stdout.on("data", (data: Buffer) => {
    stdout += data;
    heard();
  });
  child.stderr.on("data", (data: Buffer) => {
    stderr += data;
    heard();
  });
  child.stdin.on("error", () => {}); // it may end without reading
  child.stdin.end(options.input ?? "");
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const said = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const check = () => {
        if (!stdout.includes(text) && !stderr.includes(text)) return;
        waiting.delete(check);
        resolve(`${stdout}${stderr}`);
      };
      waiting.add(check);
      void ended.then(() => reject(new Error(`ended without saying "${text}":\n${stdout}${stderr}`)));
      check();
    });
  return { child, ended, said };
}
