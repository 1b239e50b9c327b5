import type { V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import { optionTable } from "../../schema/options.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf, type StepAnnotations } from "../support/builders.ts";
import { it as base } from "../support/e2e.ts";
import { kubectl } from "../support/kubectl.ts";
import { localVolume } from "../support/local-volume.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

const cache = "kept";

const it = base.extend("className", { scope: "file" }, async ({ ws }, { onCleanup }) => {
  const { className, remove } = await localVolume(ws);
  onCleanup(async () => {
    await ws.kubectl("delete", names.plural, cache, "--ignore-not-found", "--cascade=foreground");
    await ws.kubectl("delete", "pvc", `${cache}-data`, "--ignore-not-found");
    await remove();
  });
  return className;
});

const onVolume = (className: string) =>
  cacheOf(cache, {
    storage: { persistentVolumeClaim: { size: "1Gi", storageClassName: className, onDelete: "Retain" } },
  });
const isReady = (ws: Workspace) =>
  ws.kubectl("wait", `${names.plural}/${cache}`, "--for=condition=Ready", "--timeout=120s");
const uidOf = (ws: Workspace, pod: string) => ws.kubectl("get", "pod", pod, "-o", "jsonpath={.metadata.uid}");
const stored = async (ws: Workspace, name: string) =>
  JSON.parse(await ws.kubectl("get", names.plural, name, "-o", "json")) as StoredOrasCache;
const condition = async (ws: Workspace, name: string, type: string) =>
  (await stored(ws, name)).status?.conditions?.find((each) => each.type === type);

/** What a step reads of an artifact that a step before has made. */
async function read(ws: Workspace, step: string, map: StepAnnotations): Promise<string> {
  await ws.step(step, map, "cat out");
  return ws.log(step, "main");
}

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

it("an upgrade of the operator restarts a registry on a volume, and leaves one with artifacts in an emptyDir alone", async ({
  ws,
  className,
  onTestFinished,
}) => {
  await ws.apply(onVolume(className));
  await isReady(ws);
  await ws.step("held", { "output-uri": "held/a:1", "output-path": "out" }, "echo held > out");
  await ws.step(
    "moved",
    { "output-uri": "moved/a:1", "output-path": "out", "oras-cache": cache },
    "echo moved > out",
  );
  const before = { ephemeral: await uidOf(ws, "oras-0"), volume: await uidOf(ws, `${cache}-0`) };

  // The same image by another name: nothing is to be pulled, and every template is another one.
  const other = names.registryImage.replace("docker.io/library/", "");
  const variable = optionTable.find(({ key }) => key === "registryImage")?.env;
  const within = ["--namespace", names.operatorNamespace];
  const set = async (value: string) => {
    await kubectl([...within, "set", "env", `deployment/${names.deployment}`, `${variable}${value}`]);
    await kubectl([...within, "rollout", "status", `deployment/${names.deployment}`, "--timeout=120s"]);
  };
  onTestFinished(() => set("-"));
  await set(`=${other}`);

  const imageOf = async (name: string) => {
    const set = JSON.parse(await ws.kubectl("get", "statefulset", name, "-o", "json")) as V1StatefulSet;
    return set.spec?.template.spec?.containers[0]?.image;
  };
  await until(async () => (await imageOf("oras")) === other, "the new template");
  const pending = await until(() => condition(ws, "oras", "UpdatePending"), "UpdatePending");
  expect(pending.message).toContain(`image ${names.registryImage} → ${other}`);
  await until(
    async () => {
      const pods = JSON.parse(await ws.kubectl("get", "pods", "-o", "json")) as { items: V1Pod[] };
      const pod = pods.items.find(({ metadata }) => metadata?.name === `${cache}-0`);
      return pod?.spec?.containers[0]?.image === other && pod.metadata?.uid !== before.volume;
    },
    "another Pod on the volume",
    120_000,
  );
  await isReady(ws);
  expect(await uidOf(ws, "oras-0")).toBe(before.ephemeral);
  expect(await read(ws, "reads-held", { "input-uri": "held/a:1" })).toBe("held\n");
  expect(await read(ws, "reads-moved", { "input-uri": "moved/a:1", "oras-cache": cache })).toBe("moved\n");

  // Whoever asks for it gets it, and is told what it costs.
  await ws.kubectl("annotate", names.plural, "oras", `${names.restartAnnotation}=now`);
  await until(
    async () => (await condition(ws, "oras", "StorageLost"))?.reason === "PodReplaced",
    "the loss",
    120_000,
  );
  await until(
    async () => (await condition(ws, "oras", "UpdatePending")) === undefined,
    "no update that waits",
  );
});
