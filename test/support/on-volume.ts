import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf, type StepAnnotations } from "./builders.ts";
import { it as base } from "./e2e.ts";
import { localVolume } from "./local-volume.ts";
import type { Workspace } from "./workspace.ts";

/** Name of the OrasCache of `onVolume`. */
export const cache = "kept";

/** Tests on the real cluster with a volume for the OrasCache `cache`: `className` is its StorageClass. */
export const it = base.extend("className", { scope: "file" }, async ({ ws }, { onCleanup }) => {
  const { className, remove } = await localVolume(ws);
  onCleanup(async () => {
    await ws.kubectl("delete", names.plural, cache, "--ignore-not-found", "--cascade=foreground");
    await ws.kubectl("delete", "pvc", `${cache}-data`, "--ignore-not-found");
    await remove();
  });
  return className;
});

/** The OrasCache on a volume that outlives it. */
export const onVolume = (className: string) =>
  cacheOf(cache, {
    storage: { persistentVolumeClaim: { size: "1Gi", storageClassName: className, onDelete: "Retain" } },
  });

/** Waits until it is Ready. */
export const isReady = (ws: Workspace) =>
  ws.kubectl("wait", `${names.plural}/${cache}`, "--for=condition=Ready", "--timeout=120s");

/** Which Pod has a name at the moment. */
export const uidOf = (ws: Workspace, pod: string) =>
  ws.kubectl("get", "pod", pod, "-o", "jsonpath={.metadata.uid}");

/** A condition of an OrasCache, if it has it. */
export async function condition(ws: Workspace, name: string, type: string) {
  const stored: StoredOrasCache = JSON.parse(await ws.kubectl("get", names.plural, name, "-o", "json"));
  return stored.status?.conditions?.find((each) => each.type === type);
}

/** What a step reads in the file `out` of an artifact that a step before has made. */
export async function read(ws: Workspace, step: string, map: StepAnnotations): Promise<string> {
  await ws.step(step, map, "cat out");
  return ws.log(step, "main");
}
