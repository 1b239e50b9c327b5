import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { openHost } from "../../../src/cli/remote/open.ts";
import { startStandIn } from "../../support/stand-in.ts";

// Whoever may edit an OrasCache chooses its spec.registry; who lists all caches has logins for other things.
it("a login is not shown over plain HTTP", async () => {
  const host = "registry.example.com:5000";
  const folder = mkdtempSync(join(tmpdir(), "plain-login-"));
  // What goes to a host that is not there is seen on its way.
  const proxy = await startStandIn((_, response) => response.end('{"tags":["v1"]}'));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    proxy.stop();
    rmSync(folder, { recursive: true });
  });
  writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { [host]: { auth: "dTpw" } } }));
  vi.stubEnv("DOCKER_CONFIG", folder);
  for (const variable of ["HTTP_PROXY", "http_proxy"]) vi.stubEnv(variable, proxy.base.href);
  for (const variable of ["NO_PROXY", "no_proxy"]) vi.stubEnv(variable, "");
  const told = vi.spyOn(console, "error").mockReturnValue();
  const open = await openHost({ host, plainHttp: true });
  onTestFinished(open.close);
  expect(await open.registry.tags("a")).toEqual(["v1"]);
  expect(proxy.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  expect(told.mock.calls.join()).toContain(`The login for ${host} is not shown to it`);
});

it("is shown to a registry of this machine", async () => {
  const folder = mkdtempSync(join(tmpdir(), "plain-login-"));
  const local = await startStandIn((_, response) => response.end('{"tags":["v1"]}'));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    local.stop();
    rmSync(folder, { recursive: true });
  });
  const host = `127.0.0.1:${local.base.port}`;
  writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { [host]: { auth: "dTpw" } } }));
  vi.stubEnv("DOCKER_CONFIG", folder);
  const open = await openHost({ host, plainHttp: true });
  onTestFinished(open.close);
  await open.registry.tags("a");
  expect(local.requests[0]?.headers.authorization).toBe("Basic dTpw");
});
