import type { V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import { expect } from "vitest";
import { names } from "../../../schema/names.ts";
import { optionTable } from "../../../schema/options.ts";
import { kubectl } from "../../support/kubectl.ts";
import { cache, condition, isReady, it, onVolume, read, uidOf } from "../../support/on-volume.ts";
import { until } from "../../support/wait.ts";

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
