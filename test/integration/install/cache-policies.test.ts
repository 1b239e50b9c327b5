import { readFile } from "node:fs/promises";
import { expect } from "vitest";
import { cacheOf } from "../../support/builders.ts";
import { test } from "../../support/integration.ts";
import { kubectl } from "../../support/programs.ts";
import { until } from "../../support/wait.ts";

const volume = { storage: { persistentVolumeClaim: { size: "1Gi" } } };

test("kubectl warns of an OrasCache that leaves its artifacts behind, and of no other change", async ({
  plane,
  installed: _,
}) => {
  await kubectl(
    plane.kubeconfig,
    ["apply", "-f", "-"],
    await readFile("config/policies/annotations.yaml", "utf8"),
  );
  const warning = async (name: string, spec: object) =>
    (await kubectl(plane.kubeconfig, ["apply", "-f", "-"], JSON.stringify(cacheOf(name, spec)))).stderr;
  let made = 0;
  // The API server takes a moment to know a policy.
  const moved = await until(async () => {
    const name = `moves-${made++}`;
    await warning(name, { storage: { emptyDir: {} } });
    return warning(name, volume);
  }, "a warning");
  expect(moved).toContain("'oras-cache-storage'");
  expect(moved).toContain("artifacts in its emptyDir are not moved and are lost then");
  expect(await warning("new", volume)).toBe("");
  expect(await warning("new", { ...volume, drainSeconds: 5 })).toBe("");
  expect(await warning("remote", { deploy: false })).toBe("");
  expect(await warning("remote", volume)).toBe("");
});
