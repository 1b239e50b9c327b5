import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";

/** Where reviews are answered. */
export interface Target {
  readonly port: number;
  readonly path: string;
  /** PEM of the CA that issued its certificate. */
  readonly ca: string;
  /** The name in its certificate. */
  readonly servername: string;
}

/** How a load was answered. */
export interface Answered {
  readonly perSecond: number;
  /** Milliseconds from the first byte sent to the last one received. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** CPU time of the process that answered, microseconds for each review. */
  readonly cpu: number;
}

/**
 * Sends one body again and again, over as many connections as are busy at a time, as API servers do: HTTP/1.1,
 * kept open.
 *
 * @param target - who answers
 * @param body - JSON of a review
 * @param concurrency - connections, each with one review at a time
 * @param reviews - how many in all
 * @param pid - of the process that answers
 * @throws Error when one is not answered with 200
 */
export async function load(
  target: Target,
  body: string,
  concurrency: number,
  reviews: number,
  pid: number,
): Promise<Answered> {
  const agent = agentFor(target, concurrency);
  const took = new Float64Array(reviews);
  let next = 0;
  const connection = async () => {
    for (let i = next++; i < reviews; i = next++) {
      const begun = performance.now();
      await ask(target, body, agent);
      took[i] = performance.now() - begun;
    }
  };
  // Handshakes are not what is measured.
  await Promise.all(Array.from({ length: concurrency }, () => ask(target, body, agent)));
  const cpuBefore = cpuSeconds(pid);
  const begun = performance.now();
  await Promise.all(Array.from({ length: concurrency }, connection));
  const seconds = (performance.now() - begun) / 1000;
  const cpu = (cpuSeconds(pid) - cpuBefore) / reviews;
  agent.destroy();
  took.sort();
  const at = (part: number) => took[Math.min(reviews - 1, Math.floor(part * reviews))] ?? Number.NaN;
  return {
    perSecond: reviews / seconds,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    cpu: cpu * 1e6,
  };
}

/** Connections that are kept open. */
export function agentFor({ ca, servername }: Target, connections: number): Agent {
  return new Agent({ keepAlive: true, maxSockets: connections, ca, servername });
}

/**
 * One review.
 *
 * @returns the text of the answer
 */
export function ask({ port, path }: Target, body: string, agent: Agent): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  request({ host: "127.0.0.1", port, path, method: "POST", headers, agent }, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      text += chunk;
    });
    response.on("error", reject);
    response.on("end", () => {
      if (response.statusCode === 200) resolve(text);
      else reject(new Error(`answered ${response.statusCode}: ${text}`));
    });
  })
    .on("error", reject)
    .end(body);
  return promise;
}

/** CPU time that a process has used, in user space and in the kernel: fields 14 and 15 of proc_pid_stat(5). */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory of a process, MiB: all of it now, at most so far, and what of it are pages of files, as of Node itself. */
export function memory(pid: number): { now: number; most: number; files: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const of = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
  return { now: of("VmRSS"), most: of("VmHWM"), files: of("RssFile") };
}
