import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import type { KubeObject } from "../../../src/kube/objects.ts";
import { pathOf, resources } from "../../../src/kube/resources.ts";
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
    waitingJob("authors-claimed", annotated("author", { [names.memoClaimAnnotation]: claim })),
    waitingJob("took", claimed),
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

function statusOf(name: string): object {
  if (name === "runs") return { startTime: now, active: 1 };
  if (name !== "took") return { conditions: [suspended] };
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
  test.each(contractWrites)("%s", async (_, kind, name, body, type) => {
    await write(kind, name, body, type);
  });
});

describe("whoever holds the operator's token cannot give", () => {
  test.each(attacks.map(([what, kind, name, ...more]) => [kind, name, what, ...more] as const))(
    "%s %s %s",
    async (kind, name, _, body, type) => {
      const message = await refusalOf(write(kind, name, body, type));
      // What no version lets anybody change is refused before the policies are asked.
      if (!message.includes(" is invalid: ")) expect(message).toContain(policies[kind]);
    },
  );
});
