import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { registryPod } from "../../src/cache/registry-pod.ts";
import { childFacts, storedCache } from "../support/cache.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { until } from "../support/wait.ts";

/** What the operator sets for the registry, as far as it is no file, Secret or port of the Pod alone. */
const environment = Object.fromEntries(
  (registryPod(storedCache(), childFacts()).spec?.containers[0]?.env ?? []).flatMap(({ name, value }) =>
    value === undefined || name === "REGISTRY_HTTP_DEBUG_ADDR" ? [] : [[name, value]],
  ),
);

async function registryWith(variables: Record<string, string>): Promise<TestRegistry> {
  const registry = await startRegistry({ blobCache: true, environment: variables });
  onTestFinished(registry.stop);
  return registry;
}

const blob = Buffer.from("what a step has made");
const digest = createHash("sha256").update(blob).digest("hex");

/** Where the registry wants the bytes of an upload. */
async function beginUpload({ url }: TestRegistry): Promise<URL> {
  const begun = await fetch(`${url}/v2/runs/blobs/uploads/`, { method: "POST" });
  expect(begun.status).toBe(202);
  return new URL(begun.headers.get("location") ?? "", url);
}

function finish(upload: URL): URL {
  upload.searchParams.set("digest", `sha256:${digest}`);
  return upload;
}

describe("the registry of the pinned version, with the environment that the operator gives it", () => {
  const statusOfLost = async (variables: Record<string, string>) => {
    const registry = await registryWith(variables);
    const put = await fetch(finish(await beginUpload(registry)), { method: "PUT", body: blob });
    expect(put.status).toBe(201);
    const layer = `docker/registry/v2/repositories/runs/_layers/sha256/${digest}`;
    await rm(join(registry.data, layer), { recursive: true });
    return (await fetch(`${registry.url}/v2/runs/blobs/sha256:${digest}`, { method: "HEAD" })).status;
  };

  test("answers 404 at once for a blob that is gone", async () => {
    expect(await statusOfLost(environment)).toBe(404);
  });

  test("which the configuration of its image alone does not make it do", async () => {
    const { REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR: cache, ...others } = environment;
    expect(cache).toBe("none");
    expect(await statusOfLost(others)).toBe(200);
  });

  test("ends an upload that has begun before it ends itself", async () => {
    const registry = await registryWith(environment);
    const upload = finish(await beginUpload(registry));
    const status = await new Promise((resolve, reject) => {
      // Go's server says "continue" once the registry reads the upload. Written bytes alone prove nothing: the
      // kernel takes them for a connection that the registry has not accepted yet.
      const headers = { "content-length": blob.length, expect: "100-continue" };
      const put = request(upload, { method: "PUT", headers });
      put.on("response", (response) => resolve(response.resume().statusCode));
      put.on("error", reject);
      put.on("continue", async () => {
        put.write(blob.subarray(0, 5));
        // Once it accepts nobody else any more, it has heard that it is to end.
        registry.terminate();
        await refused(registry.url);
        put.end(blob.subarray(5));
      });
      put.flushHeaders();
    });
    expect(status).toBe(201);
  });
});

/** Waits until nobody is let in any more. */
function refused(url: string): Promise<unknown> {
  const asks = () =>
    fetch(url, { headers: { connection: "close" } }).then(
      () => false,
      () => true,
    );
  return until(asks, "the registry to let nobody in");
}
