import { createPublicKey } from "node:crypto";
import { copyFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test as base, expect } from "vitest";
import { buildModule, controlPlaneProgram } from "../../dev/cluster/binaries.ts";
import { resources } from "../../src/kube/resources.ts";
import { bundleType } from "../../src/lineage/statement-media.ts";
import { readManifest } from "../../src/registry/manifests.ts";
import { addReferrer } from "../../src/registry/referrers.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { readyCache } from "../support/kept-caches.ts";
import { objectsIn } from "../support/objects-in.ts";
import { blocksOf, commandsOf } from "../support/pages.ts";
import { start } from "../support/processes.ts";
import { asked, end, statementIn, statementsAbout, stepNamed } from "../support/pushing-steps.ts";
import { ecKey, secretData } from "../support/signing-keys.ts";
import { until } from "../support/wait.ts";

/** What docs/lineage.md has its readers type. */
const typed = blocksOf("docs/lineage.md").flatMap(commandsOf);
const [generate = "", role = "", binding = "", verify = ""] = [
  ...[
    "cosign generate-key-pair",
    "kubectl create role ",
    "kubectl create rolebinding",
    "cosign verify-attestation",
  ],
].map((begin) => typed.find((line) => line.startsWith(begin)));

/**
 * The real cosign, a real registry without the referrers API, and the operator by its ServiceAccount on a control plane; no
 * kubelet.
 */
const test = base
  .extend("agent", { scope: "file" }, () => agentProgram())
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("installation", { scope: "file" }, async ({}, { onCleanup }) => {
    const installation = await startJobPlane();
    onCleanup(installation.stop);
    return installation;
  })
  .extend("ns", ({ task, installation: { admin } }) => {
    return objectsIn(admin, `cosign-${task.id.replaceAll(/[^a-z0-9]+/g, "-")}x`);
  })
  .extend("registry", ({ ns, installation: { admin: installed }, agent }, { onCleanup }) =>
    readyCache({ ns, installed, agent }, onCleanup),
  )
  .extend("type", async ({ ns, registry, installation: { plane } }) => {
    const folder = temporaryFolder("cosign");
    const auths = { [registry.host]: { auth: registry.authorization.slice("Basic ".length) } };
    writeFileSync(join(folder, "config.json"), JSON.stringify({ auths }));
    const kubeconfig = join(folder, "kubeconfig");
    copyFileSync(plane.kubeconfig, kubeconfig);
    const programs = [await buildModule("cosign"), dirname(await controlPlaneProgram("kubectl"))];
    const env = {
      ...{ KUBECONFIG: kubeconfig, DOCKER_CONFIG: folder, HOME: folder, COSIGN_PASSWORD: "correct horse" },
      PATH: [...programs, process.env["PATH"]].join(":"),
    };
    const type = (line: string) => start(["sh", "-c", line], { cwd: folder, env }).ended;
    await type(`kubectl config set-context --current --namespace=${ns.namespace}`);
    return {
      folder,
      line: type,
      /** What verifies an artifact, which is asked for without TLS here. */
      verify: (artifact: string, digest: string, key = "cosign.pub") =>
        type(
          verify
            .replace("localhost:5000/forest/report:1", `${registry.host}/${artifact}@${digest}`)
            .replace("cosign.pub", key)
            .replace("--key", "--allow-http-registry --key"),
        ),
    };
  });

const predicate = "https://slsa.dev/provenance/v1";

test("cosign makes the key, verifies what was signed with it, and nothing else", async ({
  ns,
  registry,
  type,
}) => {
  for (const line of [generate.replace("NAMESPACE", ns.namespace), role, binding]) {
    const { code, stderr } = await type.line(line);
    expect(code, `${line}: ${stderr}`).toBe(0);
  }
  await ns.patch(resources.orasCaches, "oras", { spec: { lineage: { signingKeySecret: "signing-key" } } });
  await until(async () => (await ns.status("oras"))?.observedGeneration === 2, "the operator to see it");

  const digest = await registry.push("made/result:v1");
  await stepNamed(ns, "make", "made/result:v1");
  await end(ns, "make", "made/result:v1", digest);
  const [signed] = await statementsAbout(registry, "made/result", digest, 1);
  const good = await type.verify("made/result", digest);
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
    const bad = await type.verify("made/other", other);
    expect(bad.code, bad.stdout).not.toBe(0);
    expect(bad.stderr).toContain("no matching attestations");
  }
});

test("a key of another make signs too, and another key does not verify it", async ({
  ns,
  registry,
  type,
}) => {
  const pem = ecKey();
  const publicKey = (of: string) => createPublicKey(of).export({ type: "spki", format: "pem" });
  writeFileSync(join(type.folder, "key.pub"), publicKey(pem));
  writeFileSync(join(type.folder, "other.pub"), publicKey(ecKey()));
  const data = secretData({ "tls.key": pem });
  await ns.create(resources.secrets, { metadata: { name: "plain" }, data } as object);
  for (const line of [role, binding])
    await type.line(line.replace("resource-name=signing-key", "resource-name=plain"));
  await ns.patch(resources.orasCaches, "oras", { spec: { lineage: { signingKeySecret: "plain" } } });
  await until(async () => (await ns.status("oras"))?.observedGeneration === 2, "the operator to see it");

  const digest = await registry.push("made/result:v1");
  await stepNamed(ns, "make", "made/result:v1");
  await end(ns, "make", "made/result:v1", digest);
  await statementsAbout(registry, "made/result", digest, 1);
  const good = await type.verify("made/result", digest, "key.pub");
  expect(good.code, good.stderr).toBe(0);
  const bad = await type.verify("made/result", digest, "other.pub");
  expect(bad.code, bad.stdout).not.toBe(0);
});
