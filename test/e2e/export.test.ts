import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { kubectl } from "../support/kubectl.ts";
import { startS3Pod } from "../support/s3-pod.ts";
import { until } from "../support/wait.ts";
import { type Workspace, workspace } from "../support/workspace.ts";

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

it("an OrasCache that cannot be exported holds no namespace", async ({ onTestFinished }) => {
  const going = await workspace();
  // At the end its namespace is gone.
  onTestFinished(() => going.remove().catch(() => undefined));
  const of = (path: string) => going.kubectl("get", plural, "oras", "-o", `jsonpath={${path}}`);
  // Without an artifact there is nothing to export.
  await going.step("makes", { "output-uri": "a/b:1", "output-path": "f" }, "echo made > f");
  await going.kubectl("annotate", plural, "oras", `${names.exportAnnotation}=oci://127.0.0.1:1/nowhere`);
  await until(
    async () => (await of(".metadata.finalizers")).includes(names.exportFinalizer),
    "the finalizer",
  );
  await going.kubectl("delete", plural, "oras", "--wait=false");
  const reason = () => of(".status.conditions[?(@.type=='Exported')].reason");
  await until(async () => (await reason()) !== "", "the condition");
  await kubectl(["delete", "namespace", going.namespace, "--timeout=120s"]);
  // Nothing waits for an Event to be written.
  await until(async () => {
    const events = await kubectl(["get", "events", "--namespace", names.operatorNamespace]);
    return events.includes(`${going.namespace}/oras goes without its export`);
  }, "the Event");
});
