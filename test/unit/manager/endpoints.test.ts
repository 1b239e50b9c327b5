import { createServer } from "node:net";
import { Registry } from "prom-client";
import { expect, it, onTestFinished } from "vitest";
import { allServed, servedAt, serveHealth, serveMetrics } from "../../../src/manager/endpoints.ts";
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

it.each([
  ["EADDRINUSE", /^Another program, or another option of this one, has taken port 80 of --metrics-port\./],
  ["EACCES", /^This process may not listen at port 80 of --metrics-port: .* below 1024/],
  ["ELSE", /^Nothing can be served at port 80 of --metrics-port: it says so\. Give another port/],
])("where it cannot be served for %s, that is said with the option and what to do", async (code, words) => {
  const error = Object.assign(new Error("it says so"), { code });
  const served = servedAt("metricsPort", 80, Promise.reject(error));
  await expect(served).rejects.toThrow(words);
  await expect(served).rejects.toThrow(/--metrics-port, or the variable ORAS_OPERATOR_METRICS_PORT\.$/);
});

it("what is served is passed on", async () => {
  expect(await servedAt("healthPort", 1, Promise.resolve("it"))).toBe("it");
});
