import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { until } from "../support/wait.ts";
import { cacheClient } from "../support/workspace.ts";

it("what a step pushes is in the other registry, also after that was away", async ({ ws }) => {
  await ws.apply(cacheOf("copy", { auth: { type: "htpasswd" } }));
  await ws.kubectl("wait", `${names.plural}/copy`, "--for=condition=Ready", "--timeout=120s");
  const copy = JSON.parse(await ws.kubectl("get", names.plural, "copy", "-o", "json")) as StoredOrasCache;
  const registry = `${copy.status?.url}/copies`;
  await ws.apply(
    cacheOf("origin", {
      mirrorTo: {
        registry,
        repositories: ["kept/*"],
        secretRef: { name: copy.status?.credentialsSecret ?? "" },
      },
    }),
  );
  await ws.kubectl("wait", `${names.plural}/origin`, "--for=condition=Ready", "--timeout=120s");
  const output = (uri: string) => ({
    ...{ "oras-cache": "origin", "output-uri": uri, "output-path": "out" },
  });
  // A step whose input is not there yet fails at once.
  const arrived = (artifact: string) =>
    until(async () => {
      const client = await cacheClient(ws.namespace, "copy");
      return client.isPushed(`copies/${artifact}`).finally(client.stop);
    }, `${artifact} in the other registry`);
  await ws.step("one", output("kept/a:1"), "echo one > out");
  await ws.step("other", output("scratch/a:1"), "echo other > out");
  await arrived("kept/a:1");
  await ws.step("reads", { "oras-cache": "copy", "input-uri": "copies/kept/a:1" }, "cat out");
  expect(await ws.log("reads", "main")).toBe("one\n");

  // It comes back with nothing, as an emptyDir does.
  await ws.kubectl("delete", "pod", "copy-0", "--wait=true");
  await ws.step("two", output("kept/a:2"), "echo two > out");
  await arrived("kept/a:2");
  await ws.step("reads-two", { "oras-cache": "copy", "input-uri": "copies/kept/a:2" }, "cat out");
  expect(await ws.log("reads-two", "main")).toBe("two\n");
  const mirrored = await until(async () => {
    const stored = JSON.parse(
      await ws.kubectl("get", names.plural, "origin", "-o", "json"),
    ) as StoredOrasCache;
    return stored.status?.conditions?.find(
      ({ type, reason }) => type === "Mirrored" && reason === "Mirrored",
    );
  }, "the condition");
  expect(mirrored.message).toContain(registry);
});
