import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { invalidOrasCache, validOrasCache } from "../support/arbitraries.ts";
import { cacheOf } from "../support/builders.ts";
import { type ControlPlane, startControlPlane } from "../support/control-plane.ts";
import { adminClient, installOperator } from "../support/installation.ts";
import { kubectl } from "../support/programs.ts";
import { until } from "../support/wait.ts";

let plane: ControlPlane;
let client: KubeClient;

beforeAll(async () => {
  plane = await startControlPlane();
  client = await adminClient(plane);
  await installOperator(client);
});

afterAll(async () => {
  client?.close();
  await plane?.stop();
});

/** What the API server would store, without storing it. Unknown fields are errors, as kubectl asks. */
function submit(cache: object): Promise<StoredOrasCache> {
  return client.request({
    method: "POST",
    path: pathOf(resources.orasCaches, { namespace: "default" }),
    query: { dryRun: "All", fieldValidation: "Strict" },
    body: cache,
  });
}

const cacheWith = (spec: object, name?: string) => cacheOf(name, spec);

const refusal = (cache: object) =>
  submit(cache).then(
    () => "accepted",
    (error: Error) => error.message,
  );

describe("the CRD in a real API server", () => {
  test("has no schema that is not structural, and serves every printer column", async () => {
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${names.plural}.${names.group}`;
    // It is served a moment before it says so.
    const conditions = await until(async () => {
      const crd = await client.request<{ status: { conditions: { type: string; status: string }[] } }>({
        path,
      });
      const found = Object.fromEntries(crd.status.conditions.map(({ type, status }) => [type, status]));
      return found["Established"] === "True" && found;
    }, "the CRD to be established");
    expect(conditions).toMatchObject({ NamesAccepted: "True" });
    expect(conditions).not.toHaveProperty("NonStructuralSchema");
  });

  test("accepts every valid OrasCache", async () => {
    await fc.assert(
      fc.asyncProperty(validOrasCache, async (cache) => {
        await submit(cache);
      }),
      { numRuns: 100 },
    );
  });

  test("refuses every invalid OrasCache", async () => {
    await fc.assert(
      fc.asyncProperty(invalidOrasCache, async (cache) => {
        expect(await refusal(cache)).not.toBe("accepted");
      }),
      { numRuns: 200 },
    );
  });

  test("fills the defaults in that the types of stored objects promise", async () => {
    const { spec, status } = await submit({ ...cacheWith({}), spec: undefined });
    expect(spec).toEqual({ deploy: true, suspend: false, drainSeconds: 60, replicas: 1 });
    expect(status.conditions).toEqual([expect.objectContaining({ type: "Ready", status: "Unknown" })]);
  });

  test("is explained by kubectl, with defaults, what is allowed and conditions", async () => {
    const explain = (field: string) => kubectl(plane.kubeconfig, ["explain", `${names.singular}.${field}`]);
    // The API server publishes the schema a moment after it serves the objects.
    const { stdout } = await until(async () => {
      const output = await explain("spec");
      return output.stdout.includes("Desired state of the OrasCache.") && output;
    }, "kubectl explain");
    const text = stdout.replaceAll(/\s+/g, " ");
    expect(text).toContain("image <string> Image of the registry.");
    expect(text).toContain("Only where deploy is false.");
    expect(text).not.toContain("<no description>");
    expect((await explain("status.conditions")).stdout).toContain("Reason for the status in CamelCase.");
  });

  test("says which field is wrong and what is allowed", async () => {
    expect(await refusal(cacheWith({ registry: "ghcr.io" }))).toMatch(
      /spec\.registry: .*registry may only be set where deploy is false/,
    );
    expect(await refusal(cacheWith({}, "a.b"))).toMatch(
      /metadata\.name: allowed is the name of an OrasCache/,
    );
    expect(await refusal(cacheWith({ imge: "x" }))).toContain('unknown field "spec.imge"');
  });
});
