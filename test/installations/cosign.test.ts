import { createPublicKey } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { resources } from "../../src/kube/resources.ts";
import { bundleType } from "../../src/lineage/statement-media.ts";
import { readManifest } from "../../src/registry/manifests.ts";
import { addReferrer } from "../../src/registry/referrers.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { temporaryFolder } from "../support/folders.ts";
import { letOperatorRead } from "../support/grants.ts";
import { test as base } from "../support/integration.ts";
import { readyCache } from "../support/kept-caches.ts";
import type { KeptRegistry } from "../support/kept-registry.ts";
import { start } from "../support/processes.ts";
import { asked, end, statementIn, statementsAbout, stepNamed } from "../support/pushing-steps.ts";
import { ecKey, secretData } from "../support/signing-keys.ts";
import { until } from "../support/wait.ts";

/** The real cosign, a real registry without the referrers API, and the operator on a control plane; no kubelet. */
const test = base
  .extend("agent", { scope: "file" }, () => agentProgram())
  .extend("registry", ({ ns, installed, agent }, { onCleanup }) =>
    readyCache({ ns, installed, agent }, onCleanup),
  )
  .extend("cosign", async ({ registry, plane }) => {
    const program = join(await buildModule("cosign"), "cosign");
    const folder = temporaryFolder("cosign");
    const auths = { [registry.host]: { auth: registry.authorization.slice("Basic ".length) } };
    writeFileSync(join(folder, "config.json"), JSON.stringify({ auths }));
    const env = { KUBECONFIG: plane.kubeconfig, DOCKER_CONFIG: folder, COSIGN_PASSWORD: "correct horse" };
    return {
      folder,
      run: (...args: string[]) => start([program, ...args], { cwd: folder, env }).ended,
    };
  });

const verify = ["verify-attestation", "--insecure-ignore-tlog", "--allow-http-registry"];
const predicate = "https://slsa.dev/provenance/v1";

/** What docs/lineage.md says to type, and that the registry is asked without TLS. */
const verifying = (registry: KeptRegistry, key: string, artifact: string, digest: string) => [
  ...[...verify, "--key", key, "--type", "slsaprovenance1", `${registry.host}/${artifact}@${digest}`],
];

test("cosign makes the key, verifies what was signed with it, and nothing else", async ({
  ns,
  registry,
  installed,
  cosign,
}) => {
  const made = await cosign.run("generate-key-pair", `k8s://${ns.namespace}/signing`);
  expect(made.code, made.stderr).toBe(0);
  await letOperatorRead(installed, ns.namespace, "signing");
  await ns.patch(resources.orasCaches, "oras", { spec: { lineage: { signingKeySecret: "signing" } } });
  await until(async () => (await ns.status("oras"))?.observedGeneration === 2, "the operator to see it");

  const digest = await registry.push("made/result:v1");
  await stepNamed(ns, "make", "made/result:v1");
  await end(ns, "make", "made/result:v1", digest);
  const [signed] = await statementsAbout(registry, "made/result", digest, 1);
  const good = await cosign.run(...verifying(registry, "cosign.pub", "made/result", digest));
  expect(good.code, good.stderr).toBe(0);
  const { payload } = JSON.parse(good.stdout) as { payload: string };
  expect(JSON.parse(Buffer.from(payload, "base64").toString())).toMatchObject({ predicateType: predicate });

  // The same signature below a statement about another artifact.
  const other = await registry.push("made/other:v1");
  const text = await statementIn(registry, "made/result", signed?.digest ?? "");
  const bundle = JSON.parse(text) as { dsseEnvelope: { payload: string } };
  const statement = Buffer.from(payload, "base64").toString();
  bundle.dsseEnvelope.payload = Buffer.from(
    statement.replaceAll(digest.slice("sha256:".length), other.slice("sha256:".length)),
  ).toString("base64");
  for (const [forged, invocation] of [
    [JSON.stringify(bundle), "tampered"],
    [text, "about another one"],
  ] as const) {
    const repository = { ...asked(registry), repository: "made/other" };
    const subject = await readManifest(repository, "made/other", other);
    if (subject === undefined) throw new Error(`${other} is not there`);
    const annotations = { "dev.sigstore.bundle.predicateType": predicate };
    const about = { artifactType: bundleType, mediaType: bundleType, text: forged, annotations };
    await addReferrer(
      repository,
      subject,
      { ...about, invocation, created: "2026-01-01T00:00:00Z" },
      () => {},
    );
    const bad = await cosign.run(...verifying(registry, "cosign.pub", "made/other", other));
    expect(bad.code, bad.stdout).not.toBe(0);
    expect(bad.stderr).toContain("no matching attestations");
  }
});

test("a key of another make signs too, and another key does not verify it", async ({
  ns,
  registry,
  installed,
  cosign,
}) => {
  const pem = ecKey();
  const publicKey = (of: string) => createPublicKey(of).export({ type: "spki", format: "pem" });
  writeFileSync(join(cosign.folder, "key.pub"), publicKey(pem));
  writeFileSync(join(cosign.folder, "other.pub"), publicKey(ecKey()));
  const data = secretData({ "tls.key": pem });
  await ns.create(resources.secrets, { metadata: { name: "plain" }, data } as object);
  await letOperatorRead(installed, ns.namespace, "plain");
  await ns.patch(resources.orasCaches, "oras", { spec: { lineage: { signingKeySecret: "plain" } } });
  await until(async () => (await ns.status("oras"))?.observedGeneration === 2, "the operator to see it");

  const digest = await registry.push("made/result:v1");
  await stepNamed(ns, "make", "made/result:v1");
  await end(ns, "make", "made/result:v1", digest);
  await statementsAbout(registry, "made/result", digest, 1);
  const good = await cosign.run(...verifying(registry, "key.pub", "made/result", digest));
  expect(good.code, good.stderr).toBe(0);
  const bad = await cosign.run(...verifying(registry, "other.pub", "made/result", digest));
  expect(bad.code, bad.stdout).not.toBe(0);
});
