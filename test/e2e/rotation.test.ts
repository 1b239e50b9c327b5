import { expect, onTestFinished } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf, jobOf, podOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { localVolume } from "../support/local-volume.ts";
import { until } from "../support/wait.ts";
import { workspace } from "../support/workspace.ts";

const auth = { type: "htpasswd" } as const;
const name = "rotated";

it.for(["an emptyDir", "a volume"])(
  "on %s the login changes while a step runs, and no Pod is restarted",
  async (kind) => {
    const ws = await workspace();
    onTestFinished(ws.remove);
    if (kind === "an emptyDir") await ws.apply(cacheOf(name, { auth }));
    else {
      const { className, remove } = await localVolume(ws);
      onTestFinished(async () => {
        await ws.kubectl("delete", names.plural, name, "--ignore-not-found", "--cascade=foreground");
        await ws.kubectl("delete", "pvc", `${name}-data`, "--ignore-not-found");
        await remove();
      });
      const persistentVolumeClaim = { size: "1Gi", storageClassName: className };
      await ws.apply(cacheOf(name, { auth, storage: { persistentVolumeClaim } }));
    }
    await ws.kubectl("wait", `${names.plural}/${name}`, "--for=condition=Available", "--timeout=120s");
    const pod = `${name}-0`;
    const output = (artifact: string) =>
      ({ "oras-cache": name, "output-uri": artifact, "output-path": "out" }) as const;
    const cache = async () =>
      JSON.parse(await ws.kubectl("get", names.plural, name, "-o", "json")) as StoredOrasCache;
    const registry = (await ws.pod(pod)).metadata?.uid;
    // It goes on when the last step has been created, and pushes then.
    const waits = "until [ -e /tmp/go ]; do sleep 1; done; echo first > out";
    await ws.apply(podOf("first", output("a/first:1"), waits));
    await until(async () => (await ws.pod("first")).status?.phase === "Running", "the step");

    for (const user of ["oras-2", "oras-3"]) {
      await ws.kubectl("annotate", "--overwrite", names.plural, name, `${names.rotateAnnotation}=${user}`);
      await until(async () => (await cache()).status?.auth?.user === user, user, 120_000);
      await ws.apply(jobOf(user, output(`a/${user}:1`), `echo ${user} > out`));
      expect(await ws.verdict(user)).toBe("Complete");
    }
    await ws.kubectl("exec", "first", "-c", "main", "--", "touch", "/tmp/go");
    await ws.succeeded("first");

    for (const step of ["first", "oras-2", "oras-3"]) {
      await ws.step(`reads-${step}`, { "oras-cache": name, "input-uri": `a/${step}:1` }, "cat out");
      expect(await ws.log(`reads-${step}`, "main")).toBe(`${step}\n`);
    }
    const after = await ws.pod(pod);
    expect(after.metadata?.uid).toBe(registry);
    expect(after.status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([0, 0]);
    expect((await cache()).status?.conditions?.map(({ type }) => type)).not.toContain("UpdatePending");

    // A new Pod knows all of them from the start: that of an emptyDir has lost its artifacts.
    await ws.kubectl("delete", "pod", pod);
    await ws.kubectl("wait", `${names.plural}/${name}`, "--for=condition=Available", "--timeout=120s");
    await until(async () => (await ws.pod(pod)).metadata?.uid !== registry, "another Pod");
    const { initContainers } = (await ws.pod(pod)).spec ?? {};
    const init = initContainers?.find((container) => container.name === names.keeperInitContainer);
    expect(init?.args).toEqual(expect.arrayContaining(["--user=oras-1", "--user=oras-2", "--user=oras-3"]));
    await ws.apply(jobOf("last", output("a/last:1"), "echo last > out"));
    expect(await ws.verdict("last")).toBe("Complete");
  },
);
