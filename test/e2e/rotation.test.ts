import { expect, onTestFinished } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { jobOf, podOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { until } from "../support/wait.ts";
import { workspace } from "../support/workspace.ts";

const auth = { type: "htpasswd" } as const;

it.for([
  ["an emptyDir", { auth }],
  ["a volume", { auth, storage: { persistentVolumeClaim: { size: "1Gi" } } }],
] as const)("on %s the login changes while a step runs, and no Pod is restarted", async ([, spec]) => {
  const ws = await workspace({}, spec);
  onTestFinished(ws.remove);
  const cache = async () =>
    JSON.parse(await ws.kubectl("get", names.plural, "oras", "-o", "json")) as StoredOrasCache;
  const registry = (await ws.pod("oras-0")).metadata?.uid;
  // It goes on when the last step has been created, and pushes then.
  const waits = "until [ -e /tmp/go ]; do sleep 1; done; echo first > out";
  await ws.apply(podOf("first", { "output-uri": "a/first:1", "output-path": "out" }, waits));
  await until(async () => (await ws.pod("first")).status?.phase === "Running", "the step");

  for (const user of ["oras-2", "oras-3"]) {
    await ws.kubectl("annotate", "--overwrite", names.plural, "oras", `${names.rotateAnnotation}=${user}`);
    await until(async () => (await cache()).status?.auth?.user === user, user, 120_000);
    const output = { "output-uri": `a/${user}:1`, "output-path": "out" };
    await ws.apply(jobOf(user, output, `echo ${user} > out`));
    expect(await ws.verdict(user)).toBe("Complete");
  }
  await ws.kubectl("exec", "first", "-c", "main", "--", "touch", "/tmp/go");
  await ws.succeeded("first");

  for (const name of ["first", "oras-2", "oras-3"])
    expect(await ws.content(`a/${name}:1`, "out")).toBe(`${name}\n`);
  const after = await ws.pod("oras-0");
  expect(after.metadata?.uid).toBe(registry);
  expect(after.status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([0, 0]);
  expect((await cache()).status?.conditions?.map(({ type }) => type)).not.toContain("UpdatePending");

  // A new Pod knows all of them from the start: that of an emptyDir has lost its artifacts.
  await ws.kubectl("delete", "pod", "oras-0");
  await ws.kubectl("wait", `${names.plural}/oras`, "--for=condition=Available", "--timeout=120s");
  await until(async () => (await ws.pod("oras-0")).metadata?.uid !== registry, "another Pod");
  const { initContainers } = (await ws.pod("oras-0")).spec ?? {};
  const init = initContainers?.find(({ name }) => name === names.keeperInitContainer);
  expect(init?.args).toEqual(expect.arrayContaining(["--user=oras-1", "--user=oras-2", "--user=oras-3"]));
  await ws.apply(jobOf("last", { "output-uri": "a/last:1", "output-path": "out" }, "echo last > out"));
  expect(await ws.verdict("last")).toBe("Complete");
});
