import type { V1MutatingWebhookConfiguration } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import packageJson from "../../../package.json" with { type: "json" };
import { names } from "../../../schema/names.ts";
import { issueCa } from "../../../src/certificates/issue.ts";
import { formatUsage, usageOf } from "../../../src/cli/artifacts/usage.ts";
import { ofNetwork } from "../../../src/cli/installation/network.ts";
import {
  ofKind,
  ofOperator,
  ofPolicies,
  ofServer,
  ofTrial,
  ofWebhook,
} from "../../../src/cli/installation/results.ts";
import { KubeError } from "../../../src/kube/errors.ts";
import { podOf } from "../../support/builders.ts";

const now = Date.parse("2026-01-02T03:04:05Z");
const ca = await issueCa("test", 30, new Date(now));
const registered = {
  webhooks: [
    { name: names.podsWebhook, clientConfig: { caBundle: Buffer.from(ca.certificate).toString("base64") } },
  ],
} as V1MutatingWebhookConfiguration;

const forbidden = { error: new KubeError("GET /x", 403, { message: "no" }) };

describe("check", () => {
  it("cannot see what there is no right to, which is not wrong", () => {
    const all = [
      ofKind(forbidden),
      ofServer(forbidden),
      ofWebhook(forbidden, forbidden, 0),
      ...ofOperator(forbidden),
      ...ofTrial(forbidden, "runs", forbidden),
      ofPolicies(forbidden),
    ];
    expect(new Set(all.map(({ state }) => state))).toEqual(new Set(["?"]));
  });

  it("finds what is not installed", () => {
    expect(ofKind({ error: new KubeError("GET /x", 404, {}) })).toMatchObject({ state: "bad" });
    expect(ofWebhook({ value: [] }, forbidden, 0)).toMatchObject({ state: "bad" });
    expect(ofOperator({ value: [] })[0]).toMatchObject({ state: "bad" });
    expect(ofTrial({ value: podOf("p") }, "runs", { value: [] })[0]).toMatchObject({
      state: "bad",
      detail: "a Pod in the namespace runs is not injected: no webhook is registered",
    });
    expect(ofTrial({ value: podOf("p") }, "runs", { value: [registered] })[0]?.detail).toContain(
      "does the webhook leave the namespace out?",
    );
    expect(ofServer({ value: { minor: "29+", gitVersion: "v1.29.1" } })).toMatchObject({ state: "bad" });
  });

  it.each([
    [`ghcr.io/x/oras-operator:${packageJson.version}`, "ok"],
    [`localhost:5000/oras-operator:v${packageJson.version}@sha256:00`, "ok"],
    ["ghcr.io/x/oras-operator:0.0.1", "bad"],
    ["ghcr.io/x/oras-operator:dev", "?"],
    ["localhost:5000/oras-operator", "?"],
  ])("compares versions: %s is %s", (image, state) => {
    const deployment = {
      spec: { template: { spec: { containers: [{ name: "manager", image }] } } },
      status: { readyReplicas: 1, replicas: 1 },
    };
    expect(ofOperator({ value: [deployment as never] })[1]?.state).toBe(state);
  });

  it("says where the cause is when no Pod of the operator is ready", () => {
    const of = (replicas: number) =>
      ofOperator({
        value: [{ metadata: { name: "op", namespace: "ns" }, spec: { replicas, template: {} } } as never],
      })[0];
    expect(of(2)).toMatchObject({ state: "bad" });
    expect(of(2)?.detail).toContain("kubectl describe deployment,replicaset,pod --namespace ns");
    expect(of(0)?.detail).toContain("kubectl scale deployment --namespace ns op --replicas=2");
  });

  it.each([
    [names.podsWebhook, "connection refused", "bad"],
    [names.podsWebhook, "context deadline exceeded", "bad"],
    [names.podsWebhook, 'no endpoints available for service "oras-operator-webhook"', "bad"],
    ["policy.example.com", "connection refused", "ok"],
  ])("sees that the webhook does not answer: %s, %s", (webhook, why, state) => {
    const message = `Internal error occurred: failed calling webhook "${webhook}": ${why}`;
    const trial = { error: new KubeError("POST /pods", 500, { message }) };
    const [injection] = ofTrial(trial, "runs", { value: [registered] });
    expect(injection).toMatchObject({ about: "Injection", state: "bad" });
    expect(injection?.detail).toContain(message);
    expect(injection?.detail.includes("operator's Pods are ready")).toBe(state === "bad");
    expect(ofWebhook({ value: [registered] }, trial, now).state).toBe(state);
  });

  it("finds the image of the agent in what was injected", () => {
    const pod = podOf("p");
    pod.spec.containers.push({ name: names.pushContainer, image: "agent:1" });
    expect(ofTrial({ value: pod }, "runs", { value: [registered] }).map(({ state }) => state)).toEqual([
      "ok",
      "ok",
    ]);
  });
});

