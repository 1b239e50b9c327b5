import { start } from "./processes.ts";

/** What kubectl said. */
export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kubectl against the cluster under test, whatever it says. */
export async function tryKubectl(args: readonly string[], input?: string): Promise<Answer> {
  return start(["kubectl", ...args], { env: process.env, ...(input === undefined ? {} : { input }) }).ended;
}

/** Runs kubectl against the cluster under test. */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await tryKubectl(args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}
