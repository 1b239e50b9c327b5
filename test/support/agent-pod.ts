import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildAgent } from "../../dev/images/agent.ts";
import { temporaryFolder } from "./folders.ts";
import { type Running, start } from "./processes.ts";

/** The containers of a step as processes that share a folder. */
export interface AgentPod {
  /** Working directory of the program. */
  readonly work: string;
  readonly pull: (...options: string[]) => Running;
  readonly exec: (options: readonly string[], program: readonly string[]) => Running;
  readonly push: (...options: string[]) => Running;
  /** The container `oras` of a Pod without an init container. */
  readonly serve: (...options: string[]) => Running;
  /** Its hook, after which the kubelet starts the wrapped container. */
  readonly ready: () => Running;
}

/** Compiles the agent for tests; returns its path. */
export async function agentProgram(): Promise<string> {
  const program = join(temporaryFolder("agent"), "agent");
  await buildAgent(program);
  return program;
}

/**
 * Makes a Pod out of processes.
 *
 * @param program - from {@link agentProgram}
 */
export function agentPod(program: string): AgentPod {
  const folder = temporaryFolder("pod");
  const [share, work] = [join(folder, "share"), join(folder, "work")];
  for (const path of [share, work]) mkdirSync(path);
  const message = `--message-path=${join(folder, "message")}`;
  const pusher = ['--policy={"restart":"Never"}', "--image=x", "--timeout=900", message];
  const run = (command: string, ...options: string[]) =>
    start([program, command, `--share=${share}`, ...options], { cwd: work });
  return {
    work,
    pull: (...options) => run("pull", "--containers=1", "--timeout=900", message, ...options),
    exec: (options, argv) =>
      start([program, "exec", `--share=${join(share, "0")}`, message, ...options, "--", ...argv], {
        cwd: work,
        env: { PATH: process.env["PATH"] },
      }),
    push: (...options) => run("push", ...pusher, ...options),
    serve: (...options) => run("serve", ...pusher, ...options),
    ready: () => run("ready"),
  };
}
