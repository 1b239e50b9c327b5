import type { V1Job } from "@kubernetes/client-node";
import { expect } from "vitest";
import { names } from "../../../schema/names.ts";
import { jobOf } from "../../support/builders.ts";
import { cache, isReady, it, onVolume, uidOf } from "../../support/on-volume.ts";
import { until } from "../../support/wait.ts";

const steps = 50;
/** Each replaces the registry's Pod: the last one changes its URL, too. */
const changes = [
  { resources: { requests: { cpu: "20m" } } },
  { podLabels: { team: "a" } },
  { tls: { selfIssued: true } },
];

// Its Pods leave nothing of a small node for tests beside it.
it("while 50 steps push, the registry on a volume is replaced three times, and no step fails", async ({
  ws,
  className,
}) => {
  await ws.apply(onVolume(className));
  await isReady(ws);
  const output = {
    "oras-cache": cache,
    "output-uri": "rollout/step:i$(JOB_COMPLETION_INDEX)",
    "output-path": "out",
  } as const;
  // Not all at once: on a fast machine they would be through before the last change.
  const all = { completions: steps, parallelism: 20, completionMode: "Indexed" };
  await ws.apply(jobOf("pushes", output, "head -c 5000000 /dev/urandom > out", all));
  const status = async () =>
    (JSON.parse(await ws.kubectl("get", "job", "pushes", "-o", "json")) as V1Job).status ?? {};

  for (const [index, change] of changes.entries()) {
    // Some have pushed, and the others are about to.
    const succeeded = await until(
      async () => {
        const { succeeded = 0 } = await status();
        return succeeded > 2 * index && succeeded;
      },
      "pushes",
      300_000,
    );
    expect(succeeded).toBeLessThan(steps);
    const before = await uidOf(ws, `${cache}-0`);
    const patch = JSON.stringify({ spec: change });
    await ws.kubectl("patch", names.plural, cache, "--type=merge", "-p", patch);
    await until(
      async () => {
        const { code, stdout } = await ws.try(["get", "pod", `${cache}-0`, "-o", "jsonpath={.metadata.uid}"]);
        return code === 0 && stdout !== before;
      },
      "another Pod",
      300_000,
    );
    await isReady(ws);
  }

  expect(await ws.verdict("pushes")).toBe("Complete");
  expect((await status()).failed ?? 0).toBe(0);
  await ws.step("reads", { "oras-cache": cache, "input-uri": `rollout/step:i${steps - 1}` }, "wc -c < out");
  expect((await ws.log("reads", "main")).trim()).toBe("5000000");
});
