import { mkdtemp, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pluginFile } from "../../src/cli/name.ts";
import { type Ended, type Running, start } from "./processes.ts";

/** The program as kubectl's plugin, in a namespace. */
export interface Plugin {
  readonly namespace: string;
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly run: (...args: string[]) => Promise<Ended>;
  /** The same with more of an environment, while it runs. */
  readonly start: (args: readonly string[], env?: NodeJS.ProcessEnv) => Running;
}

/**
 * Prepares the plugin: its file is a link to the program, as `make build` makes it.
 *
 * @param namespace - of the commands
 * @param kubeconfig - another one than the tests'
 */
export async function makePlugin(namespace: string, kubeconfig?: string): Promise<Plugin> {
  const folder = await mkdtemp(join(tmpdir(), "oras-operator-plugin-"));
  const file = join(folder, pluginFile);
  await symlink(resolve("src/cli/main.ts"), file);
  const own = {
    HOME: folder,
    DOCKER_CONFIG: folder,
    ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }),
  };
  const environment = { ...process.env, ...own };
  const argv = [process.execPath, file];
  const begin = (args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
    return start([...argv, ...args, "-n", namespace], { env: { ...environment, ...more } });
  };
  return { namespace, argv, env: environment, run: (...args) => begin(args).ended, start: begin };
}
