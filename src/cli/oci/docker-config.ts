import { execFile } from "node:child_process";
import { chmod, readFile, readlink, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { encoded } from "../../common/basic.ts";
import { exits } from "../exits.ts";
import { makeFolders } from "../make-folders.ts";
import { CliError, reasonOf } from "../output.ts";
import type { Login } from "./authorize.ts";

/** What is looked at of `config.json`; the rest is kept as it is. */
interface DockerConfig {
  auths?: Record<string, { auth?: string; identitytoken?: string }>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

/** Where docker, podman's compatibility layer and oras keep logins. */
export function dockerConfigPath(env: NodeJS.ProcessEnv = process.env): string {
  return join(env["DOCKER_CONFIG"] || join(homedir(), ".docker"), "config.json");
}

async function read(path: string): Promise<DockerConfig> {
  try {
    const text = await readFile(path, "utf8");
    // docker takes an empty one as one without logins.
    const config: unknown = text === "" ? {} : JSON.parse(text);
    if (typeof config === "object" && config !== null && !Array.isArray(config)) return config;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    const reason = error instanceof SyntaxError ? "it is not JSON" : reasonOf(error);
    throw new CliError(`${path}: ${reason}.`, exits.usage, { cause: error });
  }
  throw new CliError(`${path}: it is not an object in JSON, as docker's configuration is.`, exits.usage);
}

/**
 * Whole, by rename: who reads it meanwhile reads one or the other. Its mode stays, and where it is a link, as in homes that
 * are kept in a repository, what that leads to is written.
 */
async function write(path: string, config: DockerConfig): Promise<void> {
  const file = await behindLinks(path);
  makeFolders(dirname(file), 0o700);
  const next = `${file}.${process.pid}`;
  try {
    const mode = await modeOf(file);
    await writeFile(next, `${JSON.stringify(config, undefined, "\t")}\n`, { mode: 0o600, flag: "wx" });
    if (mode !== undefined) await chmod(next, mode);
    await rename(next, file);
  } catch (error) {
    await rm(next, { force: true });
    throw new CliError(`${file}: ${reasonOf(error)}.`, exits.failed, { cause: error });
  }
}

/** As many as Linux follows. */
const mostLinks = 40;

/** Where a path leads to, whether or not there is something: a link may be there before its file. */
async function behindLinks(path: string): Promise<string> {
  let at = path;
  for (let links = 0; links < mostLinks; links++) {
    const next = await readlink(at).catch(() => undefined);
    if (next === undefined) return at;
    at = resolve(dirname(at), next);
  }
  throw new CliError(`${path}: it is a link that leads to itself.`, exits.usage);
}

/** The permissions of a file that is there. */
async function modeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).mode & 0o777;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The program that keeps the login of a host, if the configuration names one. */
function helperFor(config: DockerConfig, host: string): string | undefined {
  return config.credHelpers?.[host] ?? (config.credsStore || undefined);
}

/**
 * The login of a host, as docker and oras find it.
 *
 * @param host - with its port
 * @param path - of the configuration
 */
export async function findLogin(host: string, path = dockerConfigPath()): Promise<Login | undefined> {
  const config = await read(path);
  const key = host === "registry-1.docker.io" ? "https://index.docker.io/v1/" : host;
  const helper = helperFor(config, key);
  if (helper !== undefined) {
    const said = await runHelper(helper, "get", key).catch(() => undefined);
    if (said === undefined) return undefined;
    const { Username = "", Secret = "" } = JSON.parse(said) as { Username?: string; Secret?: string };
    if (Username === "<token>") return { username: "", password: "", refreshToken: Secret };
    return { username: Username, password: Secret };
  }
  const entry = config.auths?.[key] ?? config.auths?.[`https://${key}`];
  if (entry === undefined) return undefined;
  const [username = "", ...password] = Buffer.from(entry.auth ?? "", "base64")
    .toString()
    .split(":");
  return { username, password: password.join(":"), refreshToken: entry.identitytoken };
}

/**
 * Keeps a login where docker and oras find it: with the program that the configuration names, else in the file.
 *
 * @param host - with its port
 * @param login - to keep
 * @param path - of the configuration
 */
export async function keepLogin(host: string, login: Login, path = dockerConfigPath()): Promise<void> {
  const config = await read(path);
  const helper = helperFor(config, host);
  if (helper !== undefined) {
    const entry = { ServerURL: host, Username: login.username, Secret: login.password };
    await runHelper(helper, "store", JSON.stringify(entry)).catch((error: unknown) => {
      throw new CliError(`docker-credential-${helper}: ${reasonOf(error)}`, exits.failed, { cause: error });
    });
    return;
  }
  const auth = encoded(login.username, login.password);
  await write(path, { ...config, auths: { ...config.auths, [host]: { auth } } });
}

/**
 * Takes a login away again.
 *
 * @param host - with its port
 * @param path - of the configuration
 */
export async function dropLogin(host: string, path = dockerConfigPath()): Promise<void> {
  const config = await read(path);
  const helper = helperFor(config, host);
  if (helper !== undefined) {
    await runHelper(helper, "erase", host).catch(() => undefined);
    return;
  }
  if (config.auths?.[host] === undefined) return;
  const { [host]: _, ...auths } = config.auths;
  await write(path, { ...config, auths });
}

/** @see https://github.com/docker/docker-credential-helpers */
function runHelper(helper: string, action: "get" | "store" | "erase", input: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = execFile(`docker-credential-${helper}`, [action], (error, stdout) => {
    // Its standard output says why; what it was given is in neither.
    if (error) reject(new Error(stdout.trim() || error.message, { cause: error }));
    else resolve(stdout);
  });
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  return promise;
}
