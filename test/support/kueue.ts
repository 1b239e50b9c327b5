import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { issueCa, issueServer } from "../../src/certificates/issue.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { temporaryFolder } from "./folders.ts";
import { freePorts } from "./ports.ts";
import { start } from "./processes.ts";
import { execute, kubectl } from "./programs.ts";
import { until } from "./wait.ts";

interface Configuration {
  readonly kind: string;
  readonly webhooks: {
    readonly name: string;
    clientConfig: object;
    readonly rules: readonly { readonly resources: readonly string[] }[];
  }[];
}

const queues = "/apis/kueue.x-k8s.io/v1beta2";

/** It reads certificates for its metrics at a fixed place, whatever its configuration says: it is given an /etc that has them. */
const withCertificates = `
mount -t tmpfs etc "$1/etc"
mkdir -p "$1/etc/upper/kueue/metrics/certs" "$1/etc/work"
cp "$1/tls.crt" "$1/tls.key" "$1/etc/upper/kueue/metrics/certs"
mount -t overlay etc -o "lowerdir=/etc,upperdir=$1/etc/upper,workdir=$1/etc/work" /etc
shift
exec "$@"`;

/**
 * Starts the real Kueue for Jobs, with its CRDs and webhooks, on this machine.
 *
 * @param kubeconfig - of a user with every right
 * @param client - of the same
 * @returns ends it
 */
export async function startKueue(kubeconfig: string, client: KubeClient): Promise<() => Promise<void>> {
  const program = join(await buildModule("kueue"), "kueue");
  const list = ["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kueue"];
  const { stdout } = await execute("go", ["-C", "dev/cluster/modules/kueue", ...list]);
  const source = join(stdout.trim(), "config/components");
  const crds = join(source, "crd/bases");
  for (const name of await readdir(crds))
    await kubectl(kubeconfig, ["apply", "--server-side", "-f", join(crds, name)]);
  await client.request({
    ...{ method: "POST", path: "/api/v1/namespaces", body: { metadata: { name: "kueue-system" } } },
  });
  await until(() => client.request({ path: `${queues}/workloads` }), "Kueue's CRDs");

  const folder = temporaryFolder("kueue");
  const [webhookPort, healthPort] = await freePorts(2);
  await mkdir(join(folder, "etc"));
  const now = new Date();
  const ca = await issueCa("kueue", 1, now);
  const { certificate, key } = await issueServer(ca, ["localhost"], 1, now);
  await writeFile(join(folder, "tls.crt"), certificate);
  await writeFile(join(folder, "tls.key"), key);
  const config = {
    ...{ apiVersion: "config.kueue.x-k8s.io/v1beta2", kind: "Configuration" },
    health: { healthProbeBindAddress: `127.0.0.1:${healthPort}` },
    metrics: { bindAddress: "0" },
    webhook: { host: "127.0.0.1", port: webhookPort, certDir: folder },
    leaderElection: { leaderElect: false },
    internalCertManagement: { enable: false },
    integrations: { frameworks: ["batch/job"] },
  };
  await writeFile(join(folder, "config.yaml"), stringify(config));
  const gates = "AdmissionGatedBy=true,VisibilityOnDemand=false";
  const kueue = [program, `--config=${folder}/config.yaml`, `--feature-gates=${gates}`];
  const running = start(["unshare", "--mount", "sh", "-ec", withCertificates, "sh", folder, ...kueue], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
  });
  await Promise.race([
    until(async () => (await fetch(`http://127.0.0.1:${healthPort}/readyz`)).ok, "Kueue"),
    running.ended.then(({ stderr }) => Promise.reject(new Error(`Kueue ended:\n${stderr.slice(-3000)}`))),
  ]);
  const text = await readFile(join(source, "webhook/manifests.yaml"), "utf8");
  for (const document of parseAllDocuments(text)) {
    const configuration = document.toJS() as Configuration;
    const isServed = ({ rules }: Configuration["webhooks"][number]) =>
      rules.some(({ resources }) => resources.some((one) => served.includes(one)));
    const webhooks = configuration.webhooks.filter(isServed).map((webhook) => {
      const { service } = webhook.clientConfig as { service: { path: string } };
      const caBundle = Buffer.from(ca.certificate).toString("base64");
      const url = `https://localhost:${webhookPort}${service.path}`;
      return { ...webhook, clientConfig: { url, caBundle } };
    });
    const plural = `${configuration.kind.toLowerCase()}s`;
    const name = `kueue-${configuration.kind.startsWith("Mut") ? "mutating" : "validating"}-webhook-configuration`;
    await client.request({
      ...{ method: "POST", path: `/apis/admissionregistration.k8s.io/v1/${plural}` },
      body: { ...configuration, metadata: { name }, webhooks },
    });
  }
  return async () => {
    running.child.kill("SIGTERM");
    await running.ended;
  };
}

const served: readonly string[] = [
  ...["jobs", "workloads", "clusterqueues", "localqueues", "resourceflavors"],
  ...["workloads/status"],
];

/**
 * A queue of a namespace, with quota for as many Pods, which get a nodeSelector by it.
 *
 * @param client - with every right
 * @param namespace - its
 * @param pods - how many
 * @param name - of the LocalQueue
 */
export async function makeQueue(
  client: KubeClient,
  namespace: string,
  pods: number,
  name = "team",
): Promise<void> {
  const post = (path: string, body: object) =>
    until(() => client.request({ method: "POST", path, body }), `Kueue to take ${path}`);
  await post(`${queues}/resourceflavors`, {
    ...{ apiVersion: "kueue.x-k8s.io/v1beta2", kind: "ResourceFlavor", metadata: { name: namespace } },
    spec: { nodeLabels: { pool: namespace } },
  });
  const resources = [{ name: "pods", nominalQuota: pods }];
  await post(`${queues}/clusterqueues`, {
    ...{ apiVersion: "kueue.x-k8s.io/v1beta2", kind: "ClusterQueue", metadata: { name: namespace } },
    spec: {
      namespaceSelector: {},
      resourceGroups: [{ coveredResources: ["pods"], flavors: [{ name: namespace, resources }] }],
    },
  });
  await post(`${queues}/namespaces/${namespace}/localqueues`, {
    ...{ apiVersion: "kueue.x-k8s.io/v1beta2", kind: "LocalQueue", metadata: { name } },
    spec: { clusterQueue: namespace },
  });
}
