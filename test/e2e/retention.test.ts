import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf, podOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { told } from "../support/events.ts";
import { keeperOf } from "../support/keeper-of.ts";
import { until } from "../support/wait.ts";

const cache = "swept";

it("retention says what it would delete, deletes it by its schedule, and the space comes back", async ({
  ws,
}) => {
  await ws.apply(cacheOf(cache, { auth: { type: "none" }, storage: { emptyDir: { sizeLimit: "100Mi" } } }));
  await ws.kubectl("wait", `${names.plural}/${cache}`, "--for=condition=Ready", "--timeout=120s");
  const makes = (name: string, uri: string, script: string, more = {}) =>
    ws.step(name, { "oras-cache": cache, "output-uri": uri, "output-path": "out", ...more }, script);
  const large = "head -c 20000000 /dev/urandom > out";
  await makes("old", "runs/a:old", large);
  await makes("used", "runs/a:used", "echo used > out");
  await makes("model", "models/a:1", "echo model > out");
  await makes("last", "runs/a:last", "echo last > out", { "input-uri": "models/a:1" });
  // A step that runs needs its input.
  const reads = { "oras-cache": cache, "input-uri": "runs/a:used" };
  await ws.apply(podOf("reads", reads, "until [ -e end ]; do sleep 0.2; done"));

  const ask = await keeperOf(ws, cache);
  const tags = async () => {
    const { manifests } = (await ask("GET", "/manifests")).body as {
      manifests: { repository: string; tags: { name: string }[] }[];
    };
    // What is said of how each was made comes later, and goes with it.
    return manifests
      .flatMap(({ repository, tags }) => tags.map(({ name }) => `${repository}:${name}`))
      .filter((tag) => !tag.includes(":sha256-"))
      .sort();
  };
  const used = async () => {
    const { body } = await ask("GET", "/report?repositories=false");
    return (body as { bytes: number }).bytes;
  };
  const retention = async (changes: object) => {
    const patch = JSON.stringify({ spec: { retention: changes } });
    await ws.kubectl("patch", names.plural, cache, "--type=merge", "-p", patch);
  };
  const healthy = (reason: string) =>
    until(async () => {
      const text = await ws.kubectl("get", names.plural, cache, "-o", "json");
      const { status } = JSON.parse(text) as StoredOrasCache;
      const found = status?.conditions?.find(({ type }) => type === "SweepHealthy");
      return found?.reason === reason ? { ...found, storage: status?.storage } : undefined;
    }, reason);
  const all = await tags();
  const rules = [{ repositories: ["**"], keepLast: 1 }];

  await retention({ dryRun: true, schedule: "0 0 29 2 *", grace: "1s", rules });
  expect(await healthy("RetentionPlanned")).toMatchObject({
    status: "True",
    message: expect.stringMatching(/1 /),
  });
  expect(await tags()).toEqual(all);

  await retention({ dryRun: false, schedule: "* * * * *" });
  const swept = await healthy("Swept");
  await retention({ suspend: true });
  expect(swept.status).toBe("True");
  expect(swept.storage?.lastSweep).toBeDefined();
  expect(await tags()).toEqual(all.filter((tag) => tag !== "runs/a:old"));
  for (const reason of ["RetentionPlanned", "Swept"]) await told(ws, names.kind, cache, reason);
  // The trash is emptied by the pass after the next; the schedule would take two minutes more.
  await until(
    async () => {
      await ask("POST", "/sweep", { grace: 0 });
      return (await used()) < 10_000_000;
    },
    "the space",
    60_000,
  );
});
