import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import { exits } from "../../src/cli/exits.ts";
import { resources } from "../../src/kube/resources.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { jobOf } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { readyCache } from "../support/kept-caches.ts";
import { memoSteps } from "../support/memo-steps.ts";
import { makePlugin } from "../support/plugin.ts";
import { until } from "../support/wait.ts";

/** The real operator, and a cache whose Pod is a real registry with its real keeper; no kubelet. */
const test = base
  .extend("agent", { scope: "file" }, () => agentProgram())
  .extend("registry", ({ ns, installed, agent }, { onCleanup }) =>
    readyCache({ ns, installed, agent }, onCleanup),
  )
  .extend("steps", ({ ns, registry }) => memoSteps(ns, registry))
  .extend("plugin", ({ ns, plane }) => makePlugin(ns.namespace, plane.kubeconfig));

test("what was forgotten is a miss, also where a Pod puts the old entry back", async ({
  ns,
  registry,
  steps,
  plugin,
}) => {
  await steps.make("first", "work");
  await steps.run("first", "wrong");
  await steps.make("second", "work");
  await steps.memoized("second");
  const [key = ""] = ((await steps.memoKey("first")) ?? "").split(" ");
  const old = await registry.read(names.memoRepository, key);

  expect(await plugin.run("forget", "pod/second")).toEqual({
    code: 0,
    stdout: `Forgot the results of pod/second (key ${key.slice(0, 12)}).\n`,
    stderr: "",
  });
  expect((await ns.cache("oras"))?.status?.memo).toMatchObject({
    epoch: 0,
    forgotten: [{ key, times: 1 }],
    answer: { done: true },
  });
  await until(
    async () => (await ns.events("oras")).some(({ reason }) => reason === "Forgotten"),
    "the Event",
  );

  await steps.make("third", "work");
  await steps.run("third", "right");
  await steps.make("fourth", "work");
  await steps.memoized("fourth");
  // As a Pod does that may push.
  await registry.put(names.memoRepository, key, old);
  await steps.make("fifth", "work");
  await steps.opened("fifth");
  const told = (await ns.events("fifth")).find(({ reason }) => reason === "MemoMiss");
  expect(told?.note).toContain("its result was forgotten");
});

test("all of them, and of one that has no key on it what was remembered of its output last", async ({
  ns,
  steps,
  plugin,
}) => {
  await steps.make("one", "some work");
  await steps.run("one", "some result");
  await steps.make("other", "other work");
  await steps.run("other", "other result");
  expect(await plugin.run("forget", "--all", "--cache", "oras")).toEqual({
    code: 0,
    stdout: "Forgot all results of the OrasCache.\n",
    stderr: "",
  });
  expect((await ns.cache("oras"))?.status?.memo).toMatchObject({ epoch: 1 });
  for (const [name, work] of [
    ["one-again", "some work"],
    ["other-again", "other work"],
  ] as const) {
    await steps.make(name, work);
    await steps.opened(name);
  }
});

test("says what is wrong, all of it at once, and forgets nothing then", async ({ ns, steps, plugin }) => {
  await steps.make("known", "any work");
  await steps.run("known", "any result");
  await ns.create(resources.jobs, jobOf("elsewhere", { "output-uri": "oci://ghcr.io/me/a:v1" }) as object);
  await ns.create(resources.jobs, jobOf("runs", { "output-uri": "of/runs:v1" }) as object);
  const { code, stderr } = await plugin.run("forget", "pod/known", "job/never", "job/elsewhere", "job/runs");
  expect({ code, stderr }).toEqual({
    code: exits.failed,
    stderr:
      "Nothing was forgotten: job/never: no such step is there; once it is deleted, only all results can be forgotten; " +
      "job/elsewhere: it has no output in the OrasCache oras; job/runs: nothing is remembered of it.\n",
  });
  expect((await ns.cache("oras"))?.status?.memo?.forgotten).toBeUndefined();
  await steps.make("again", "any work");
  await steps.memoized("again");
  for (const [args, says] of [
    [[], "or all results with --all"],
    [["job/a", "--all"], "or all results with --all"],
    [["known"], '"known" is no step; write job/NAME or pod/NAME'],
  ] as const)
    expect(await plugin.run("forget", ...args)).toMatchObject({
      code: exits.usage,
      stderr: expect.stringContaining(says) as string,
    });
});

test("by hand, and two that ask at once, each get their answer", async ({ ns, steps, plugin }) => {
  await steps.make("by-hand", "hand work");
  await steps.run("by-hand", "result");
  const asked = (value: string) => ({ metadata: { annotations: { [names.forgetAnnotation]: value } } });
  await ns.patch(resources.orasCaches, "oras", asked("pod/by hand, please"));
  const answer = async () => (await ns.cache("oras"))?.status?.memo?.answer;
  const refused = await until(async () => {
    const now = await answer();
    return now?.request === "pod/by hand, please" ? now : undefined;
  }, "an answer");
  expect(refused.done).toBe(false);
  expect(refused.message).toContain("there are more than two words; allowed are all, or steps");
  await ns.patch(resources.orasCaches, "oras", asked("pod/by-hand 1"));
  const both = await Promise.all([plugin.run("forget", "--all"), plugin.run("forget", "pod/by-hand")]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect((await ns.cache("oras"))?.status?.memo?.epoch).toBe(1);
});
