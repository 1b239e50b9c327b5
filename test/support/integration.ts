import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, inject } from "vitest";
import { startControlPlane } from "./control-plane.ts";
import { garbageCollector, startControllers } from "./controllers.ts";
import { adminClient, installOperator } from "./installation.ts";
import { objectsIn } from "./objects-in.ts";
import { asksNobody, ready, startOperator } from "./operator.ts";
import { injecting, installWebhooks } from "./webhooks.ts";

/**
 * Tests against a real API server. What a test names in its parameters is made when the first test of the file needs
 * it, and goes with the file.
 */
export const test = base
  /** A folder; the run takes it away. */
  .extend("folder", { scope: "file" }, () => mkdtemp(join(tmpdir(), "integration-")))
  /** A client with every right, of the API server that all files share. */
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("shared", { scope: "file" }, async ({}, { onCleanup }) => {
    const client = await adminClient({ kubeconfig: inject("kubeconfig") });
    onCleanup(client.close);
    return client;
  })
  /** An API server for this file alone. */
  // biome-ignore lint/correctness/noEmptyPattern: as above
  .extend("plane", { scope: "file" }, async ({}, { onCleanup }) => {
    const plane = await startControlPlane();
    onCleanup(plane.stop);
    return plane;
  })
  /** A client of it with every right. */
  .extend("admin", { scope: "file" }, async ({ plane }, { onCleanup }) => {
    const client = await adminClient(plane);
    onCleanup(client.close);
    return client;
  })
  /** The same, once the operator's CRD, namespace and permissions are there. */
  .extend("installed", { scope: "file" }, async ({ admin }) => {
    await installOperator(admin);
    return admin;
  })
  /** The operator, with the permissions that it has where it is installed; ready. */
  .extend("operator", { scope: "file" }, async ({ plane, installed }, { onCleanup }) => {
    const operator = await startOperator(plane.operatorKubeconfig, ...asksNobody);
    onCleanup(async () => {
      await operator.stop();
    });
    await installWebhooks(installed, operator.webhookPort);
    await ready(operator, installed);
    await injecting(installed);
    return operator;
  })
  /** The real garbage collector, for this file alone. It knows the operator's kinds from its start. */
  .extend("collector", { scope: "file" }, async ({ plane, installed: _ }, { onCleanup }) => {
    onCleanup(await startControllers(plane.kubeconfig, garbageCollector));
  })
  /** A namespace for this test alone, in which the operator is at work. */
  .extend("ns", ({ task, installed, operator: _ }) => {
    const words = task.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
    return objectsIn(installed, `t-${words.slice(0, 50)}-x`);
  });
