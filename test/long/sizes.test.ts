import { closeSync, ftruncateSync, mkdirSync, openSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { agentPod, agentProgram } from "../support/agent-pod.ts";
import { watchMemory } from "../support/memory.ts";
import { type Running, start } from "../support/processes.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { describeTree } from "../support/trees.ts";

let program: string;
let registry: TestRegistry;

beforeAll(async () => {
  program = await agentProgram();
  registry = await startRegistry();
  return () => registry.stop();
}, 900_000);

/** What a container of a step may hold, whatever the size of its artifact, MiB. */
const mostMemory = 64;

/** Waits for a container's process to end well, and checks what it held, which it returns in MiB. */
async function endsSmall(running: Running): Promise<number> {
  const memory = watchMemory(running.child);
  const { code, stderr } = await running.ended;
  expect(code, stderr).toBe(0);
  expect(memory.peak()).toBeLessThan(mostMemory);
  return memory.peak();
}

/** Passes what is made under the name `out` to another Pod; returns where it was and is. */
async function pass(name: string, make: (path: string) => void): Promise<{ was: string; is: string }> {
  const ref = `${registry.url}/long/${name}:1`;
  const producer = agentPod(program);
  const was = join(producer.work, "out");
  make(was);
  await endsSmall(producer.pull(`--output=${ref}`));
  const peaks = await Promise.all([
    endsSmall(producer.push(`--output=${ref}`)),
    endsSmall(producer.exec(["--pushes", "--output-path=out"], ["true"])),
  ]);
  const consumer = agentPod(program);
  await endsSmall(consumer.pull(`--input=${ref}`));
  peaks.push(await endsSmall(consumer.exec(["--input-path=."], ["true"])));
  // One that ends at once may have been looked at too late.
  expect(Math.max(...peaks)).toBeGreaterThan(0);
  return { was, is: join(consumer.work, "out") };
}

const gibibyte = 2 ** 30;

it("a sparse file of 5 GiB arrives to the byte, in little memory", async () => {
  const { was, is } = await pass("sparse", (path) => {
    mkdirSync(path);
    const file = openSync(join(path, "sparse"), "w");
    ftruncateSync(file, 5 * gibibyte);
    for (const at of [0, 3 * gibibyte + 7, 5 * gibibyte - 4]) writeSync(file, "data", at);
    closeSync(file);
  });
  expect(statSync(join(is, "sparse")).size).toBe(5 * gibibyte);
  const compared = await start(["cmp", join(was, "sparse"), join(is, "sparse")]).ended;
  expect(compared).toMatchObject({ code: 0, stdout: "" });
}, 900_000);

it("100,000 files in one directory arrive as they were, in little memory", async () => {
  const { was, is } = await pass("many", (path) => {
    mkdirSync(path);
    for (let i = 0; i < 100_000; i++) writeFileSync(join(path, `sample-${i}`), `${i}\n`);
  });
  expect(describeTree(is)).toEqual(describeTree(was));
}, 900_000);
