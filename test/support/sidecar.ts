import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { freePort } from "./ports.ts";

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
  /** Resolves when its standard output or error holds the text. */
  readonly said: (text: string) => Promise<void>;
}

/** Starts a process with its output collected. */
export function start(
  argv: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string; detached?: boolean } = {},
): Running {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, { cwd: options.cwd, env: options.env, detached: options.detached });
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
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (!stdout.includes(text) && !stderr.includes(text)) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      void ended.then(() => reject(new Error(`ended without saying "${text}":\n${stdout}${stderr}`)));
      check();
    });
  return { child, ended, said };
}

/** Kills the processes of a container: what a runtime does to all of them when the first one has died. */
export function killContainer({ child }: Running): void {
  if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
}

/** Kills a process and all that descend from it, whatever process groups they are in. */
export function killTree({ child }: Running): void {
  const below = (pid: number): number[] => {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    return [pid, ...children.flatMap((each) => below(Number(each)))];
  };
  if (child.pid !== undefined) for (const pid of below(child.pid)) process.kill(pid, "SIGKILL");
}

/** A folder that lasts as long as the test process. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `oras-operator-${name}-`));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
process.on("exit", () => removeTemporaryFolders(0));

/** How many temporary folders there are. */
export const temporaryFolders = () => folders.length;

/**
 * Removes temporary folders before their time.
 *
 * @param count - how many of the oldest stay
 */
export function removeTemporaryFolders(count: number): void {
  for (const folder of folders.splice(count)) rmSync(folder, { recursive: true, force: true });
}

/** The root of the tools image, assembled from this machine's Debian packages. */
export async function toolsTree(): Promise<{ oras: string; environment: NodeJS.ProcessEnv }> {
  const root = temporaryFolder("tools");
  const orasFolder = await buildModule("oras");
  execFileSync("sh", ["dev/images/assemble-tools.sh", ".", join(orasFolder, "oras"), root], {
    stdio: "inherit",
  });
  return { oras: join(root, "oras"), environment: { PATH: `${join(root, "usr/bin")}:/usr/bin:/bin` } };
}

/** A registry on a free loopback port. */
export interface TestRegistry {
  readonly host: string;
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts the real registry.
 *
 * @param options - htpasswd: file with the users; tls: files with certificate and key; port: one that was chosen before
 */
export async function startRegistry(
  options: { htpasswd?: string; tls?: { certificate: string; key: string }; port?: number } = {},
): Promise<TestRegistry> {
  const folder = temporaryFolder("registry");
  const port = options.port ?? (await freePort());
  const binary = join(await buildModule("registry"), "registry");
  writeFileSync(join(folder, "config.yml"), "version: 0.1\nstorage: {filesystem: {}}\nhttp: {}\n");
  mkdirSync(join(folder, "data"));
  const running = start([binary, "serve", join(folder, "config.yml")], {
    env: {
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: join(folder, "data"),
      REGISTRY_HTTP_ADDR: `127.0.0.1:${port}`,
      OTEL_TRACES_EXPORTER: "none",
      ...(options.tls
        ? {
            REGISTRY_HTTP_TLS_CERTIFICATE: options.tls.certificate,
            REGISTRY_HTTP_TLS_KEY: options.tls.key,
          }
        : {}),
      ...(options.htpasswd
        ? {
            REGISTRY_AUTH: "htpasswd",
            REGISTRY_AUTH_HTPASSWD_REALM: "test",
            REGISTRY_AUTH_HTPASSWD_PATH: options.htpasswd,
          }
        : {}),
    },
  });
  await running.said("listening on");
  return {
    host: `127.0.0.1:${port}`,
    url: `${options.tls ? "https" : "http"}://127.0.0.1:${port}`,
    stop: async () => {
      running.child.kill("SIGTERM");
      await running.ended;
    },
  };
}

/** The containers of an injected Pod as processes that share a folder. */
export interface FakePod {
  readonly share: string;
  readonly work: string;
  /** Runs the init container; `pull` are pull.sh's options, none to install only. */
  readonly init: (...pull: string[]) => Promise<Ended>;
  readonly launcher: (options: string[], program: string[], cwd?: string) => Running;
  readonly pusher: (...options: string[]) => Running;
  /** The termination message of the launcher or the pusher. */
  readonly message: string;
}

/**
 * Makes a Pod out of processes.
 *
 * @param tools - from {@link toolsTree}
 */
export function fakePod(tools: Awaited<ReturnType<typeof toolsTree>>): FakePod {
  const folder = temporaryFolder("pod");
  const share = join(folder, "share");
  const work = join(folder, "work");
  const message = join(folder, "message");
  for (const path of [share, work]) if (!existsSync(path)) mkdirSync(path);
  const env = tools.environment;
  const shell = [join(share, "bin/busybox"), "sh"];
  return {
    share,
    work,
    message,
    init: (...pull) =>
      start(
        [
          join(tools.oras, "bin/busybox"),
          "sh",
          join(tools.oras, "bin/setup.sh"),
          "--share",
          share,
          "--",
        ].concat(pull.length > 0 ? ["--share", share, ...pull] : []),
        { env },
      ).ended,
    launcher: (options, program, cwd = work) =>
      start(
        [
          join(share, "bin/tini"),
          "-s",
          "-g",
          "--",
          ...shell,
          join(share, "bin/launch.sh"),
          "--share",
          share,
          "--message-path",
          message,
          ...options,
          "--",
          ...program,
        ],
        { cwd, env: { PATH: process.env["PATH"] } },
      ),
    pusher: (...options) =>
      start([...shell, join(share, "bin/push.sh"), "--share", share, ...options], { env, detached: true }),
  };
}
