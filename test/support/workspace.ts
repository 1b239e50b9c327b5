import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { annotations } from "../../src/annotations/table.ts";
import type { OrasCache } from "../../src/cache/types.ts";
import { cacheOf, podOf } from "./builders.ts";
import { temporaryFolder } from "./folders.ts";
import { type Answer, kubectl, tryKubectl } from "./kubectl.ts";
import { start } from "./processes.ts";
import { until } from "./wait.ts";

/** The registry of a cache, for who has its password. */
export interface CacheClient {
  /** Runs the stock oras CLI with `{registry}` replaced by the cache's address. */
  readonly oras: (...args: string[]) => Promise<Answer>;
  /** The text of a file of an artifact in the cache. */
  readonly content: (artifact: string, file: string) => Promise<string>;
  /** What stock oras pulls of an artifact in the cache, as a folder. */
  readonly pulled: (artifact: string) => Promise<string>;
  /** Whether the cache has an artifact. */
  readonly isPushed: (artifact: string) => Promise<boolean>;
}

/** A namespace for one test, with a cache of the default name. */
export interface Workspace extends CacheClient {
  readonly namespace: string;
  readonly apply: (object: object) => Promise<string>;
  readonly tryApply: (object: object) => Promise<Answer>;
  readonly kubectl: (...args: string[]) => Promise<string>;
  /** Runs kubectl, whatever it says; the input is for `-f -`. */
  readonly try: (args: readonly string[], input?: string) => Promise<Answer>;
  readonly pod: (name: string) => Promise<V1Pod>;
  /** The Pod of a Job, when it is there. */
  readonly podOf: (job: string) => Promise<V1Pod>;
  /** Waits until a Pod has ended. */
  readonly ended: (name: string) => Promise<V1Pod>;
  /** Waits until a Job is complete or failed; returns its condition. */
  readonly verdict: (job: string) => Promise<string>;
  readonly log: (pod: string, container?: string) => Promise<string>;
  /** Runs a Pod, whose fields are those of podOf, to its end. */
  readonly run: (...pod: Parameters<typeof podOf>) => Promise<V1Pod>;
  /** Waits until a Pod has ended, which must be a success. */
  readonly succeeded: (name: string) => Promise<V1Pod>;
  /** Runs a Pod to its end, which must be a success. */
  readonly step: (...pod: Parameters<typeof podOf>) => Promise<V1Pod>;
  readonly remove: () => Promise<void>;
}

let number = 0;

/** With `CACHE_AUTH=none` any test runs with registries that ask for no password. */
const usualSpec = (process.env["CACHE_AUTH"] && {
  auth: { type: process.env["CACHE_AUTH"] },
}) as OrasCache["spec"];

/**
 * Makes a namespace with a cache that is ready.
 *
 * @param labels - of the namespace
 * @param spec - of the cache
 */
export async function workspace(labels: Record<string, string> = {}, spec = usualSpec): Promise<Workspace> {
  const namespace = `e2e-${process.pid}-${Date.now().toString(36)}-${++number}`;
  const within = ["--namespace", namespace];
  await kubectl(
    ["apply", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } }),
  );
  const cache = annotations["oras-cache"].default ?? "";
  await kubectl([...within, "apply", "-f", "-"], JSON.stringify(cacheOf(cache, spec)));
  await kubectl([
    ...within,
    "wait",
    `${names.plural}/${cache}`,
    "--for=condition=Available",
    "--timeout=120s",
  ]);
  const { stop, ...registry } = await cacheClient(namespace, cache);

  const get = async <T>(...args: string[]) =>
    JSON.parse(await kubectl([...within, "get", ...args, "-o", "json"])) as T;
  const pod = (name: string) => get<V1Pod>("pod", name);
  const firstPod = (job: string) =>
    until(
      async () => (await get<{ items: V1Pod[] }>("pods", "-l", `job-name=${job}`)).items[0],
      `a Pod of the Job ${job}`,
    );
  const apply = (object: object) => kubectl([...within, "apply", "-f", "-"], JSON.stringify(object));
  const whyNot = async <T>(wait: Promise<T>, ...describe: string[]) =>
    wait.catch(async (error: unknown) => {
      throw new Error(`${error}\n${await kubectl([...within, "describe", ...describe])}`);
    });
  const ended = (name: string) => {
    const look = async () => {
      const found = await pod(name);
      return ["Succeeded", "Failed"].includes(found.status?.phase ?? "") ? found : undefined;
    };
    return whyNot(until(look, `the end of the Pod ${name}`, 480_000), "pod", name);
  };
  const succeeded = async (name: string) => {
    const found = await ended(name);
    if (found.status?.phase === "Succeeded") return found;
    throw new Error(
      `the Pod ${name} did not succeed\n${await kubectl([...within, "describe", "pod", name])}`,
    );
  };
  const verdict = (job: string) => {
    const look = async () =>
      (await get<V1Job>("job", job)).status?.conditions?.find(
        ({ status, type }) => status === "True" && ["Complete", "Failed"].includes(type),
      )?.type;
    return whyNot(until(look, `the end of the Job ${job}`, 480_000), "pods");
  };
  return {
    ...registry,
    namespace,
    apply,
    tryApply: (object) => tryKubectl([...within, "apply", "-f", "-"], JSON.stringify(object)),
    kubectl: (...args) => kubectl([...within, ...args]),
    try: (args, input) => tryKubectl([...within, ...args], input),
    pod,
    podOf: firstPod,
    ended,
    verdict,
    log: (name, container) =>
      kubectl([...within, "logs", name, ...(container ? ["-c", container] : ["--all-containers"])]),
    run: async (...fields) => {
      await apply(podOf(...fields));
      return ended(fields[0]);
    },
    succeeded,
    step: async (...fields) => {
      await apply(podOf(...fields));
      return succeeded(fields[0]);
    },
    remove: async () => {
      stop();
      await kubectl(["delete", "namespace", namespace, "--wait=false"]);
    },
  };
}

