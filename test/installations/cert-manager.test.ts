import { X509Certificate } from "node:crypto";
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import type { V1Pod, V1Secret } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { names } from "../../schema/names.ts";
import { podOf } from "../support/builders.ts";
import { kubectl, tryKubectl } from "../support/kubectl.ts";
import { type Running, start } from "../support/processes.ts";
import { execute } from "../support/programs.ts";
import { uninstall } from "../support/uninstall.ts";
import { until } from "../support/wait.ts";

const own = ["--namespace", names.operatorNamespace];
const overlay = "config/certmanager";
const certificate = "oras-operator-webhook-certificate";
let certManager: Running;

beforeAll(async () => {
  await uninstall();
  const source = join(import.meta.dirname, "../../dev/cluster/modules/cert-manager");
  const module = ["list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager"];
  const folder = (await execute("go", ["-C", source, ...module])).stdout.trim();
  for await (const file of glob(join(folder, "deploy/crds/*.yaml")))
    await kubectl(["apply", "--server-side", "-f", file]);
  const program = join(await buildModule("cert-manager"), "certificates");
  certManager = start([program], { env: process.env });
});

afterAll(async () => {
  await uninstall();
  certManager?.child.kill("SIGTERM");
  await certManager?.ended;
  const crds = await kubectl(["get", "crd", "-o", "name"]);
  const ofCertManager = crds.split("\n").filter((name) => name.endsWith("cert-manager.io"));
  await kubectl(["delete", ...ofCertManager]);
});

const operators = async () =>
  (JSON.parse(await kubectl([...own, "get", "pods", "-o", "json"])) as { items: V1Pod[] }).items;
/** The serial number of the certificate that a replica shows. */
const served = (host = "") =>
  new Promise<string>((resolve, reject) => {
    const socket = connect({ host, port: 9443, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber ?? "");
      socket.destroy();
    });
    socket.on("error", reject);
  });
const issued = async () => {
  const secret = JSON.parse(
    await kubectl([...own, "get", "secret", names.webhookSecret, "-o", "json"]),
  ) as V1Secret;
  return new X509Certificate(Buffer.from(secret.data?.["tls.crt"] ?? "", "base64")).serialNumber;
};

test("a renewal of the webhook's certificate refuses no Pod", async () => {
  await kubectl(["apply", "-k", overlay]);
  await kubectl([...own, "rollout", "status", `deployment/${names.deployment}`, "--timeout=180s"]);
  // The CA injector writes the CA after the replicas are ready.
  const pod = JSON.stringify(podOf("asked-for", { "input-uri": "a/b:1" }));
  const create = () => tryKubectl(["create", "--dry-run=server", "-o", "json", "-f", "-"], pod);
  await until(async () => (await create()).code === 0, "the webhook to be trusted");

  const before = await issued();
  const refused: string[] = [];
  let [asked, renewed] = [0, false];
  const load = async () => {
    while (!renewed) {
      const { code, stdout, stderr } = await create();
      asked++;
      if (code !== 0 || !stdout.includes(names.pullContainer)) refused.push(stderr);
    }
  };
  const loads = [load(), load()];
  try {
    // As `cmctl renew` asks for it.
    const condition = { type: "Issuing", status: "True", reason: "ManuallyTriggered", message: "renew" };
    const patch = JSON.stringify({ status: { conditions: [condition] } });
    await kubectl([
      ...own,
      "patch",
      "certificate",
      certificate,
      "--subresource=status",
      "--type=merge",
      "-p",
      patch,
    ]);
    await until(async () => (await issued()) !== before, "a new certificate");
    const now = await issued();
    for (const { status } of await operators()) {
      await until(async () => (await served(status?.podIP)) === now, "a replica to show it", 240_000);
    }
    const soFar = asked;
    await until(() => asked > soFar + 10, "more to be asked for");
  } finally {
    renewed = true;
    await Promise.all(loads);
  }
  expect(refused).toEqual([]);
});
