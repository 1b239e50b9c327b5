import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { isNamespaceTerminating, isStatus, KubeError } from "../../../src/kube/errors.ts";
import { pathOf, resources } from "../../../src/kube/resources.ts";
import { type ScriptedServer, startScriptedServer } from "../../support/api-server.ts";

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

test("paths", () => {
  expect(pathOf(resources.services)).toBe("/api/v1/services");
  expect(pathOf(resources.services, { namespace: "a", name: "b" })).toBe("/api/v1/namespaces/a/services/b");
  expect(pathOf(resources.statefulSets, { namespace: "a", name: "b", subresource: "status" })).toBe(
    "/apis/apps/v1/namespaces/a/statefulsets/b/status",
  );
  expect(pathOf(resources.mutatingWebhookConfigurations, { namespace: "ignored", name: "b" })).toBe(
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/b",
  );
});

describe("requests", () => {
  test("send JSON of the type asked for, and are counted", async () => {
    const counted: string[] = [];
    server = await startScriptedServer(
      async (_url, response, request) => {
        response.end(JSON.stringify({ type: request.headers["content-type"], body: await text(request) }));
      },
      (method, status) => counted.push(`${method} ${status}`),
    );
    const request = {
      method: "PATCH",
      path: "/x",
      contentType: "application/json-patch+json",
      body: ["é"],
    } as const;
    const answer = await server.client.request<object>(request);
    expect(answer).toEqual({ type: "application/json-patch+json", body: '["é"]' });
    expect(counted).toEqual(["PATCH 200"]);
  });

  test("an error tells what was asked, and what the API server said", async () => {
    server = await startScriptedServer((_url, response) => {
      response.writeHead(409).end(JSON.stringify({ reason: "Conflict", message: "changed meanwhile" }));
    });
    const error = await server.client.request({ path: "/x" }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(KubeError);
    expect(isStatus(error, 404, 409)).toBe(true);
    expect((error as Error).message).toBe("GET /x: 409 Conflict: changed meanwhile");
  });

  test("an answer that is not of an API server is quoted", async () => {
    server = await startScriptedServer((_url, response) => response.writeHead(502).end("<html>Bad Gateway"));
    await expect(server.client.request({ path: "/x" })).rejects.toThrow("502 : <html>Bad Gateway");
  });

  test.each([401, 429, 502, 503])("the clock of whoever answers with %i counts nothing", async (status) => {
    const [ours, proxys] = ["2026-11-26T12:00:00Z", "1970-01-01T00:00:00Z"].map((time) => Date.parse(time));
    server = await startScriptedServer((url, response) => {
      const isProxy = url.pathname.endsWith("/broken");
      response.writeHead(isProxy ? status : 200, {
        date: new Date(Number(isProxy ? proxys : ours)).toUTCString(),
      });
      response.end(isProxy ? '{"details":{"retryAfterSeconds":0.01}}' : "{}");
    });
    const { client } = server;
    await client.request({ path: "/healthy" });
    await expect(client.request({ path: "/broken" })).rejects.toThrow(`${status}`);
    expect(new Date(client.now()).getUTCFullYear()).toBe(2026);
  });

  test("429 is waited out as the API server asks", async () => {
    let asked = 0;
    server = await startScriptedServer((_url, response) => {
      const patience = { details: { retryAfterSeconds: 0.01 } };
      if (asked++ === 0) response.writeHead(429).end(JSON.stringify(patience));
      else response.end('"at last"');
    });
    expect(await server.client.request({ path: "/x" })).toBe("at last");
  });

  test("silence ends in a timeout that says so, and counts as an error", async () => {
    const counted: number[] = [];
    server = await startScriptedServer(
      () => {},
      (_method, status) => counted.push(status),
    );
    await expect(server.client.request({ path: "/x", timeoutMs: 20.5 })).rejects.toThrow("timeout");
    expect(counted).toEqual([0]);
  });
});

test("a namespace that is being deleted is distinguished from other refusals", () => {
  const refused = (causes: object[]) => new KubeError("POST /x", 403, { details: { causes } });
  expect(isNamespaceTerminating(refused([{ reason: "NamespaceTerminating" }]))).toBe(true);
  expect(isNamespaceTerminating(refused([]))).toBe(false);
  expect(isNamespaceTerminating(new Error("x"))).toBe(false);
});
