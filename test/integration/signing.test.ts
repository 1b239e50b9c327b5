import { createPublicKey, verify } from "node:crypto";
import { expect } from "vitest";
import { resources } from "../../src/kube/resources.ts";
import { nameOfKey, preAuthEncoding } from "../../src/lineage/sign.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { letOperatorRead } from "../support/grants.ts";
import { test as base } from "../support/integration.ts";
import { readyCache } from "../support/kept-caches.ts";
import { end, referrersOf, statementIn, statementsAbout, stepNamed } from "../support/pushing-steps.ts";
import { ecKey, encryptedKey, secretData } from "../support/signing-keys.ts";
import { until } from "../support/wait.ts";

/** A cache whose Pod is a real registry with its real keeper; no kubelet. */
const test = base
  .extend("agent", { scope: "file" }, () => agentProgram())
  .extend("registry", ({ ns, installed, agent }, { onCleanup }) =>
    readyCache({ ns, installed, agent }, onCleanup),
  );

const bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";

test("statements are signed with the key of the namespace, which they wait for some minutes", async ({
  ns,
  registry,
  installed,
  operator,
}) => {
  const [password, pem] = ["correct horse", ecKey()];
  const key = { "cosign.key": encryptedKey(pem, password), "cosign.password": password };
  const toldOf = (words: string) =>
    until(
      async () =>
        (await ns.events("oras")).find(
          ({ reason, note }) => reason === "ProvenanceNotSigned" && note.includes(words),
        ),
      `the Event with ${words}`,
    );
  await ns.patch(resources.orasCaches, "oras", { spec: { lineage: { signingKeySecret: "signing" } } });
  await until(async () => (await ns.status("oras"))?.observedGeneration === 2, "the operator to see it");

  const digest = await registry.push("made/result:v1");
  await stepNamed(ns, "make", "made/result:v1");
  await end(ns, "make", "made/result:v1", digest);
  expect((await toldOf("may not read the Secret")).type).toBe("Warning");
  await letOperatorRead(installed, ns.namespace, "signing");
  await toldOf("is not there");
  expect(await referrersOf(registry, "made/result", digest)).toEqual([]);
  await ns.create(resources.secrets, { metadata: { name: "signing" }, data: secretData(key) } as object);
  const [signed] = await statementsAbout(registry, "made/result", digest, 1);
  expect(signed).toMatchObject({
    artifactType: bundle,
    annotations: { "dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1" },
  });
  const text = await statementIn(registry, "made/result", signed?.digest ?? "");
  const { dsseEnvelope } = JSON.parse(text) as {
    dsseEnvelope: { payload: string; payloadType: string; signatures: [{ sig: string }] };
  };
  const payload = Buffer.from(dsseEnvelope.payload, "base64");
  const half = createPublicKey(pem);
  const signature = Buffer.from(dsseEnvelope.signatures[0].sig, "base64");
  expect(verify("sha256", preAuthEncoding(dsseEnvelope.payloadType, payload), half, signature)).toBe(true);
  expect(JSON.parse(payload.toString())).toMatchObject({
    subject: [{ digest: { sha256: digest.slice("sha256:".length) } }],
  });
  expect(text).toContain(Buffer.from(nameOfKey(half).slice("sha256:".length), "hex").toString("base64"));

  const said = JSON.stringify([operator.log, await ns.events()]);
  for (const secret of [password, ...pem.split("\n").slice(1, -2)]) expect(said).not.toContain(secret);
});