/**
 * Opens a way to the registry of a cache, which lasts as long as the Pod.
 *
 * @param namespace - of the cache
 * @param cache - its name
 */
export async function cacheClient(
  namespace: string,
  cache: string,
): Promise<CacheClient & { readonly stop: () => void }> {
  const forward = await portForward(namespace, `${cache}-0`, names.registryPort);
  const login = temporaryFolder("login");
  writeFileSync(
    join(login, "config.json"),
    await dockerConfig(["--namespace", namespace], cache, forward.address),
  );
  const oras = (...args: string[]) =>
    start(["oras", ...args.map((a) => a.replace("{registry}", forward.address))], {
      env: { ...process.env, HOME: "/nonexistent", DOCKER_CONFIG: login },
    }).ended;
  const pulled = async (artifact: string) => {
    const folder = temporaryFolder("pulled");
    const { code, stderr } = await oras("pull", "--plain-http", `{registry}/${artifact}`, "-o", folder);
    if (code !== 0) throw new Error(`oras pull ${artifact}: ${stderr}`);
    return folder;
  };
  return {
    oras,
    pulled,
    content: async (artifact, file) => readFileSync(join(await pulled(artifact), file), "utf8"),
    isPushed: async (artifact) => {
      const fetch = ["manifest", "fetch", "--descriptor", "--plain-http", `{registry}/${artifact}`];
      const { code, stderr } = await oras(...fetch);
      if (code !== 0 && !stderr.includes("not found")) throw new Error(stderr);
      return code === 0;
    },
    stop: forward.stop,
  };
}

/** What people write by `oras login`, with what the cache's Secret says. */
async function dockerConfig(within: readonly string[], cache: string, address: string): Promise<string> {
  const { status } = JSON.parse(await kubectl([...within, "get", names.plural, cache, "-o", "json"]));
  if (status.credentialsSecret === undefined) return "{}";
  const secret = JSON.parse(
    await kubectl([...within, "get", "secret", status.credentialsSecret, "-o", "json"]),
  );
  const [username, password] = ["username", "password"].map((key) =>
    Buffer.from(secret.data[key], "base64").toString(),
  );
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  return JSON.stringify({ auths: { [address]: { auth } } });
}

/** A port of a Pod, at an address of this machine. */
export async function portForward(
  namespace: string,
  pod: string,
  containerPort: number,
): Promise<{ address: string; stop: () => void }> {
  const child = spawn(
    "kubectl",
    ["--namespace", namespace, "port-forward", `pod/${pod}`, `:${containerPort}`],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (data: Buffer) => {
      const found = /127\.0\.0\.1:([0-9]+)/.exec(data.toString())?.[1];
      if (found) resolve(found);
    });
    child.on("exit", (code) => reject(new Error(`kubectl port-forward ended with ${code}`)));
  });
  return { address: `127.0.0.1:${port}`, stop: () => child.kill() };
}
