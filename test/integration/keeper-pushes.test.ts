import { test as base, expect, onTestFinished } from "vitest";
import { cacheKey, keeperToken } from "../../src/cache/access.ts";
import { followPushes, type Push } from "../../src/keeper/pushes.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { startKeptRegistry } from "../support/kept-registry.ts";
import { until } from "../support/wait.ts";

const test = base.extend("agent", { scope: "file" }, () => agentProgram());
const key = cacheKey("secret", { name: "oras", namespace: "default" });

/** Follows a real registry by its real keeper. */
async function following(agent: string) {
  const kept = await startKeptRegistry(agent, key);
  const heard: (Push & { readonly at: number })[] = [];
  const ends = new AbortController();
  let gaps = 0;
  const ended = followPushes(
    { host: `${kept.address}:5002` },
    keeperToken(key),
    { onGap: () => gaps++, onPush: (push) => heard.push({ ...push, at: performance.now() }) },
    ends.signal,
  );
  const stop = async () => {
    ends.abort();
    await ended;
  };
  onTestFinished(async () => {
    await stop();
    await kept.stop();
  });
  return { kept, heard, gaps: () => gaps, stop };
}

test("a push to the registry is heard, by tag and by digest", async ({ agent }) => {
  const { kept, heard, gaps, stop } = await following(agent);
  await until(() => gaps() === 1, "the connection");
  const tagged = await kept.push("runs/a:1");
  const untagged = await kept.push("runs/a", { content: "another" });
  await kept.pull("runs/a", "1");
  await until(() => heard.length === 2, "the pushes");
  expect(heard).toMatchObject([
    { repository: "runs/a", tag: "1", digest: tagged, userAgent: "node" },
    { repository: "runs/a", tag: undefined, digest: untagged },
  ]);

  const lags: number[] = [];
  for (let count = 3; count < 53; count++) {
    await kept.push("runs/b:1", { content: `${count}` });
    const pushed = performance.now();
    await until(() => heard.length === count, "the push");
    lags.push((heard.at(-1)?.at ?? 0) - pushed);
  }
  lags.sort((a, b) => a - b);
  console.info(
    `heard ${lags[25]?.toFixed(1)} ms (p50), ${lags.at(-1)?.toFixed(1)} ms (longest) after the answer`,
  );
  await stop();
  await kept.push("runs/c:1");
  expect(heard.length).toBe(52);
});

test("after a keeper that was away everything is looked at again", async ({ agent }) => {
  const { kept, heard, gaps } = await following(agent);
  await until(() => gaps() === 1, "the connection");
  await kept.restartKeeper();
  await until(() => gaps() === 2, "the next connection");
  const digest = await kept.push("runs/a:1");
  await until(() => heard.at(-1)?.digest === digest, "the push");
});
