import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import { resources } from "../../src/kube/resources.ts";
import { readStatement } from "../../src/lineage/read-statement.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { test as base } from "../support/integration.ts";
import { readyCache } from "../support/kept-caches.ts";
import { asksNobody, startOperator } from "../support/operator.ts";
import {
  digestOfImage,
  end,
  fail,
  referrersOf,
  statementIn,
  statementsAbout,
  stepNamed,
} from "../support/pushing-steps.ts";
import { until } from "../support/wait.ts";

/** A cache whose Pod is a real registry with its real keeper; no kubelet. */
const test = base
  .extend("agent", { scope: "file" }, () => agentProgram())
  .extend("registry", ({ ns, installed, agent }, { onCleanup }) =>
    readyCache({ ns, installed, agent }, onCleanup),
  );

test("what a step has pushed gets one statement of how it was made, also from the next leader", async ({
  ns,
  registry,
  plane,
}) => {
  const input = await registry.push("read/data:v1");
  const digest = await registry.push("made/result:v1", {
    annotations: { [names.artifactInputAnnotation]: input },
  });
  const pod = await stepNamed(ns, "make", "made/result:v1");
  await end(ns, "make", "made/result:v1", digest);
  const [entry] = await statementsAbout(registry, "made/result", digest, 1);
  expect(entry).toMatchObject({
    artifactType: "application/vnd.in-toto+json",
    annotations: {
      "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1",
      [names.invocationAnnotation]: pod.metadata?.uid,
    },
  });
  const text = await statementIn(registry, "made/result", entry?.digest ?? "");
  expect(text).not.toContain("hunter2");
  expect(JSON.parse(text)).toMatchObject({
    subject: [{ digest: { sha256: digest.slice("sha256:".length) } }],
    predicate: {
      buildDefinition: {
        externalParameters: {
          step: { kind: "Pod", namespace: ns.namespace, name: "make" },
          containers: [{ name: "main" }],
        },
        resolvedDependencies: [
          { name: "main", digest: { sha256: digestOfImage.slice("sha256:".length) } },
          {
            uri: expect.stringMatching(/^oci:\/\/oras-0\.oras\..*\/read\/data:v1$/) as string,
            digest: { sha256: input.slice("sha256:".length) },
          },
        ],
      },
      runDetails: { metadata: { invocationId: pod.metadata?.uid } },
    },
  });

  // A second replica, without a vote, looks at the same Pods as a new leader does.
  const other = await startOperator(plane.operatorKubeconfig, ...asksNobody, "--leader-elect=false");
  await stepNamed(ns, "again", "made/result:v1");
  await end(ns, "again", "made/result:v1", digest);
  await statementsAbout(registry, "made/result", digest, 2);
  await other.stop();
  const all = await referrersOf(registry, "made/result", digest);
  expect(new Set(all.map(({ annotations }) => annotations?.[names.invocationAnnotation])).size).toBe(
    all.length,
  );
});

test("what a failed step has left gets a statement that it is that, and no output", async ({
  ns,
  registry,
}) => {
  const digest = await registry.push("failed/flaky:1");
  const pod = await stepNamed(ns, "flaky", "made/flaky:1", "failed/flaky:1");
  await fail(ns, "flaky", "failed/flaky:1", digest);
  const [entry] = await statementsAbout(registry, "failed/flaky", digest, 1);
  const text = await statementIn(registry, "failed/flaky", entry?.digest ?? "");
  expect(readStatement(text, digest)).toMatchObject({
    ...{ step: "pod/flaky", invocation: pod.metadata?.uid, isLeft: true, exitCodes: { main: 7 } },
    artifact: expect.stringMatching(/\/failed\/flaky:1$/) as string,
  });
});

test("what is no push of the step, what is old, and what is not wanted gets none", async ({
  ns,
  registry,
}) => {
  const other = await registry.push("trusted/model:v1");
  await stepNamed(ns, "forger", "made/mine:v1");
  await end(ns, "forger", "trusted/model:v1", other);
  await stepNamed(ns, "failed-forger", "trusted/model:v1", "failed/mine:v1");
  await fail(ns, "failed-forger", "trusted/model:v1", other);
  const old = await registry.push("made/old:v1");
  await stepNamed(ns, "old", "made/old:v1");
  await end(ns, "old", "made/old:v1", old, new Date(Date.now() - 3_600_000));
  const last = await registry.push("made/last:v1");
  await stepNamed(ns, "last", "made/last:v1");
  await end(ns, "last", "made/last:v1", last);
  await statementsAbout(registry, "made/last", last, 1);
  expect(await referrersOf(registry, "trusted/model", other)).toEqual([]);
  expect(await referrersOf(registry, "made/old", old)).toEqual([]);

  await ns.patch(resources.orasCaches, "oras", { spec: { lineage: { provenance: false } } });
  await until(async () => (await ns.status("oras"))?.observedGeneration === 2, "the operator to see it");
  const unwanted = await registry.push("made/unwanted:v1");
  await stepNamed(ns, "unwanted", "made/unwanted:v1");
  await end(ns, "unwanted", "made/unwanted:v1", unwanted);
  // The operator hears of Pods and of caches apart from each other: it is to know of this end before.
  const toldOf = async () => (await ns.events("unwanted")).map(({ reason }) => reason);
  await until(async () => (await toldOf()).includes("Pushed"), "the operator to know of its end");
  await ns.patch(resources.orasCaches, "oras", { spec: { lineage: { provenance: true } } });
  await until(async () => (await ns.status("oras"))?.observedGeneration === 3, "the operator to see it");
  const wanted = await registry.push("made/wanted:v1");
  await stepNamed(ns, "wanted", "made/wanted:v1");
  await end(ns, "wanted", "made/wanted:v1", wanted);
  await statementsAbout(registry, "made/wanted", wanted, 1);
  expect(await referrersOf(registry, "made/unwanted", unwanted)).toEqual([]);
});

test("a registry that is away gets them when it is back", async ({ ns, registry }) => {
  const digest = await registry.push("made/late:v1");
  await ns.patchStatus(resources.pods, "oras-0", {
    podIP: "127.255.255.254",
    podIPs: [{ ip: "127.255.255.254" }],
  });
  await stepNamed(ns, "late", "made/late:v1");
  await end(ns, "late", "made/late:v1", digest);
  const failed = await until(
    async () => (await ns.events("oras")).find(({ reason }) => reason === "ProvenanceFailed"),
    "the Event",
  );
  expect(failed.type).toBe("Warning");
  await ns.patchStatus(resources.pods, "oras-0", {
    podIP: registry.address,
    podIPs: [{ ip: registry.address }],
  });
  await statementsAbout(registry, "made/late", digest, 1);
});
