import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { kubectl } from "../support/kubectl.ts";
import { startS3Pod } from "../support/s3-pod.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

const plural = names.plural;

const ready = (ws: Workspace, name: string) =>
  ws.kubectl("wait", `${plural}/${name}`, "--for=condition=Ready", "--timeout=180s");

const stored = async (ws: Workspace, name: string) =>
  JSON.parse(await ws.kubectl("get", plural, name, "-o", "json")) as StoredOrasCache;

const exportedTo = (name: string, to: string, spec: object) => {
  const cache = cacheOf(name, spec);
  return { ...cache, metadata: { ...cache.metadata, annotations: { [names.exportAnnotation]: to } } };
};

it("the artifacts of a deleted OrasCache are in the other registry, from an emptyDir and from S3", async ({
  ws,
}) => {
  await ws.apply(cacheOf("keeps", { auth: { type: "htpasswd" } }));
  await ready(ws, "keeps");
  const keeps = await stored(ws, "keeps");
  const login = JSON.parse(
    await ws.kubectl("get", "secret", keeps.status?.credentialsSecret ?? "", "-o", "json"),
  ) as { data: object };
  const endpoint = await startS3Pod(ws, { tls: true });
  const s3 = {
    ...{ endpoint, bucket: "artifacts", region: "us-east-1" },
    ...{ secretRef: { name: "s3-keys" }, caSecretRef: { name: "s3-ca", key: "ca.crt" } },
  };
  const to = (name: string) => `${keeps.status?.url}/${name}`;
  await ws.apply(exportedTo("on-s3", to("on-s3"), { storage: { s3 } }));
  // An emptyDir gets the annotation when its Pod has long been there.
  await ws.apply(cacheOf("in-pod", {}));
  for (const name of ["in-pod", "on-s3"]) {
    await ready(ws, name);
    await ws.step(
      `makes-${name}`,
      { "oras-cache": name, "output-uri": "a/b:1", "output-path": "out" },
      `echo ${name} > out`,
    );
  }
  await ws.kubectl("annotate", plural, "in-pod", `${names.exportAnnotation}=${to("in-pod")}`);
  await until(
    async () => (await stored(ws, "in-pod")).metadata?.finalizers?.includes(names.exportFinalizer),
    "the finalizer",
  );
  await ws.kubectl("delete", plural, "in-pod", "on-s3", "--wait=false");
  const failed = await until(async () => {
    const { status } = await stored(ws, "in-pod");
    return status?.conditions?.find(({ reason }) => reason === "ExportFailed");
  }, "the login to be missed");
  expect(failed.message).toContain("no login");
  for (const name of ["in-pod", "on-s3"]) {
    const metadata = { name: `${name}-export` };
    await ws.apply({
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/dockerconfigjson",
      metadata,
      data: only(login.data),
    });
  }
  for (const name of ["in-pod", "on-s3"]) {
    await ws.kubectl("wait", `${plural}/${name}`, "--for=delete", "--timeout=240s");
    await ws.step(`reads-${name}`, { "oras-cache": "keeps", "input-uri": `${name}/a/b:1` }, "cat out");
    expect(await ws.log(`reads-${name}`, "main")).toBe(`${name}\n`);
  }
});

/** The part of the Secret that one of type dockerconfigjson has to have. */
function only(data: object): object {
  const key = ".dockerconfigjson";
  return { [key]: (data as Record<string, string>)[key] };
}

it("an OrasCache that cannot be exported holds no namespace", async ({ ws }) => {
  const namespace = `${ws.namespace}-goes`;
  await kubectl(["create", "namespace", namespace]);
  const cache = exportedTo("oras", "oci://127.0.0.1:1/nowhere", {});
  await kubectl(["apply", "--namespace", namespace, "-f", "-"], JSON.stringify(cache));
  await kubectl([
    "wait",
    "--namespace",
    namespace,
    `${plural}/oras`,
    "--for=condition=Ready",
    "--timeout=120s",
  ]);
  await kubectl(["delete", "--namespace", namespace, plural, "oras", "--wait=false"]);
  await until(async () => {
    const path = "jsonpath={.status.conditions[?(@.type=='Exported')].reason}";
    return (await kubectl(["get", "--namespace", namespace, plural, "oras", "-o", path])) !== "";
  }, "the condition");
  await kubectl(["delete", "namespace", namespace, "--timeout=120s"]);
  const events = await kubectl(["get", "events", "--namespace", names.operatorNamespace]);
  expect(events).toContain(`${namespace}/oras goes without its export`);
});
