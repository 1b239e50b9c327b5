import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { V1Pod } from "@kubernetes/client-node";
import { expect } from "vitest";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { issueCa, issueServer } from "../../src/certificates/issue.ts";
import { cacheOf, jobOf, podOf } from "../support/builders.ts";
import { it as base } from "../support/e2e.ts";
import { s3Keys } from "../support/s3.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

const cache = "shared";
const port = 7070;

/** A Pod with a real server of S3 in the namespace, behind TLS with a CA of its own; two registries on it. */
const it = base.extend("shared", { scope: "file" }, async ({ ws }) => {
  const host = `s3.${ws.namespace}.svc`;
  const ca = await issueCa("object storage", 1, new Date());
  const server = await issueServer(ca, [host], 1, new Date());
  const secret = (name: string, stringData: Record<string, string>) =>
    ws.apply({ apiVersion: "v1", kind: "Secret", metadata: { name }, stringData });
  await secret("s3-keys", s3Keys);
  await secret("s3-ca", { "ca.crt": ca.certificate });
  await secret("s3-tls", { "tls.crt": server.certificate, "tls.key": server.key });
  const run = `mkdir -p /srv/data/artifacts /srv/metadata; until [ -e /srv/versitygw ]; do sleep 0.1; done
    exec /srv/versitygw --port :${port} --cert /tls/tls.crt --key /tls/tls.key posix --sidecar /srv/metadata /srv/data`;
  const fromKeys = (name: string, key: string) => ({
    name,
    valueFrom: { secretKeyRef: { name: "s3-keys", key } },
  });
  const pod = podOf(
    "s3",
    {},
    run,
    {
      env: [fromKeys("ROOT_ACCESS_KEY", "accessKey"), fromKeys("ROOT_SECRET_KEY", "secretKey")],
      ports: [{ name: "s3", containerPort: port }],
      readinessProbe: { tcpSocket: { port: "s3" as never }, periodSeconds: 1 },
      volumeMounts: [
        { name: "srv", mountPath: "/srv" },
        { name: "tls", mountPath: "/tls" },
      ],
    },
    {
      terminationGracePeriodSeconds: 0,
      volumes: [
        { name: "srv", emptyDir: {} },
        { name: "tls", secret: { secretName: "s3-tls" } },
      ],
    },
  );
  await ws.apply({ ...pod, metadata: { ...pod.metadata, labels: { app: "s3" } } });
  const spec = { selector: { app: "s3" }, ports: [{ port }] };
  await ws.apply({ apiVersion: "v1", kind: "Service", metadata: { name: "s3" }, spec });
  await until(async () => (await ws.pod("s3")).status?.phase === "Running", "the Pod");
  const program = await readFile(join(await buildModule("versitygw"), "versitygw"));
  // Renamed when it is whole.
  const install =
    "base64 -d > /srv/part && chmod +x /srv/part && mv /srv/part /srv/versitygw && test -x /srv/versitygw";
  const copied = await ws.try(["exec", "-i", "s3", "--", "sh", "-c", install], program.toString("base64"));
  expect(copied).toMatchObject({ code: 0 });
  await ws.kubectl("wait", "pod/s3", "--for=condition=Ready", "--timeout=60s");
  await ws.apply(
    cacheOf(cache, {
      replicas: 2,
      storage: {
        s3: {
          ...{ endpoint: `https://${host}:${port}`, bucket: "artifacts", region: "us-east-1" },
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
