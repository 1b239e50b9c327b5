/**
 * How long a plan for 10,000 artifacts takes, or for as many as the first argument says, and how much memory: from the keeper's
 * files to the plan in a file of the keeper's. `node --max-old-space-size=256` gives it as much heap as the operator has with
 * its limit of 512Mi.
 *
 * Real: the keeper and the planner. Made: the files of a registry, in 100 repositories.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { names } from "../../schema/names.ts";
import { cacheKey, keeperToken } from "../../src/cache/access.ts";
import { planPass } from "../../src/controllers/retention-pass.ts";
import { retentionKeeper } from "../../src/keeper/retention.ts";
import { keepList, type Selection } from "../../src/retention/uses.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { temporaryFolder } from "../support/folders.ts";
import { freePorts } from "../support/ports.ts";
import { start } from "../support/processes.ts";
import { until } from "../support/wait.ts";

const artifacts = Number(process.argv[2] ?? 10_000);
const rounds = Number(process.argv[3] ?? 5);

const [data, keys] = [temporaryFolder("data"), temporaryFolder("key")];
const key = cacheKey("secret", { name: "oras", namespace: "default" });
writeFileSync(join(keys, "key"), key);
fill();
const [port = 0, metrics = 0] = await freePorts(2);
const keeper = start([
  ...[await agentProgram(), "keep", `--key=${keys}`, `--data=${data}`, "--cache-uid=some"],
  ...[
    `--listen=127.0.0.1:${port}`,
    `--metrics=127.0.0.1:${metrics}`,
    `--message-path=${join(keys, "message")}`,
  ],
]);
await until(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok, "the keeper");

const { signal } = new AbortController();
const pass = {
  policy: {
    rules: [{ repositories: ["runs/**"], keepLast: 10, keepYoungerThan: 3_600_000 }],
    maxSize: 300_000,
    keepInputs: true,
    untaggedAfter: 3_600_000,
    grace: 3_600_000,
  },
  keep: keepList("models/**") as Selection,
  keeper: retentionKeeper({ host: `127.0.0.1:${port}` }, keeperToken(key), signal, (work) => work()),
  now: Date.now,
  uses: async () => ["runs/$(POD_NAME)/input:latest"],
  remove: async () => {},
  assertWanted: () => {},
  signal,
};
const took: number[] = [];
const kibOf = (field: string, pid: number | "self" | undefined) =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
// Sets VmHWM to what is there now: proc_pid_clear_refs(5).
writeFileSync("/proc/self/clear_refs", "5");
const before = kibOf("VmRSS", "self");
for (let round = 0; round < rounds; round++) {
  const begun = performance.now();
  const { deletions, kept } = await planPass(pass);
  took.push((performance.now() - begun) / 1000);
  if (round === 0) console.log(`${deletions.length} deletions, ${kept.length} kept`);
}
const more = kibOf("VmHWM", "self") - before;
console.log(`plan of ${artifacts} artifacts: ${took.map((one) => one.toFixed(2)).join(", ")} s`);
console.log(
  `the planner took ${Math.round(more / 1024)} MiB more than the ${Math.round(before / 1024)} MiB of before`,
);
console.log(`the keeper took ${Math.round(kibOf("VmHWM", keeper.child.pid) / 1024)} MiB at most`);
keeper.child.kill("SIGTERM");
await keeper.ended;

/** Each artifact was made from the one before it in its repository; every tenth has no tag. */
function fill(): void {
  const tree = join(data, "docker/registry/v2");
  const write = (name: string, content: string, time?: Date) => {
    const path = join(tree, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    if (time) utimesSync(path, time, time);
  };
  const last = new Map<string, string>();
  for (let i = 0; i < artifacts; i++) {
    const repository = `runs/${i % 100}`;
    const layers = [`a ${i}`, `b ${i}`].map((content) => {
      write(blobOf(sha(content)), content);
      return { digest: `sha256:${sha(content)}`, size: content.length };
    });
    const annotations = { [`${names.prefix}input`]: last.get(repository) ?? "none" };
    const text = JSON.stringify({ schemaVersion: 2, config: layers[0], layers, annotations });
    const digest = sha(text);
    const time = new Date(Date.now() - (artifacts - i) * 60_000);
    const below = `repositories/${repository}/_manifests`;
    write(blobOf(digest), text);
    write(`${below}/revisions/sha256/${digest}/link`, `sha256:${digest}`, time);
    if (i % 10 !== 0) write(`${below}/tags/t${i}/current/link`, `sha256:${digest}`, time);
    if (i % 4 === 0) last.set(repository, `sha256:${digest}`);
  }
}

function sha(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

function blobOf(digits: string): string {
  return `blobs/sha256/${digits.slice(0, 2)}/${digits}/data`;
}
