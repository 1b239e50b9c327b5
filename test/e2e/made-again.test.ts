import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

const name = "again";
const kinds = "statefulset,service,networkpolicy,pod";

const ready = (ws: Workspace) =>
  ws.kubectl("wait", `${names.plural}/${name}`, "--for=condition=Ready", "--timeout=120s");
/** Secrets that were orphaned stay, as whoever orphans them wants it: the operator can only create Secrets. */
const left = async (ws: Workspace) =>
  ws.kubectl("get", kinds, "-l", `${names.cacheLabel}=${name}`, "-o", "name");
const uidOfPod = (ws: Workspace) => ws.kubectl("get", "pod", `${name}-0`, "-o", "jsonpath={.metadata.uid}");

it("lif-13: an OrasCache that is deleted in each way and made again is ready again, and leaves nothing", async ({
  ws,
}) => {
  await ws.apply(cacheOf(name));
  await ready(ws);
  for (let round = 0; round < 10; round++) {
    await ws.kubectl("delete", names.plural, name);
    await ws.apply(cacheOf(name));
    await ready(ws);
  }
  // Its children first, against an operator that makes what is missing.
  await ws.kubectl("delete", names.plural, name, "--cascade=foreground", "--timeout=60s");
  expect(await left(ws)).toBe("");
  await ws.apply(cacheOf(name));
  await ready(ws);
  // Without its children, which are taken over, and the Pod with the artifacts stays.
  const pod = await uidOfPod(ws);
  await ws.kubectl("delete", names.plural, name, "--cascade=orphan");
  await ws.apply(cacheOf(name));
  const uid = () => ws.kubectl("get", names.plural, name, "-o", "jsonpath={.metadata.uid}");
  const owner = () =>
    ws.kubectl("get", "statefulset", name, "-o", "jsonpath={.metadata.ownerReferences[0].uid}");
  await until(async () => (await owner()) === (await uid()), "the StatefulSet to be taken over");
  expect(await uidOfPod(ws)).toBe(pod);
  // Faster than the garbage collector.
  for (let round = 0; round < 5; round++) {
    await ws.kubectl("delete", names.plural, name, "--wait=false");
    await ws.try(["create", "--namespace", ws.namespace, "-f", "-"], JSON.stringify(cacheOf(name)));
  }
  await ws.kubectl("delete", names.plural, name, "--ignore-not-found");
  await until(async () => (await left(ws)) === "", "everything to be gone");
});
