import type { V1LimitRange, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe } from "vitest";
import type { KubeClient } from "../../src/kube/client.ts";
import { KubeError } from "../../src/kube/errors.ts";
import { keyed } from "../support/builders.ts";
import { test } from "../support/integration.ts";
import { minor, since } from "../support/kubernetes-version.ts";
import { created } from "../support/patched.ts";
import { admit, createRequest } from "../support/pods.ts";

/** LimitRanges of every kind, and of several kinds at once. */
const policies: Record<string, object[]> = {
  ratio: [
    {
      type: "Container",
      default: { cpu: "500m", memory: "256Mi" },
      defaultRequest: { cpu: "250m", memory: "128Mi" },
      maxLimitRequestRatio: { cpu: "4", memory: "4" },
    },
  ],
  podmax: [{ type: "Pod", max: { cpu: "1", memory: "512Mi" } }],
  podratio: [{ type: "Pod", maxLimitRequestRatio: { cpu: "2" } }],
  podmin: [{ type: "Pod", min: { cpu: "300m" } }],
  bounds: [
    { type: "Container", min: { cpu: "200m", memory: "100Mi" }, max: { cpu: "400m", memory: "300Mi" } },
  ],
  storage: [
    {
      type: "Container",
      default: { "ephemeral-storage": "1Gi" },
      max: { "ephemeral-storage": "2Gi" },
      maxLimitRequestRatio: { "ephemeral-storage": "2" },
    },
  ],
  all: [
    {
      type: "Container",
      default: { cpu: "300m" },
      defaultRequest: { cpu: "200m" },
      min: { cpu: "100m" },
      maxLimitRequestRatio: { cpu: "3" },
    },
    { type: "Pod", max: { cpu: "900m" }, min: { cpu: "100m" } },
  ],
};

const cpu = fc.constantFrom("100m", "200m", "250m", "400m", "900m");
/** What a container says of a resource: request and limit, one of them, or nothing. */
const said = (...pairs: (readonly [(string | undefined)?, string?])[]) => fc.constantFrom(...pairs);
const resources = fc
  .record({
    cpu: said(["250m"], ["250m", "400m"], [undefined, "300m"], ["900m", "900m"], ["100m", "100m"], []),
    memory: said(["128Mi", "256Mi"], [undefined, "200Mi"], ["400Mi", "400Mi"], []),
    "ephemeral-storage": said([], ["1Gi", "2Gi"], [undefined, "1Gi"]),
  })
  .map((pairs) => ({
    requests: kept(Object.entries(pairs).map(([resource, [request]]) => [resource, request])),
    limits: kept(Object.entries(pairs).map(([resource, [, limit]]) => [resource, limit])),
  }));

function kept(amounts: [string, string | undefined][]): Record<string, string> {
  return Object.fromEntries(
    amounts.flatMap(([name, amount]) => (amount === undefined ? [] : [[name, amount]])),
  );
}

const container = fc.record({ resources, isSidecar: fc.boolean() });
const step = fc.record({
  main: resources,
  beside: fc.array(container, { maxLength: 1 }),
  before: fc.array(container, { maxLength: 2 }),
  whole:
    minor >= since.podResources
      ? fc.option(fc.record({ requests: fc.record({ cpu }), limits: fc.record({ cpu }) }), {
          freq: 4,
          nil: undefined,
        })
      : fc.constant(undefined),
  wanted: fc.constantFrom({}, { "requests-cpu": "150m" }, { "limits-memory": "200Mi", "limits-cpu": "300m" }),
  output: fc.boolean(),
});

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function jobOf({ main, beside, before, whole, wanted, output }: Step) {
  const named = (name: string, more: object) => ({ name, image: "busybox", command: ["true"], ...more });
  const spec = {
    restartPolicy: "Never",
    containers: [
      named("main", { resources: main }),
      ...beside.map((c, i) => named(`b${i}`, { resources: c.resources })),
    ],
    initContainers: before.map((c, i) =>
      named(`i${i}`, { resources: c.resources, ...(c.isSidecar && { restartPolicy: "Always" }) }),
    ),
    ...(whole && { resources: whole }),
  } as V1PodSpec;
  const uri = output ? { "output-uri": "a/b:c", "output-path": "/tmp/x" } : { "input-uri": "a/b:c" };
  const metadata = { name: "j", annotations: keyed({ ...uri, ...wanted }) };
  return { apiVersion: "batch/v1", kind: "Job", metadata, spec: { template: { spec } } };
}

/** Steps that every one of the policies leaves room for. */
const roomy: Step[] = [true, false].map((output) => {
  const amounts = { cpu: "400m", memory: "256Mi" };
  const main = { requests: amounts, limits: amounts };
  return { main, beside: [], before: [], whole: undefined, wanted: {}, output };
});

async function refusal(client: KubeClient, namespace: string, spec: V1PodSpec): Promise<string | undefined> {
  const body: V1Pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec };
  try {
    await client.request({
      method: "POST",
      path: `/api/v1/namespaces/${namespace}/pods`,
      query: { dryRun: "All" },
      body,
    });
    return undefined;
  } catch (error) {
    if (error instanceof KubeError && [403, 422].includes(error.status)) return error.message;
    throw error;
  }
}

describe.concurrent("a Job whose Pods a namespace's LimitRanges allow", () => {
  test.for(Object.entries(policies))(
    "is injected such that they still do, or refused in words: %s",
    { timeout: 300_000 },
    async ([name, limits], { shared, expect }) => {
      const namespace = `limits-${name}`;
      const post = (path: string, body: object) => shared.request({ method: "POST", path, body });
      await post("/api/v1/namespaces", { metadata: { name: namespace } });
      await post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: "default" } });
      const path = `/api/v1/namespaces/${namespace}/limitranges`;
      await post(path, { metadata: { name }, spec: { limits } });
      const { items } = await shared.request<{ items: V1LimitRange[] }>({ path });
      const impossible = {
        resources: { limits: { cpu: "64", "ephemeral-storage": "1Ti" }, requests: { cpu: "1m" } },
      };
      // The plugin hears of it a moment later.
      await expect
        .poll(() => refusal(shared, namespace, { containers: [{ name: "c", image: "i", ...impossible }] }), {
          timeout: 30_000,
        })
        .toBeDefined();

      const injectedSteps: Step[] = [];
      await fc.assert(
        fc.asyncProperty(step, async (drawn) => {
          const job = jobOf(drawn);
          if ((await refusal(shared, namespace, job.spec.template.spec)) !== undefined) return;
          const verdict = admit(createRequest(job, namespace), {
            limitRanges: items,
            kubernetesMinor: minor,
          });
          if (verdict.kind === "denied") {
            expect(verdict.message).toContain("(BeyondLimitRange)");
            return;
          }
          const injected = created(job, { limitRanges: items, kubernetesMinor: minor });
          expect(await refusal(shared, namespace, injected.spec.template.spec)).toBeUndefined();
          injectedSteps.push(drawn);
        }),
        { numRuns: 200, interruptAfterTimeLimit: 60_000, examples: roomy.map((each) => [each]) },
      );
      // Refusing is for where there is no room.
      for (const each of roomy) expect(injectedSteps).toContainEqual(each);
    },
  );
});
