import { readdirSync, readFileSync } from "node:fs";
import { expect, onTestFinished } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf, endOf, pullerOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { keeperOf } from "../support/keeper-of.ts";
import { until } from "../support/wait.ts";
import { portForward, type Workspace } from "../support/workspace.ts";

const stored = async (ws: Workspace, name: string) =>
  JSON.parse(await ws.kubectl("get", names.plural, name, "-o", "json")) as StoredOrasCache;
const condition = async (ws: Workspace, name: string, type: string) =>
  (await stored(ws, name)).status?.conditions?.find((each) => each.type === type);
const isReady = (ws: Workspace, name: string) =>
  ws.kubectl("wait", `${names.plural}/${name}`, "--for=condition=Ready", "--timeout=120s");
const restarts = async (ws: Workspace, cache: string, container: string) =>
  (await ws.pod(`${cache}-0`)).status?.containerStatuses?.find(({ name }) => name === container)
    ?.restartCount;

/** Ends the keeper of a cache as the kernel does when memory runs out; its operator asks the next one at once. */
async function killKeeper(ws: Workspace, name: string): Promise<void> {
  const uid = `--cache-uid=${(await stored(ws, name)).metadata?.uid}`;
  const before = (await restarts(ws, name, names.keeperContainer)) ?? 0;
  const pid = readdirSync("/proc").find((entry) => {
    try {
      const words = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      return words[0] === names.agentPath && words.includes(uid);
    } catch {
      return false; // no process, or one that has ended
    }
  });
  process.kill(Number(pid), "SIGKILL");
  await until(async () => ((await restarts(ws, name, names.keeperContainer)) ?? 0) > before, "a new keeper");
}

it("a registry goes on while its keeper is killed, and its status says what it holds", async ({ ws }) => {
  await isReady(ws, "oras");
  await ws.step("makes", { "output-uri": "a/b:1", "output-path": "out" }, "echo made > out");
  await killKeeper(ws, "oras");
  await ws.step("reads", { "input-uri": "a/b:1" }, "cat out");
  expect(await ws.log("reads", "main")).toBe("made\n");
  const ask = await keeperOf(ws, "oras");
  // The step after the keeper's death has pulled it.
  await until(async () => {
    const { manifests } = (await ask("GET", "/manifests")).body as { manifests: { pulled?: string }[] };
    return manifests.some(({ pulled }) => pulled !== undefined);
  }, "the keeper to know of the pull");
  await until(async () => (await stored(ws, "oras")).status?.storage?.artifacts === 1, "the report");
  expect((await stored(ws, "oras")).status?.storage).toMatchObject({
    used: expect.stringMatching(/^[0-9.]+(Ki)?$/),
    fullPercent: expect.any(Number),
    volumeID: expect.any(String),
  });
  expect(await restarts(ws, "oras", names.registryContainer)).toBe(0);
  await isReady(ws, "oras");
});

it("a step does not begin where the registry is full, and goes on without a restart once there is room", async ({
  ws,
}) => {
  await ws.apply(
    cacheOf("small", {
      auth: { type: "none" },
      storage: { emptyDir: { sizeLimit: "60Mi" }, refuseAt: 50 },
    }),
  );
  await isReady(ws, "small");
  const output = (tag: string) => ({
    ...{ "output-uri": `a/b:${tag}`, "output-path": "out", "oras-cache": "small" },
  });
  await ws.step("fills", output("1"), "head -c 33000000 /dev/urandom > out");
  const ask = await keeperOf(ws, "small");
  const used = async () => {
    const { body } = await ask("GET", "/report?repositories=false");
    return (body as { used: number }).used;
  };
  // What a keeper has counted holds for some seconds.
  await until(async () => (await used()) > 33_000_000, "the keeper to know of it");
  const refused = await ws.run("refused", output("2"), "echo ran");
  const end = endOf(refused, pullerOf(refused));
  expect(end?.exitCode).toBe(exitCodes.registryFull.code);
  expect(end?.message).toMatch(
    /OrasCache small is full: [0-9]+% of its volume of 60 MiB are used, and from 50% on/,
  );
  const events = await until(async () => {
    const text = await ws.kubectl("get", "events.events.k8s.io", "-o", "json");
    return text.includes('"RegistryFull"') ? text : undefined;
  }, "the Event");
  expect(events).toContain("OrasCache small is full");
  await killKeeper(ws, "small");
  const low = await until(() => condition(ws, "small", "StorageLow"), "StorageLow");
  expect(low).toMatchObject({
    reason: "RefusesSteps",
    message: expect.stringContaining("(60Mi); 1 artifacts"),
  });

  // As retention does it: the manifest goes through the registry, the bytes by sweeps.
  const registry = await portForward(ws.namespace, "small-0", names.registryPort);
  onTestFinished(registry.stop);
  const { code, stderr } = await ws.oras(
    ...["manifest", "delete", "--force", "--plain-http", `${registry.address}/a/b:1`],
  );
  expect(code, stderr).toBe(0);
  await until(
    async () => {
      await ask("POST", "/sweep", { grace: 0 });
      return (await used()) < 10_000_000;
    },
    "room",
    120_000,
  );
  await ws.step("goes-on", output("3"), "echo ran > out");
  expect(await restarts(ws, "small", names.registryContainer)).toBe(0);
});

it("a registry does not start with variables that decide what its OrasCache decides", async ({ ws }) => {
  const stringData = { REGISTRY_AUTH_SILLY_REALM: "x", REGISTRY_LOG_LEVEL: "info" };
  await ws.apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "env" }, stringData });
  await ws.apply(cacheOf("silly", { auth: { type: "htpasswd" }, secrets: { orasEnv: "env" } }));
  const degraded = await until(async () => {
    const found = await condition(ws, "silly", "Degraded");
    return found?.reason === "EnvConflicts" ? found : undefined;
  }, "EnvConflicts");
  expect(degraded.message).toContain("has REGISTRY_AUTH_SILLY_REALM, which the OrasCache decides");
  // Where the registry asks for no password, the scheme may be the author's.
  await ws.apply(cacheOf("theirs", { auth: { type: "none" }, secrets: { orasEnv: "env" } }));
  await until(
    async () =>
      (await ws.try(["get", "pod", "theirs-0", "-o", "jsonpath={.status.initContainerStatuses[0].ready}"]))
        .stdout === "true",
    "the init container",
  );
});
