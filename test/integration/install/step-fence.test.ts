import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { indexesIn, indexText } from "../../../src/common/indexes.ts";
import type { KubeObject } from "../../../src/kube/objects.ts";
import { pathOf, resources } from "../../../src/kube/resources.ts";
import { minor, since } from "../../support/kubernetes-version.ts";
import { refusalOf } from "../../support/refusals.ts";
import {
  attacks,
  claim,
  contractWrites,
  criterion,
  type Kind,
  memoKey,
  now,
  type PatchType,
  suspended,
  type Write,
} from "../../support/step-writes.ts";
import { type StolenToken, startStolenToken } from "../../support/stolen-token.ts";
import { until } from "../../support/wait.ts";
import { waitingJob, waitingPod } from "../../support/waiting-steps.ts";

const namespace = "default";
let setup: StolenToken;

beforeAll(async () => {
  setup = await startStolenToken();
  const labels = { [names.injectedLabel]: "true" };
  const waiting = { ...labels, [names.waitingLabel]: "true" };
  const job = { metadata: { labels: waiting, annotations: { [names.gateAnnotation]: "author" } } };
  const annotated = (gate: string, more: object) => ({
    metadata: { labels: waiting, annotations: { [names.gateAnnotation]: gate, theirs: "kept", ...more } },
  });
  const claimed = annotated("suspend", { [names.memoClaimAnnotation]: claim });
  const ran = {
    metadata: {
      labels: { ...labels, [names.waitingLabel]: "false" },
      annotations: { theirs: "kept", [names.memoKeyAnnotation]: memoKey },
    },
  };
  const indexed = { spec: { completionMode: "Indexed", completions: 3 } };
  const policy = {
    spec: { ...indexed.spec, successPolicy: { rules: [{ succeededCount: 1 }] } },
  };
  const managedBy = "kueue.x-k8s.io/multikueue";
  const long = { spec: { completionMode: "Indexed", completions: 1000 } };
  const pods = [
    waitingPod("gated"),
    waitingPod("claimed", annotated("pod", { [names.memoClaimAnnotation]: claim })),
    waitingPod("ran", ran),
    waitingPod("opened", { metadata: { labels: { ...labels, [names.waitingLabel]: "false" } } }),
    waitingPod("foreign", { metadata: { labels: { app: "x" } } }),
    waitingPod("bound", { spec: { schedulingGates: [], nodeName: "node" } }),
    waitingPod("other-gate", { spec: { schedulingGates: [{ name: "example.com/quota" }] } }),
  ];
  const jobs = [
    waitingJob("held"),
    waitingJob("claimed", claimed),
    waitingJob("indexed", { ...claimed, ...indexed }),
    waitingJob("twelve", { ...claimed, spec: { completionMode: "Indexed", completions: 12 } }),
    waitingJob("long", { ...claimed, ...long }),
    waitingJob("part", { ...claimed, ...indexed }),
    waitingJob("held-indexed", indexed),
    waitingJob("authors-indexed", {
      ...annotated("author", { [names.memoClaimAnnotation]: claim }),
      ...indexed,
    }),
    waitingJob("runs-indexed", { ...claimed, spec: { ...indexed.spec, suspend: false } }),
    waitingJob("policy", { ...claimed, ...policy }),
    waitingJob("authors-claimed", annotated("author", { [names.memoClaimAnnotation]: claim })),
    waitingJob("took", claimed),
    waitingJob("managed", { spec: { managedBy } }),
    waitingJob("managed-claimed", { ...claimed, spec: { managedBy } }),
    waitingJob("managed-indexed", { ...claimed, spec: { ...indexed.spec, managedBy } }),
    waitingJob("kubernetes-own", { spec: { managedBy: names.jobController } }),
    waitingJob("ran", ran),
    waitingJob("authors", job),
    waitingJob("runs", { spec: { suspend: false } }),
    waitingJob("opened", { metadata: { labels: { ...labels, [names.waitingLabel]: "false" } } }),
    waitingJob("foreign", { metadata: { labels: { app: "x" } } }),
  ];
  const { admin } = setup;
  for (const body of pods) {
    await admin.request({ method: "POST", path: pathOf(resources.pods, { namespace }), body });
  }
  for (const body of jobs) {
    await admin.request({ method: "POST", path: pathOf(resources.jobs, { namespace }), body });
    const name = body.metadata?.name ?? "";
    // What the Job controller would write.
    await admin.request({
      method: "PATCH",
      path: `${pathOf(resources.jobs, { namespace, name })}/status`,
      contentType: "application/merge-patch+json",
      body: { status: statusOf(name) },
    });
  }
  const probe = { metadata: { labels: { a: "b" } } };
  for (const kind of ["pods", "jobs"] as const) {
    const refused = () => refusalOf(write(kind, "foreign", probe)).then((m) => m.includes(policies[kind]));
    await until(() => refused().catch(() => false), `its rights and the policy for ${kind}`);
  }
}, 900_000);

