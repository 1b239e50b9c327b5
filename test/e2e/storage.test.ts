import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { StepAnnotations } from "../support/builders.ts";
import { cache, condition, isReady, it, onVolume, read, uidOf } from "../support/on-volume.ts";
import { until } from "../support/wait.ts";

it("an artifact on a volume outlives the registry's Pod, a change, and the OrasCache", async ({
  ws,
  className,
}) => {
  await ws.apply(onVolume(className));
  await isReady(ws);
  await ws.step(
    "makes",
    { "output-uri": "kept/a:1", "output-path": "out", "oras-cache": cache },
    "echo kept > out",
  );
  const input: StepAnnotations = { "input-uri": "kept/a:1", "oras-cache": cache };
  expect(await read(ws, "reads", input)).toBe("kept\n");

  const first = await uidOf(ws, `${cache}-0`);
  await ws.kubectl("delete", "pod", `${cache}-0`);
  await until(async () => {
    const { code, stdout } = await ws.try(["get", "pod", `${cache}-0`, "-o", "jsonpath={.metadata.uid}"]);
    return code === 0 && stdout !== first;
  }, "another Pod");
  await isReady(ws);
  expect(await read(ws, "reads-after-pod", input)).toBe("kept\n");

  await ws.kubectl("patch", names.plural, cache, "--type=merge", "-p", '{"spec":{"podLabels":{"team":"a"}}}');
  await until(
    async () => (await ws.kubectl("get", "pods", "-l", "team=a", "-o", "name")) !== "",
    "another Pod",
    120_000,
  );
  await isReady(ws);
  const events = await ws.kubectl("get", "events.events.k8s.io", "-o", "json");
  expect(events).toContain("Replacing the registry's Pod: labels.");
  expect(await read(ws, "reads-after-change", input)).toBe("kept\n");

  await ws.kubectl("delete", names.plural, cache, "--cascade=foreground", "--timeout=120s");
  await ws.kubectl("wait", "pod", `${cache}-0`, "--for=delete", "--timeout=120s");
  await ws.apply(onVolume(className));
  await isReady(ws);
  expect(await read(ws, "reads-after-cache", input)).toBe("kept\n");
  expect(await condition(ws, cache, "StorageLost")).toBeUndefined();
});
