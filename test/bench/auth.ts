/**
 * What a password costs a request: HEAD of a blob at two real registries, in turns, of which one asks for the password that
 * the keeper has written (htpasswd with bcrypt, cost 4). The first argument is how many requests each gets.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { cacheKey, passwordOf } from "../../src/cache/access.ts";
import { firstUser } from "../../src/cache/logins.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { temporaryFolder } from "../support/folders.ts";
import { freePorts } from "../support/ports.ts";
import { start } from "../support/processes.ts";

const requests = Number(process.argv[2] ?? 5_000);

const key = cacheKey("secret", { name: "oras", namespace: "default" });
const folder = temporaryFolder("auth");
const htpasswd = join(folder, "htpasswd");
writeFileSync(join(folder, "key"), key);
const users = [`--key=${folder}`, `--htpasswd=${htpasswd}`, `--user=${firstUser}`];
await start([await agentProgram(), "keep-init", ...users, `--message-path=${join(folder, "message")}`]).ended;
const authorization = `Basic ${btoa(`${firstUser}:${passwordOf(key, firstUser)}`)}`;
const connections = new Agent({ keepAlive: true, maxSockets: 1 });

const ports = await freePorts(2);
const asking = {
  REGISTRY_AUTH: "htpasswd",
  REGISTRY_AUTH_HTPASSWD_REALM: "oras",
  REGISTRY_AUTH_HTPASSWD_PATH: htpasswd,
};
const [open, closed] = [await registry(ports[0], {}), await registry(ports[1], asking)];
const begun = [cpuOf(open.process), cpuOf(closed.process)] as const;
const took = { open: [] as number[], closed: [] as number[] };
for (let i = 0; i < requests; i++) {
  took.open.push(await ask(open.blob));
  took.closed.push(await ask(closed.blob));
}
const [without, having] = [quantiles(took.open), quantiles(took.closed)];
console.log(`${requests} requests each, milliseconds, p50 and p99`);
console.log(`open: ${without.join(", ")}\nwith a password: ${having.join(", ")}`);
const cpu = [cpuOf(open.process) - begun[0], cpuOf(closed.process) - begun[1]] as const;
const each = cpu.map((seconds) => ((seconds * 1000) / requests).toFixed(2));
console.log(`CPU of the registry: ${each[0]} ms for a request, ${each[1]} ms with a password`);
console.log(`a password costs ${(Number(having[0]) - Number(without[0])).toFixed(2)} ms (p50)`);
connections.destroy();
for (const { process } of [open, closed]) {
  process.child.kill("SIGTERM");
  await process.ended;
}

async function registry(port: number | undefined, env: Readonly<Record<string, string>>) {
  const config = join(folder, "config.yml");
  writeFileSync(config, "version: 0.1\nlog: {accesslog: {disabled: true}}\nstorage: {filesystem: {}}\n");
  const program = join(await buildModule("registry"), "registry");
  const process = start([program, "serve", config], {
    env: {
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: temporaryFolder("data"),
      REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR: "none",
      REGISTRY_HTTP_ADDR: `127.0.0.1:${port}`,
      OTEL_TRACES_EXPORTER: "none",
      ...env,
    },
  });
  const url = `http://127.0.0.1:${port}/v2/`;
  await process.said("listening on");
  const digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  const begun = await fetch(`${url}a/blobs/uploads/`, { method: "POST", headers: { authorization } });
  const upload = new URL(begun.headers.get("location") ?? "");
  upload.searchParams.set("digest", digest);
  const put = await fetch(upload, { method: "PUT", body: "{}", headers: { authorization } });
  if (put.status !== 201) throw new Error(`PUT ${upload}: ${put.status} ${await put.text()}`);
  return { process, blob: `${url}a/blobs/${digest}` };
}

/** Milliseconds until the answer of a HEAD request is there. */
function ask(url: string): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { method: "HEAD", agent: connections, headers: { authorization } },
      (answer) => {
        answer.resume().on("end", () => {
          if (answer.statusCode === 200) resolve(performance.now() - begun);
          else reject(new Error(`HEAD ${url}: ${answer.statusCode}`));
        });
      },
    );
    asked.on("error", reject).end();
  });
}

/** Seconds that a process has had, also where many others want the same cores: proc_pid_stat(5). */
function cpuOf({ child }: ReturnType<typeof start>): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  const ticksPerSecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function quantiles(all: readonly number[]): string[] {
  const sorted = all.toSorted((a, b) => a - b);
  return [0.5, 0.99].map((q) => (sorted[Math.floor(q * (sorted.length - 1))] ?? 0).toFixed(2));
}
