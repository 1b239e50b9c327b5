import type { V1Pod } from "@kubernetes/client-node";
import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf, jobOf } from "../support/builders.ts";
import { it as base } from "../support/e2e.ts";
import { startS3Pod } from "../support/s3-pod.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

const cache = "shared";
/** A real server of S3 in the namespace, behind TLS with a CA of its own; two registries on it. */
const it = base.extend("shared", { scope: "file" }, async ({ ws }) => {
  const endpoint = await startS3Pod(ws, { tls: true });
  await ws.apply(
    cacheOf(cache, {
      replicas: 2,
      storage: {
        s3: {
          ...{ endpoint, bucket: "artifacts", region: "us-east-1" },
          ...{ secretRef: { name: "s3-keys" }, caSecretRef: { name: "s3-ca", key: "ca.crt" } },
        },
      },
    }),
  );
  await ready(ws);
  return ws;
});

const ready = (ws: Workspace) =>
  ws.kubectl("wait", `${names.plural}/${cache}`, "--for=condition=Ready", "--timeout=180s");

/** Runs Jobs that push while something happens; returns their names, when all are complete. */
async function pushAll(ws: Workspace, name: string, during: () => Promise<unknown>): Promise<string[]> {
  const made = [1, 2, 3, 4, 5].map((i) => `${name}-${i}`);
  for (const job of made) {
    const annotations = { "oras-cache": cache, "output-uri": `${name}/${job}:1`, "output-path": "out" };
    await ws.apply(
      jobOf(job, annotations, `head -c 3000000 /dev/urandom > out; echo ${job} >> out; sleep 1`),
    );
  }
  await during();
  for (const job of made) expect(await ws.verdict(job), job).toBe("Complete");
  await ready(ws);
  return made;
}

async function expectThere(ws: Workspace, name: string, made: readonly string[]): Promise<void> {
  for (const job of made) {
    const reader = `reads-${job}`;
    await ws.step(
      reader,
      { "oras-cache": cache, "input-uri": `${name}/${job}:1` },
      "tail -n 1 out | tail -c 20",
    );
    expect(await ws.log(reader, "main")).toContain(job);
  }
}

it("two Pods share the artifacts in S3, and the steps find them by a Service", async ({ shared }) => {
  const { status } = JSON.parse(
    await shared.kubectl("get", names.plural, cache, "-o", "json"),
  ) as StoredOrasCache;
  expect(status?.storage?.kind).toBe("s3");
  expect(status?.url).toBe(`http://${cache}-registry.${shared.namespace}.svc.cluster.local:5000`);
  expect(status?.readyReplicas).toBe(2);
  expect(await shared.kubectl("get", "poddisruptionbudget", cache, "-o", "name")).toContain(cache);
});

it("one of the two deleted while Jobs push: nothing is lost", async ({ shared }) => {
  const made = await pushAll(shared, "killed", async () => {
    for (const pod of [`${cache}-1`, `${cache}-0`]) {
      const { metadata } = await shared.pod(pod);
      await shared.kubectl("delete", "pod", pod, "--force", "--grace-period=0");
      await until(async () => isReadyOther(await shared.pod(pod), metadata?.uid), "another Pod");
    }
  });
  await expectThere(shared, "killed", made);
});

it("a change replaces one after the other while Jobs push: nothing is lost", async ({ shared }) => {
  const made = await pushAll(shared, "changed", async () => {
    const patch = JSON.stringify({ spec: { podLabels: { team: "a" } } });
    await shared.kubectl("patch", names.plural, cache, "--type=merge", "-p", patch);
    await until(
      async () => {
        const pods = await shared.kubectl("get", "pods", "-l", "team=a", "-o", "json");
        const { items } = JSON.parse(pods) as { items: V1Pod[] };
        return items.length === 2 && items.every((pod) => isReadyOther(pod, undefined));
      },
      "two other Pods",
      240_000,
    );
  });
  await expectThere(shared, "changed", made);
});

function isReadyOther({ metadata, status }: V1Pod, uid: string | undefined): boolean {
  const isReady = status?.conditions?.some((each) => each.type === "Ready" && each.status === "True");
  return metadata?.uid !== uid && isReady === true;
}

it("a registry that redirects: steps and scripts trust the object storage", async ({ shared }) => {
  const { spec } = JSON.parse(
    await shared.kubectl("get", names.plural, cache, "-o", "json"),
  ) as StoredOrasCache;
  const s3 = { ...spec.storage?.s3, prefix: "redirecting", redirect: true };
  await shared.apply(cacheOf("redirecting", { storage: { s3 } } as typeof spec));
  await shared.kubectl("wait", `${names.plural}/redirecting`, "--for=condition=Ready", "--timeout=180s");
  const of = { "oras-cache": "redirecting" };
  await shared.step("sent", { ...of, "output-uri": "a/b:1", "output-path": "out" }, "echo sent > out");
  const got = await shared.step("got", { ...of, "input-uri": "a/b:1" }, "cat out");
  expect(await shared.log("got", "main")).toBe("sent\n");
  const sources = got.spec?.volumes?.flatMap(({ projected }) => projected?.sources ?? []);
  expect(sources?.map(({ secret }) => secret?.name)).toContain("s3-ca");
});
