import { createServer } from "node:net";
import { Registry } from "prom-client";
import { expect, it, onTestFinished } from "vitest";
import { allServed, serveHealth, serveMetrics } from "../../../src/manager/endpoints.ts";
import { freePorts } from "../../support/ports.ts";

it.each(["health", "metrics"])("no endpoint is left if that of %s cannot be served", async (name) => {
  const [health = 0, metrics = 0] = await freePorts(2);
  const [used, other] = name === "health" ? [health, metrics] : [metrics, health];
  const holder = createServer().listen(used);
  onTestFinished(() => void holder.close());
  const endpoints = [serveHealth(health, () => []), serveMetrics(metrics, new Registry())];
  await expect(allServed(endpoints)).rejects.toThrow(String(used));
  // Whoever still listened would keep the process from ending.
  await expect(fetch(`http://127.0.0.1:${other}/`)).rejects.toThrow();
});

it("all are served", async () => {
  const [health = 0, metrics = 0] = await freePorts(2);
  const endpoints = await allServed([serveHealth(health, () => []), serveMetrics(metrics, new Registry())]);
  expect((await fetch(`http://127.0.0.1:${health}/readyz`)).status).toBe(200);
  for (const endpoint of endpoints) await endpoint.close();
});
