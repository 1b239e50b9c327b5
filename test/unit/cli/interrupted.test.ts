import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "../../support/folders.ts";
import { start } from "../../support/processes.ts";
import { descriptorOf, startStandIn } from "../../support/stand-in.ts";
import { until } from "../../support/wait.ts";

it("get that is interrupted leaves nothing behind", async () => {
  const content = Buffer.alloc(1_000_000, "x");
  const annotations = { "org.opencontainers.image.title": "large" };
  const manifest = JSON.stringify({ schemaVersion: 2, layers: [{ ...descriptorOf(content), annotations }] });
  const { base, stop } = await startStandIn((request, response) => {
    if (request.url?.includes("/manifests/")) response.end(manifest);
    else response.writeHead(200, { "content-length": content.length }).write(content.subarray(0, 100_000));
  });
  onTestFinished(stop);
  const folder = join(temporaryFolder("interrupted"), "out");
  const argv = [process.execPath, "src/cli/main.ts", "get", `oci://${base.host}/a/b:1`, "-o", folder];
  const { child, ended } = start(argv, { env: { ...process.env, HOME: "/nonexistent" } });
  const files = () => readdirSync(folder, { recursive: true }).length;
  await until(() => files() >= 2, "the first bytes");
  child.kill("SIGINT");
  expect((await ended).code).toBe(130);
  expect(files()).toBe(0);
});
