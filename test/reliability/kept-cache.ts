import { names } from "../../schema/names.ts";
import { cacheOf } from "../support/builders.ts";
import { localVolume } from "../support/local-volume.ts";
import { type Workspace, workspace } from "../support/workspace.ts";
import { type Victim, victims } from "./victims.ts";

/** The OrasCache on a volume that outlives what is killed. */
export const cache = "kept";

/**
 * A namespace with that cache, and who is to be killed.
 *
 * @param name - of the victim
 * @param onTestFinished - takes what removes all of it
 */
export async function keptCache(
  name: string,
  onTestFinished: (remove: () => Promise<void>) => void,
): Promise<{ readonly ws: Workspace; readonly victim: Victim }> {
  const ws = await workspace();
  const { className, remove } = await localVolume(ws);
  onTestFinished(async () => {
    await ws.kubectl("delete", names.plural, cache, "--ignore-not-found", "--cascade=foreground");
    await ws.kubectl("delete", "pvc", `${cache}-data`, "--ignore-not-found");
    await remove();
    await ws.remove();
  });
  await ws.apply(
    cacheOf(cache, { storage: { persistentVolumeClaim: { size: "1Gi", storageClassName: className } } }),
  );
  await ws.kubectl("wait", `${names.plural}/${cache}`, "--for=condition=Ready", "--timeout=120s");
  const victim = victims(ws.namespace, cache).find((each) => each.name === name);
  if (victim === undefined) throw new Error(`nobody is called ${name}`);
  return { ws, victim };
}