afterAll(() => setup?.stop());

/** Before 1.31 no Job without a successPolicy may be met, and no Job can have one. */
const canBeMet = minor >= since.jobsAreMet;
const isThere = ([, , name, body]: Write) =>
  (minor >= since.jobsAreManaged || !name.startsWith("managed")) &&
  (canBeMet ||
    !(name.startsWith("took") || name.startsWith("policy") || JSON.stringify(body).includes(criterion.type)));

function statusOf(name: string): object {
  if (name === "part") return { conditions: [suspended], succeeded: 2, completedIndexes: "0,2" };
  if (name.startsWith("runs")) return { startTime: now, active: 1 };
  if (name !== "took" || !canBeMet) return { conditions: [suspended] };
  return { startTime: now, succeeded: 2, conditions: [suspended, criterion] };
}

const policies = {
  pods: `${names.operatorName}-ends-steps-only`,
  jobs: `${names.operatorName}-opens-jobs-only`,
};

function write(kind: Kind, target: string, body: unknown, type: PatchType = "merge"): Promise<KubeObject> {
  const [name = "", part] = target.split("/");
  return setup.stolen.request<KubeObject>({
    method: "PATCH",
    path: `${pathOf(resources[kind], { namespace, name })}${part ? `/${part}` : ""}`,
    contentType: `application/${type}-patch+json`,
    query: { dryRun: "All" },
    body,
  });
}

describe("the operator may", () => {
  test.each(contractWrites.filter(isThere))("%s", async (_, kind, name, body, type) => {
    await write(kind, name, body, type);
  });
});

test("the operator may complete indexes of a Job that are some, and as many as it says", async () => {
  const count = 12;
  const text = fc.oneof(
    fc.subarray([...Array(count).keys()], { minLength: 1 }).map(indexText),
    fc.stringMatching(/^[0-9]{1,2}([,-][0-9]{1,2}){0,4}$/),
  );
  const passed = { some: 0, none: 0 };
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: -1, max: 1 }), async (completedIndexes, more) => {
      const found = indexesIn(completedIndexes, count + 100);
      const rows = completedIndexes.split(",").flatMap((row) => row.split("-").map(Number));
      const isRight =
        /^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(completedIndexes) &&
        rows.every((n, i) => i === 0 || n > (rows[i - 1] ?? n)) &&
        rows.map(String).join() === completedIndexes.replaceAll("-", ",") &&
        Math.max(...found) < count &&
        found.size < count &&
        more === 0;
      const body = { status: { completedIndexes, succeeded: found.size + more } };
      const result = await write("jobs", "twelve/status", body).then(
        () => true,
        () => false,
      );
      expect([completedIndexes, more, result]).toEqual([completedIndexes, more, isRight]);
      passed[result ? "some" : "none"]++;
    }),
    { numRuns: 200 },
  );
  expect(Math.min(passed.some, passed.none)).toBeGreaterThan(10);
});

describe("whoever holds the operator's token cannot give", () => {
  test.each(
    attacks.filter(isThere).map(([what, kind, name, ...more]) => [kind, name, what, ...more] as const),
  )("%s %s %s", async (kind, name, _, body, type) => {
    const message = await refusalOf(write(kind, name, body, type));
    // What no version lets anybody change is refused before the policies are asked.
    if (!message.includes(" is invalid: ")) expect(message).toContain(policies[kind]);
  });
});
