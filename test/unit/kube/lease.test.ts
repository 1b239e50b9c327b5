import { afterEach, expect, test, vi } from "vitest";
import type { KubeClient } from "../../../src/kube/client.ts";
import { electLeader } from "../../../src/kube/lease.ts";

afterEach(() => vi.restoreAllMocks());

/** An API server with one Lease, whose answers to writes come as late as it is told, by a clock of its own. */
function slowServer(delaysMs: number[]) {
  let time = 0;
  vi.spyOn(performance, "now").mockImplementation(() => time);
  let stored: object = { metadata: { resourceVersion: "0" }, spec: {} };
  let version = 0;
  const client: KubeClient = {
    request: async <T>({ method = "GET", body }: { method?: string; body?: unknown }) => {
      if (method !== "GET") {
        const { metadata = {}, ...rest } = body as { metadata?: object };
        stored = { ...rest, metadata: { ...metadata, resourceVersion: String(++version) } };
        time += delaysMs.shift() ?? 0;
      }
      return structuredClone(stored) as T;
    },
    stream: () => Promise.reject(new Error("no watch")),
    now: Date.now,
    close: () => {},
  };
  return client;
}

test("whoever learns too late that it holds the Lease does not lead before it holds it in time", async () => {
  const stop = new AbortController();
  const led: boolean[] = [];
  const writes = [700, 700, 100];
  await electLeader({
    client: slowServer(writes),
    ...{ namespace: "default", name: "slow", identity: "a", signal: stop.signal },
    ...{ durationMs: 1_000, renewDeadlineMs: 600, retryMs: 1 },
    onTrouble: () => {},
    lead: async (_, leads) => {
      led.push(leads());
      expect(writes).toEqual([]);
      stop.abort();
    },
  });
  expect(led).toEqual([true]);
});
