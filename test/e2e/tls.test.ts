import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { V1ConfigMap, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { caConfigMapName, certificateNames } from "../../src/cache/tls.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { issueCa, issueServer } from "../../src/certificates/issue.ts";
import { cacheOf, podOf, pullerOf } from "../support/builders.ts";
import { it as base } from "../support/e2e.ts";
import { temporaryFolder } from "../support/folders.ts";
import { makePlugin } from "../support/plugin.ts";
import { start } from "../support/processes.ts";
import { until } from "../support/wait.ts";
import { type Workspace, workspace } from "../support/workspace.ts";

const selfIssued = { auth: { type: "htpasswd" }, tls: { selfIssued: true } } as const;
const authors = (cache: string) => ({
  auth: { type: "htpasswd" } as const,
  tls: { secretName: `${cache}-certificate` },
});

const it = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("secure", { scope: "file" }, async ({}, { onCleanup }) => {
    const secure = await workspace({}, selfIssued);
    onCleanup(secure.remove);
    return secure;
  });

async function cacheIn(ws: Workspace, name = "oras"): Promise<StoredOrasCache> {
  return JSON.parse(await ws.kubectl("get", names.plural, name, "-o", "json"));
}

/** Gives a cache a certificate of a CA that is made for it, as cert-manager does. */
async function giveCertificate(ws: Workspace, cache: string): Promise<void> {
  const ca = await issueCa("author", 10, new Date());
  const hosts = certificateNames({ name: cache, namespace: ws.namespace }, {}, names.clusterDomain);
  const { certificate, key } = await issueServer(ca, hosts, 5, new Date());
  const stringData = { "tls.crt": certificate, "tls.key": key, "ca.crt": ca.certificate };
  const metadata = { name: `${cache}-certificate` };
  await ws.apply({ apiVersion: "v1", kind: "Secret", metadata, type: "kubernetes.io/tls", stringData });
}

function restartsOf({ status }: V1Pod): number {
  const registry = status?.containerStatuses?.find(({ name }) => name === names.registryContainer);
  return registry?.restartCount ?? 0;
}

describe.concurrent("a registry that serves TLS by itself", () => {
  it("is used by steps, which trust it", async ({ secure }) => {
    await secure.kubectl("wait", `${names.plural}/oras`, "--for=condition=Ready", "--timeout=60s");
    expect((await cacheIn(secure)).status?.url).toBe(
      `https://oras-0.oras.${secure.namespace}.svc.${names.clusterDomain}:5000`,
    );
    await secure.step("maker", { "output-uri": "a/b:1", "output-path": "f" }, "echo made > f");
    await secure.step("user", { "input-uri": "a/b:1", "input-path": "/tmp/in" }, "cat /tmp/in/f");
    expect(await secure.log("user", "main")).toBe("made\n");
    expect(await secure.log("oras-0", names.registryContainer)).not.toContain("HTTP request to an HTTPS");
  });

  it("is waited for by a step that is there before it", async ({ secure }) => {
    const early = { "oras-cache": "later", "output-uri": "a/b:1", "output-path": "f" };
    await secure.apply(podOf("early", early, "echo early > f"));
    const puller = pullerOf(await secure.pod("early"));
    const waits = async () => (await secure.log("early", puller)).includes("trying again for up to");
    await until(waits, "the step to wait");
    await secure.apply(cacheOf("later", selfIssued));
    await secure.succeeded("early");
  });

  it("is read by people, with this program and with stock oras", async ({ secure, onTestFinished }) => {
    const plugin = await makePlugin(secure.namespace);
    await secure.step("for-people", { "output-uri": "people/b:1", "output-path": "f" }, "echo made > f");
    const got = temporaryFolder("got");
    const { code, stderr } = await plugin.run("get", "people/b:1", "--cache", "oras", "-o", got);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(readFileSync(join(got, "f"), "utf8")).toBe("made\n");
    const home = temporaryFolder("login");
    const env = { ...process.env, HOME: home, DOCKER_CONFIG: home };
    const login = plugin.start(["login", "oras"], env);
    onTestFinished(() => void login.child.kill("SIGINT"));
    await login.said("oras repo ls");
    const config = join(home, "config.json");
    const [host = ""] = Object.keys(JSON.parse(readFileSync(config, "utf8")).auths);
    const ca = ["--plain-http=false", "--ca-file", `${config}.${host.split(":")[1]}.crt`];
    const stock = await start(["oras", "repo", "ls", ...ca, host], { env }).ended;
    expect(stock).toMatchObject({ code: 0, stdout: expect.stringContaining("people/b") });
  });
});

describe.concurrent("a registry with a certificate of its author", () => {
  it("says that there is none, and starts once there is", async ({ ws }) => {
    await ws.apply(cacheOf("given", authors("given")));
    const reason = async () =>
      (await cacheIn(ws, "given")).status?.conditions?.find(({ type }) => type === "Ready");
    const found = await until(async () => {
      const ready = await reason();
      return ready?.reason === "CertificateUnusable" ? ready : undefined;
    }, "the condition");
    expect(found.message).toContain("is not there, or has neither the key tls.crt nor tls.key");
    await giveCertificate(ws, "given");
    await ws.kubectl("wait", `${names.plural}/given`, "--for=condition=Ready", "--timeout=400s");
    await ws.step("s", { "oras-cache": "given", "output-uri": "a/b:1", "output-path": "f" }, "echo 1 > f");
  });

  // The kubelet shows a changed Secret within two minutes, and starts the container again after six.
  it("has another one without a new Pod, and no step fails", { timeout: 900_000 }, async ({ ws }) => {
    await ws.apply(cacheOf("renewed", authors("renewed")));
    await giveCertificate(ws, "renewed");
    await ws.kubectl("wait", `${names.plural}/renewed`, "--for=condition=Ready", "--timeout=400s");
    const before = await ws.pod("renewed-0");
    const published = async (): Promise<V1ConfigMap> =>
      JSON.parse(await ws.kubectl("get", "configmap", caConfigMapName("renewed"), "-o", "json"));
    await until(async () => (await published()).data?.["of-secret.crt"] !== undefined, "the CA");
    const first = (await published()).data?.["of-secret.crt"] ?? "";
    const step = (i: number) => ({ "oras-cache": "renewed", "output-uri": `a/b:${i}`, "output-path": "f" });
    await ws.step("renewed-step-0", step(0), "echo 0 > f");
    await giveCertificate(ws, "renewed");
    let steps = 1;
    const isRestarted = async () => restartsOf(await ws.pod("renewed-0")) > restartsOf(before);
    for (let after = 0; after < 2; steps++) {
      await ws.step(
        `renewed-step-${steps}`,
        { ...step(steps), "input-uri": `a/b:${steps - 1}` },
        "cp f g; echo > f",
      );
      if (await isRestarted()) after++;
    }
    const now = await ws.pod("renewed-0");
    expect(now.metadata?.uid).toBe(before.metadata?.uid);
    expect((await published()).data?.["of-secret.crt"]).toContain(first.trim());
    await ws.step("reads-first", { ...step(1), "output-uri": "c/d:1", "input-uri": "a/b:0" }, "cat f");
  });
});
