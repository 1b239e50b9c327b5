import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { KubeError } from "../../../src/kube/errors.ts";
import { pathOf, resources } from "../../../src/kube/resources.ts";
import { isContract, type Step } from "../../support/gates-contract.ts";
import { refusalBy } from "../../support/refusals.ts";
import { type ServedFields, servedFields } from "../../support/served-fields.ts";
import { claim, criterion, memoKey } from "../../support/step-writes.ts";
import { type StolenToken, startStolenToken } from "../../support/stolen-token.ts";
import { until } from "../../support/wait.ts";
import { waitingJob, waitingPod } from "../../support/waiting-steps.ts";

const namespace = "default";
const name = "step";
type Kind = "pods" | "jobs";
type Part = "metadata" | "spec" | "status";
let setup: StolenToken;
const stored = {} as Record<Kind, Step>;
const served = {} as Record<Kind, Record<Part, ServedFields>>;

beforeAll(async () => {
  setup = await startStolenToken();
  const { admin } = setup;
  const core = await servedFields(admin, "api/v1");
  const batch = await servedFields(admin, "apis/batch/v1");
  const metadata = core("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  const [pod, job] = ["io.k8s.api.core.v1.Pod", "io.k8s.api.batch.v1.Job"];
  served.pods = { metadata, spec: core(`${pod}Spec`), status: core(`${pod}Status`) };
  served.jobs = { metadata, spec: batch(`${job}Spec`), status: batch(`${job}Status`) };
  for (const [kind, body] of [
    ["pods", waitingPod(name)],
    ["jobs", waitingJob(name)],
  ] as const) {
    await admin.request({ method: "POST", path: pathOf(resources[kind], { namespace }), body });
    const suspended = { type: "Suspended", status: "True", reason: "JobSuspended" };
    if (kind === "jobs") await send(admin, kind, "status", { status: { conditions: [suspended] } });
    stored[kind] = await admin.request<Step>({ path: pathOf(resources[kind], { namespace, name }) });
    const probe = { metadata: { labels: { a: "b" } } };
    await until(
      () => refusalBy(/./, send(setup.stolen, kind, "spec", probe, true)).then(() => true),
      `the policy for ${kind}`,
    );
  }
}, 900_000);

afterAll(() => setup?.stop());

function send(client: StolenToken["admin"], kind: Kind, part: Part, body: object, dryRun = false) {
  return client.request<Step>({
    method: "PATCH",
    path: `${pathOf(resources[kind], { namespace, name })}${part === "status" ? "/status" : ""}`,
    contentType: "application/merge-patch+json",
    ...(dryRun && { query: { dryRun: "All" } }),
    body,
  });
}

/** What the operator's ServiceAccount makes of a step with a patch, or who refuses that. */
async function attempt(kind: Kind, part: Part, body: object): Promise<Step | "policy" | "API server"> {
  try {
    return await send(setup.stolen, kind, part, body, true);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return (error.body.message ?? "").includes("ValidatingAdmissionPolicy") ? "policy" : "API server";
  }
}

/** Patches of each field of a part, with values that it may have, and none; each through every way that leads there. */
function patchesOf(kind: Kind, part: Part): { field: string; through: Part; body: object }[] {
  const ways: readonly Part[] = part === "metadata" ? ["spec", "status"] : [part];
  return Object.entries(served[kind][part]).flatMap(([field, values]) =>
    [null, ...fc.sample(values, { numRuns: 5, seed: 1 })].flatMap((value) =>
      ways.map((through) => ({ field, through, body: { [part]: { [field]: value } } })),
    ),
  );
}

/** Fields of which the policy is asked at least: what the API server refuses by itself tells nothing of it. */
const asked = {
  pods: {
    metadata: ["labels", "annotations", "ownerReferences"],
    spec: ["nodeSelector"],
    status: ["podIP", "hostIP", "startTime", "nominatedNodeName"],
  },
  jobs: {
    metadata: ["labels", "annotations", "ownerReferences"],
    spec: ["parallelism", "backoffLimit", "ttlSecondsAfterFinished"],
    status: ["active"],
  },
};

// A field that a later Kubernetes adds is tried, too: nobody has to list it.
describe.each(["pods", "jobs"] as const)("whoever holds the operator's token, of the %s' fields", (kind) => {
  test.each(["metadata", "spec", "status"] as const)(
    "changes none of %s but the contract's",
    async (part) => {
      const refused = new Set<string>();
      for (const { field, through, body } of patchesOf(kind, part)) {
        const result = await attempt(kind, through, body);
        if (result === "policy") refused.add(field);
        else if (result !== "API server") {
          expect(isContract(stored[kind], result), `${JSON.stringify(body)} by ${through}`).toBe(true);
        }
      }
      expect([...refused]).toEqual(expect.arrayContaining(asked[kind][part]));
    },
  );
});

const digest = `sha256:${"a".repeat(64)}`;
const pins = { annotations: { [names.inputDigestsAnnotation]: digest } };
const waitingFor = fc.constantFrom("[]", "[1]", null);
const condition = (type: string, reason: string) => ({ type, status: "True", reason });
const others = [{ name: "example.com/quota" }];

/** Parts of the contract's own patches, and what is near to them. */
const near = {
  metadata: fc.oneof(
    fc.constantFrom("false", "true", null).map((value) => ({ labels: { [names.waitingLabel]: value } })),
    waitingFor.map((value) => ({ annotations: { [names.waitingForAnnotation]: value } })),
    fc.constant(pins),
    fc
      .tuple(
        fc.constantFrom(names.memoKeyAnnotation, names.memoClaimAnnotation, names.memoizedFromAnnotation),
        fc.constantFrom(memoKey, `${memoKey} written`, claim, "x", null),
      )
      .map(([key, value]) => ({ annotations: { [key]: value } })),
    fc.constantFrom("true", "x").map((value) => ({ labels: { [names.memoizedLabel]: value } })),
  ),
  spec: fc.constantFrom<object[]>(
    { schedulingGates: others },
    { schedulingGates: [] },
    { suspend: false },
    { template: { metadata: pins } },
    { activeDeadlineSeconds: 5 },
  ),
  status: fc.constantFrom<object[]>(
    { phase: "Failed", reason: "InputNeverCame" },
    { startTime: "2026-01-01T00:00:00Z" },
    { conditions: [condition("FailureTarget", "InputNeverCame"), condition("Suspended", "JobSuspended")] },
    {
      conditions: [condition("InputNeverCame", "x"), { type: "PodScheduled", status: "False", reason: "x" }],
    },
    { conditions: [condition(names.inputsAvailable, "x")] },
    { startTime: "2026-01-01T00:00:00Z", succeeded: 2, conditions: [criterion, condition("Suspended", "x")] },
    { phase: "Succeeded", reason: "Memoized" },
  ),
};

test("of random patches only the contract's pass", async () => {
  const field = (kind: Kind, part: Part) =>
    fc
      .constantFrom(...Object.entries(served[kind][part]))
      .chain(([key, values]) => values.map((value) => ({ [key]: value })));
  const fragment = (kind: Kind, part: Part) =>
    fc.oneof({ arbitrary: near[part], weight: 2 }, { arbitrary: field(kind, part), weight: 1 });
  const patchOf = (kind: Kind) =>
    fc.record({
      kind: fc.constant(kind),
      through: fc.constantFrom<Part[]>("spec", "status"),
      metadata: fc.option(fragment(kind, "metadata"), { nil: undefined }),
      spec: fc.option(fragment(kind, "spec"), { nil: undefined }),
      status: fc.option(fragment(kind, "status"), { nil: undefined }),
    });
  const results = { passed: 0, policy: 0, "API server": 0 };
  await fc.assert(
    fc.asyncProperty(fc.oneof(patchOf("pods"), patchOf("jobs")), async ({ kind, through, ...parts }) => {
      const body = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
      const result = await attempt(kind, through, body);
      results[typeof result === "string" ? result : "passed"] += 1;
      if (typeof result !== "string") expect(isContract(stored[kind], result)).toBe(true);
    }),
    { numRuns: 200 },
  );
  // Both happen, or nothing was tried.
  expect(Math.min(results.passed, results.policy)).toBeGreaterThan(10);
});
