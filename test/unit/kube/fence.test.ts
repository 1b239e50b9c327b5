import { describe, expect, test } from "vitest";
import type { KubeClient } from "../../../src/kube/client.ts";
import { fencedClient } from "../../../src/kube/fence.ts";

const methods = ["POST", "PUT", "PATCH", "DELETE"] as const;

describe("a client of a replica that leads no more", () => {
  const sent: string[] = [];
  const client: KubeClient = {
    request: async <T>({ method = "GET" }: { method?: string }) => {
      sent.push(method);
      return undefined as T;
    },
    stream: () => Promise.reject(new Error("no watch")),
    now: Date.now,
    close: () => {},
  };

  test.each(methods)("does not send a %s", async (method) => {
    sent.length = 0;
    const fenced = fencedClient(client, () => false);
    await expect(fenced.request({ method, path: "/" })).rejects.toThrow("has not renewed its Lease in time");
    expect(sent).toEqual([]);
  });

  test("still reads", async () => {
    sent.length = 0;
    await fencedClient(client, () => false).request({ path: "/" });
    expect(sent).toEqual(["GET"]);
  });

  test.each(methods)("has sent each %s while it led", async (method) => {
    sent.length = 0;
    await fencedClient(client, () => true).request({ method, path: "/" });
    expect(sent).toEqual([method]);
  });
});
