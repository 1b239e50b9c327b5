import { expect, it, onTestFinished, vi } from "vitest";
import { openHost } from "../../../src/cli/remote/open.ts";
import { startStandIn } from "../../support/stand-in.ts";

// As programs in Go do it, oras and docker among them: a proxy would look for the port on its own machine.
it.each(["127.0.0.1", "localhost"])(
  "a registry of this machine is reached without a proxy: %s",
  async (name) => {
    const proxy = await startStandIn((_, response) => response.writeHead(400).end());
    const local = await startStandIn((_, response) => response.end('{"tags":["v1"]}'));
    onTestFinished(() => {
      vi.unstubAllEnvs();
      proxy.stop();
      local.stop();
    });
    vi.stubEnv("HTTP_PROXY", proxy.base.href);
    vi.stubEnv("http_proxy", proxy.base.href);
    for (const variable of ["NO_PROXY", "no_proxy"]) vi.stubEnv(variable, "");
    vi.stubEnv("DOCKER_CONFIG", "/nonexistent");
    const open = await openHost({ host: `${name}:${local.base.port}`, plainHttp: false });
    onTestFinished(open.close);
    expect(await open.registry.tags("a")).toEqual(["v1"]);
    expect(proxy.requests).toEqual([]);
  },
);
