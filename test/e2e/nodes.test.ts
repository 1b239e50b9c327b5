import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { V1PodSpec } from "@kubernetes/client-node";
import { expect } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { network, state } from "../../dev/cluster/paths.ts";
import { names } from "../../schema/names.ts";
import { caConfigMapName } from "../../src/cache/tls.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { pushesOf } from "../../src/controllers/outcomes.ts";
import { jobOf, podOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { temporaryFolder } from "../support/folders.ts";
import { blocksOf } from "../support/pages.ts";
import { packTar } from "../support/tar.ts";
import { until } from "../support/wait.ts";
import { cacheClient, type Workspace } from "../support/workspace.ts";

const port = 30_500;
const address = `${network.nodeAddress}:${port}`;
const registries = join(state.configuration, "registries");

/** A piece of the page with this node's address for that of the page. */
function onThisNode(text: string): string {
  return text
    .replaceAll("/etc/containerd/certs.d", registries)
    .replaceAll("nodes.example.com", network.nodeAddress)
    .replaceAll("192.0.2.0/24", `${network.nodeAddress}/32`);
}

function exampleOf(name: string): string {
  return onThisNode(readFileSync(`examples/how-to/${name}.yaml`, "utf8"));
}

/** An image of one layer, as OCI says it. */
async function pushImage(ws: Workspace, artifact: string): Promise<void> {
  const folder = temporaryFolder("image");
  const layer = packTar([{ type: "0", name: "rings", content: "7\n" }]);
  const digest = createHash("sha256").update(gunzipSync(layer)).digest("hex");
  const config = {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
  };
  writeFileSync(join(folder, "layer"), layer);
  writeFileSync(join(folder, "config"), JSON.stringify(config));
  const { oras, stop } = await cacheClient(ws.namespace, "oras");
  const { code, stderr } = await oras(
    ...["push", "--plain-http=false", "--insecure", "--disable-path-validation", `{registry}/${artifact}`],
    ...["--config", `${join(folder, "config")}:application/vnd.oci.image.config.v1+json`],
    `${join(folder, "layer")}:application/vnd.oci.image.layer.v1.tar+gzip`,
  );
  stop();
  expect({ code, stderr }).toMatchObject({ code: 0 });
}

it("a node pulls what is in a registry, by the NodePort of the page", async ({ ws, onTestFinished }) => {
  // The registry of this namespace runs without TLS, and would go on so.
  await ws.kubectl("delete", names.plural, "oras", "--cascade=foreground");
  for (const document of parseAllDocuments(exampleOf("nodes-port"))) await ws.apply(document.toJS());
  await ws.kubectl("wait", `${names.plural}/oras`, "--for=condition=Ready", "--timeout=120s");
  const { status } = JSON.parse(
    await ws.kubectl("get", names.plural, "oras", "-o", "json"),
  ) as StoredOrasCache;
  expect(status?.nodeUrl).toBe(`https://${address}`);
  expect(status?.conditions?.map(({ type }) => type)).not.toContain("NodesBlocked");
  await pushImage(ws, "models/forest:v1");

  const [toml] = blocksOf("docs/how-to/nodes.md").filter(({ language }) => language === "toml");
  const folder = join(registries, address);
  mkdirSync(folder, { recursive: true });
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const ca = ["get", "configmap", caConfigMapName("oras"), "-o", "jsonpath={.data.ca\\.crt}"];
  writeFileSync(join(folder, "ca.crt"), await ws.kubectl(...ca));
  writeFileSync(join(folder, "hosts.toml"), onThisNode(toml?.text ?? ""));

  const page = blocksOf("docs/how-to/nodes.md").find(({ text }) => text.includes("imagePullSecrets:\n"));
  const shown = onThisNode(page?.text ?? "").replace("SECRET", status?.credentialsSecret ?? "");
  // What stands in for busybox in tests is on the node.
  const [own] = podOf("any").spec?.containers ?? [];
  const spec = parse(shown.replace(/image: busybox.*/, `image: ${own?.image}`)) as V1PodSpec;
  for (const container of spec.containers) container.command = ["cat", "/data/rings"];
  const pod = (name: string, of: V1PodSpec) => ({
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name } },
    spec: { ...of, restartPolicy: "Never" },
  });
  await ws.apply(pod("image", spec));
  await ws.succeeded("image");
  expect(await ws.log("image", "main")).toBe("7\n");

  // What a step pushes, if it asks for an image.
  const made = { "output-uri": "models/made:v1", "output-path": "rings", format: "image" };
  const digest = pushesOf(await ws.step("makes-image", made, "echo 8 > rings")).at(-1)?.digest;
  await ws.apply(
    pod("made", parse(JSON.stringify(spec).replace("models/forest:v1", "models/made:v1")) as V1PodSpec),
  );
  await ws.succeeded("made");
  expect(await ws.log("made", "main")).toBe("8\n");

  // The same as an input of a step, which names neither the address nor the login.
  const reads = { "input-uri": "models/made:v1", "input-path": "/data", "input-as": "volume" } as const;
  const check = "[ $(cat /data/rings) = 8 ] && ! touch /data/x";
  await ws.step("mounts-image", { ...reads, "input-uri": `models/made@${digest}` }, check);
  await expect(ws.apply(podOf("mounts-tag", reads))).rejects.toThrow("VolumeNotPinned");
  await ws.apply(
    jobOf("waits-for-image", { ...reads, "input-uri": "models/later:v1", "wait-for-inputs": "true" }, check),
  );
  await ws.step("makes-later", { ...made, "output-uri": "models/later:v1" }, "echo 8 > rings");
  await ws.kubectl("wait", "job/waits-for-image", "--for=condition=Complete", "--timeout=120s");
  const mounted = ["get", "pods", "-l", "job-name=waits-for-image", "-o", "jsonpath={..image.reference}"];
  expect(await ws.kubectl(...mounted)).toMatch(/\/models\/later@sha256:[0-9a-f]{64}/);

  // Without the login the node has no right to it, although it has the image by now.
  const { imagePullSecrets: _, ...without } = spec;
  for (const volume of without.volumes ?? []) if (volume.image) volume.image.pullPolicy = "Always";
  await ws.apply(pod("stranger", without));
  const events = ["get", "events", "--field-selector", "involvedObject.name=stranger", "-o", "json"];
  await until(
    async () => /401|authoriz|credential/i.test(await ws.kubectl(...events)),
    "the refusal of the node's pull",
  );
});
