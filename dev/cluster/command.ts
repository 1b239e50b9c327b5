import { spawn } from "node:child_process";
import { ClusterError } from "./progress.ts";

/** How to run a command. */
export interface CommandOptions {
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** For its standard input. */
  readonly input?: string;
}

/**
 * Runs a command to its end and returns what it printed.
 *
 * @param argv - program and arguments, never through a shell
 * @param options - folder, environment, standard input
 * @throws ClusterError with the end of what it printed when it fails
 */
export async function run(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await attempt(argv, options);
  if (result.code === 0) return result.stdout;
  const said = (result.stderr.trim() || result.stdout.trim()).split("\n").slice(-15).join("\n");
  throw new ClusterError(
    `${argv.slice(0, 4).join(" ")} … failed (${result.code ?? "not started"}):\n${said}`,
  );
}

/**
 * Runs a command to its end, whatever that is; a program that does not exist has the code undefined.
 *
 * @param argv - program and arguments
 * @param options - folder, environment, standard input
 */
export function attempt(
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<{ code: number | undefined; stdout: string; stderr: string }> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { cwd: options.cwd, env: { ...process.env, ...options.env } });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (data: string) => {
    stdout += data;
  });
  child.stderr.setEncoding("utf8").on("data", (data: string) => {
    stderr += data;
  });
  // A program that does not read its input ends the pipe early; its exit code tells what matters.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  const { promise, resolve } = Promise.withResolvers<{
    code: number | undefined;
    stdout: string;
    stderr: string;
  }>();
  child.on("error", (error) => resolve({ code: undefined, stdout, stderr: error.message }));
  child.on("close", (code, signal) => resolve({ code: code ?? (signal ? 128 : 1), stdout, stderr }));
  return promise;
}

/**
 * Runs a command with this terminal as its own and returns its exit code.
 *
 * @param argv - program and arguments
 * @param env - added to this process's environment
 */
export function attach(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<number> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, ...env } });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  process.on("SIGTERM", forward).on("SIGINT", forward);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.on("error", (error) => reject(new ClusterError(`cannot run ${program}: ${error.message}`)));
  child.on("exit", (code) => resolve(code ?? 1));
  return promise.finally(() => process.off("SIGTERM", forward).off("SIGINT", forward));
}
