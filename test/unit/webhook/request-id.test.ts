import { Writable } from "node:stream";
import type { V1Container, V1Job, V1Pod } from "@kubernetes/client-node";
import { pino } from "pino";
import { applyPatch, type Operation } from "rfc6902";
import { expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { createResponder } from "../../../src/webhook/respond.ts";
import { keyed } from "../../support/builders.ts";
import { createRequest, installation } from "../../support/pods.ts";

const lines: Record<string, unknown>[] = [];
const respond = createResponder({
  installation,
  sources: {
    cache: () => undefined,
    limitRanges: () => [],
    lookup: async () => ({ unknown: "nobody was asked" }),
  },
  log: pino(
    new Writable({
      write(line, _encoding, done) {
        lines.push(JSON.parse(String(line)) as Record<string, unknown>);
        done();
      },
    }),
  ),
  metrics: { countVerdict: () => {} },
});

async function review<T extends V1Pod | V1Job>(object: T, uid: string, oldObject?: T): Promise<T> {
  const request = {
    ...createRequest(object),
    uid,
    ...(oldObject && { operation: "UPDATE", oldObject }),
  };
  const body = JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request });
  const { answer } = await respond(Buffer.from(body));
  const { response } = JSON.parse(answer) as { response: { allowed: boolean; patch?: string } };
  expect(response.allowed, answer).toBe(true);
  const patched = structuredClone(object);
  const patch = JSON.parse(Buffer.from(response.patch ?? "W10=", "base64").toString()) as Operation[];
  expect(applyPatch(patched, patch).filter(Boolean)).toEqual([]);
  return patched;
}

const annotations = keyed({ "output-uri": "a/b:c", "output-path": "/out", "input-uri": "a/a:c" });
const spec = { containers: [{ name: "main", image: "busybox", command: ["true"] }] };
const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "step", annotations }, spec } satisfies V1Pod;
const job: V1Job = {
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name: "step", annotations },
  spec: { template: { metadata: {}, spec } },
};

function containersOf(object: V1Pod | V1Job): V1Container[] {
  const { spec } = object.kind === "Job" ? ((object as V1Job).spec?.template ?? {}) : (object as V1Pod);
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}

/** The id that each container has which speaks to registries. */
function idsIn(object: V1Pod | V1Job): (string | undefined)[] {
  const ids = containersOf(object)
    .filter(({ name }) => name !== "main")
    .map(({ env }) => env?.find(({ name }) => name === names.requestVariable)?.value);
  expect(ids.length).toBeGreaterThan(0);
  return [...new Set(ids)];
}

const idOf = ({ metadata }: V1Pod | V1Job) => metadata?.annotations?.[names.requestAnnotation];

test.each<[string, V1Pod | V1Job]>([
  ["Pod", pod],
  ["Job", job],
])("one id is in the log, on the %s and in what speaks to registries", async (_, object) => {
  const stored = await review(object, "5b0c0d3e-first");
  expect(idOf(stored)).toBe("5b0c0d3e-first");
  expect(idsIn(stored)).toEqual(["5b0c0d3e-first"]);
  expect(lines.at(-1)).toMatchObject({ requestId: "5b0c0d3e-first", msg: "injected", name: "step" });
  expect(JSON.stringify(containersOf(stored).find(({ name }) => name === "main"))).not.toContain("5b0c0d3e");
  // A second call of the same review, and kubectl replace with the manifest: what is stored stays.
  expect(await review(stored, "5b0c0d3e-second")).toEqual(stored);
  expect(await review(object, "5b0c0d3e-third", stored)).toEqual(stored);
  // An export that was edited, and created again, is another step.
  const edited = structuredClone(stored);
  Object.assign(edited.metadata?.annotations ?? {}, keyed({ "output-path": "/other" }));
  const again = await review(edited, "5b0c0d3e-fourth");
  expect(idOf(again)).toBe("5b0c0d3e-fourth");
  expect(idsIn(again)).toEqual(["5b0c0d3e-fourth"]);
});

test("a Job's Pods have the id in their containers, and no annotation that asks for a review", async () => {
  const stored = await review(job, "5b0c0d3e-job");
  expect(stored.spec?.template.metadata?.annotations ?? {}).not.toHaveProperty([names.requestAnnotation]);
});
