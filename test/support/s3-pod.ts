import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { issueCa, issueServer } from "../../src/certificates/issue.ts";
import { podOf } from "./builders.ts";
import { s3Keys } from "./s3.ts";
import { until } from "./wait.ts";
import type { Workspace } from "./workspace.ts";

const port = 7070;

/**
 * Starts a Pod with a real server of S3, which has the bucket `artifacts`. The Secret `s3-keys` has its keys.
 *
 * @param ws - in whose namespace
 * @param tls - whether it is behind TLS, with a CA of its own that is in the Secret `s3-ca`
 * @returns its URL
 */
export async function startS3Pod(ws: Workspace, { tls }: { tls: boolean }): Promise<string> {
  const host = `s3.${ws.namespace}.svc`;
  const secret = (name: string, stringData: Record<string, string>) =>
    ws.apply({ apiVersion: "v1", kind: "Secret", metadata: { name }, stringData });
  await secret("s3-keys", s3Keys);
  const ca = await issueCa("object storage", 1, new Date());
  const server = await issueServer(ca, [host], 1, new Date());
  await secret("s3-ca", { "ca.crt": ca.certificate });
  await secret("s3-tls", { "tls.crt": server.certificate, "tls.key": server.key });
  const certificate = tls ? "--cert /tls/tls.crt --key /tls/tls.key" : "";
  const run = `mkdir -p /srv/data/artifacts /srv/metadata; until [ -e /srv/versitygw ]; do sleep 0.1; done
    exec /srv/versitygw --port :${port} ${certificate} posix --sidecar /srv/metadata /srv/data`;
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
  if (copied.code !== 0) throw new Error(copied.stderr);
  await ws.kubectl("wait", "pod/s3", "--for=condition=Ready", "--timeout=60s");
  return `${tls ? "https" : "http"}://${host}:${port}`;
}
