import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAnnotations } from "../../../src/annotations/parse.ts";
import { usageOfPod } from "../../../src/injection/usage.ts";
import { keyed } from "../../support/builders.ts";
import { admit, createRequest } from "../../support/pods.ts";

const review = (object: object) => admit(createRequest(object));
const main = { name: "main", image: "busybox:1.36", command: ["true"] };
const step = (annotations: Record<string, string>, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { annotations: keyed(annotations) },
  spec: { containers: [main], ...spec },
});

/** As the documentation of Kubernetes defines it, without a thought of how long it takes. */
function byDefinition(init: readonly { amount: Record<string, number>; stays: boolean }[]) {
  const peak: Record<string, number> = {};
  const sum = (list: readonly Record<string, number>[], resource: string) =>
    list.reduce((total, amount) => total + (amount[resource] ?? 0), 0);
  const before = (i: number) =>
    init
      .slice(0, i)
      .filter(({ stays }) => stays)
      .map(({ amount }) => amount);
  for (const resource of new Set(init.flatMap(({ amount }) => Object.keys(amount)))) {
    const running = init.map(({ amount }, i) => sum([...before(i), amount], resource));
    peak[resource] = Math.max(0, ...running, sum(before(init.length), resource)) * 1000;
  }
  return peak;
}

describe("usage of init containers", () => {
  const amount = fc.dictionary(fc.constantFrom("cpu", "memory", "example.com/gpu"), fc.nat({ max: 9 }));

  test("is what the sidecars so far and each one need at most", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ amount, stays: fc.boolean() }), { maxLength: 8 }), (init) => {
        const initContainers = init.map(({ amount: of, stays }, i) => ({
          name: `i${i}`,
          ...(stays ? { restartPolicy: "Always" } : {}),
          resources: { requests: Object.fromEntries(Object.entries(of).map(([k, v]) => [k, String(v)])) },
        }));
        const { requests } = usageOfPod({ containers: [], initContainers });
        expect(requests).toEqual(byDefinition(init));
      }),
    );
  });
});

test("a projected volume without sources, which API servers send as null, is no reason to inject nothing", () => {
  const volumes = [{ name: "p", projected: { sources: null } }];
  expect(review(step({ "input-uri": "a/b:c", "input-path": "/in" }, { volumes }))).toMatchObject({
    kind: "allowed",
    outcome: "injected",
  });
});

describe("what may be a password stands in no message and no log", () => {
  test.each([
    [{ registry: "https://bob:hunter2@ghcr.io", "input-uri": "a/b:c" }],
    [{ "input-uri": "oci://bob:hunter2@ghcr.io/a/b:c" }],
    [{ "input-uri": "a/b:c", "oras-env": "ORAS_PUSH_PASS=hunter2" }],
    [{ "input-uri": "a/b:c", entrypoint: "http://example.com/x.sh?token=hunter2" }],
    [{ "input-uri": "a/b:c", "input-path": "\u0007//bob:hunter2@host/x" }],
  ])("%j", (annotations) => {
    const parsed = parseAnnotations(keyed(annotations));
    expect(parsed.ok).toBe(false);
    expect(JSON.stringify(parsed)).not.toContain("hunter2");
  });

  test("nor among the settings that debug prints", () => {
    const verdict = review(
      step({ "input-uri": "a/b:c", debug: "true", entrypoint: "https://example.com/x.sh?token=hunter2" }),
    );
    expect(verdict).toHaveProperty("debug.settings.entrypoint", "https://example.com/x.sh?…");
    expect(JSON.stringify((verdict as { debug?: object }).debug)).not.toContain("hunter2");
  });
});