it("df counts each blob once, in its repository and in all", () => {
  const part = (digest: string, size: number) => ({ digest, size, mediaType: "", path: "x", mode: 0o644 });
  const listed = (repository: string, tag: string, ...parts: ReturnType<typeof part>[]) => ({
    ...{ namespace: "n", cache: "c", repository, tag },
    manifest: { digest: tag, parts, bytes: 0, images: [], inputs: [] },
  });
  const { rows, total } = usageOf([
    listed("a", "1", part("x", 5)),
    listed("a", "2", part("x", 5), part("y", 1)),
    listed("b", "1", part("x", 5), part("z", 9)),
  ]);
  expect(rows).toEqual([
    { repository: "b", artifacts: 1, bytes: 14 },
    { repository: "a", artifacts: 2, bytes: 6 },
  ]);
  expect(total).toMatchObject({ artifacts: 3, bytes: 15 });
});

it("df says how full the storage is, where that is known", () => {
  expect(formatUsage([])).toBe("REPOSITORY   ARTIFACTS   SIZE\n(total)      0           0B\n");
  const storage = { kind: "emptyDir", used: "1Gi", capacity: "10Gi", fullPercent: 12 };
  expect(formatUsage([], storage)).toContain(
    "\nStorage (emptyDir): the registry uses 1Gi of 10Gi; 12% full, as its status says, which may be minutes old\n",
  );
  expect(formatUsage([], { ...storage, used: "0" })).toContain("the registry uses 0B of 10Gi;");
  expect(formatUsage([], storage, { now: true, shared: false })).toContain(
    "uses 1Gi of 10Gi; 12% full now\n",
  );
  expect(formatUsage([], storage, { now: true, shared: true })).toContain(
    "uses 1Gi, as its status says, which may be minutes old; the disk of its node, which it shares, has 10Gi and is 12% full now\n",
  );
});

describe("check --network-from", () => {
  const about = { from: "other", cache: "oras", isClosed: true };
  const away =
    "registry oras-0.oras.runs.svc.cluster.local:5000 did not succeed within 15s; last: x does not answer connections";

  it.each([
    ["a closed network", { exitCode: 183, message: away }, "ok", "does not reach"],
    [
      "a password alone",
      { exitCode: 182, message: "401" },
      "bad",
      "its password closes it: unless spec.networkPolicy.from lets",
    ],
    ["nothing", { exitCode: 181, message: "no such artifact" }, "bad", "needs no password"],
    [
      "a certificate",
      { exitCode: 185, message: "the certificate of x is signed by a CA that is not known here" },
      "bad",
      "reaches",
    ],
    [
      "a name that does not resolve",
      { exitCode: 183, message: "last: there is no host of that name" },
      "?",
      "exit code 183",
    ],
    ["an end of another kind", { exitCode: 187, message: "no room" }, "?", "exit code 187: no room"],
  ])("tells what keeps others out: %s", (_, asked, state, words) => {
    const found = ofNetwork(asked, about);
    expect(found).toMatchObject({ about: "Network", state });
    expect(found.detail).toContain(words);
  });

  it.each([
    { exitCode: 183, message: away },
    { exitCode: 182, message: "401" },
  ])("is wrong only where there is a NetworkPolicy: $exitCode", (asked) => {
    expect(ofNetwork(asked, { ...about, isClosed: false })).toMatchObject({ state: "?" });
  });
});
