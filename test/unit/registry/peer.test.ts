import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import {
  BasicConstraintsExtension,
  PemConverter,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { expect, onTestFinished, test } from "vitest";
import { issueCa, issueServer, type KeyPair } from "../../../src/certificates/issue.ts";
import { askOwn } from "../../../src/registry/own.ts";
import { claimStorage } from "../../../src/registry/owner.ts";

const { signal } = new AbortController();

async function listening(server: Server & { closeAllConnections: () => void }): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serve = (answer: RequestListener) => listening(createServer(answer));

// Who may write an OrasCache may have its registry be any image, and the operator reaches what its author does not.
test.each([
  (other: string) => `http://registry//${other}/upload`,
  (other: string) => `http://registry/\\${other}/upload`,
  (other: string) => `//registry//${other}/upload`,
  (other: string) => `http://${other}/upload`,
])(
  "a registry cannot send the operator anywhere else by where it says that an upload goes (%#)",
  async (locate) => {
    let asked = 0;
    const other = await serve((_, response) => {
      asked++;
      response.writeHead(201).end();
    });
    const paths: string[] = [];
    const host = await serve(({ method, url = "" }, response) => {
      paths.push(url);
      if (method === "GET") response.writeHead(404).end();
      else if (method === "POST") response.writeHead(202, { location: locate(other) }).end();
      else response.writeHead(201).end();
    });
    const own = { installation: "ours", cache: "work/oras" };
    await claimStorage({ peer: { host }, authorization: "Basic secret", signal }, own).catch(() => {});
    expect(asked).toBe(0);
    expect(paths.length).toBeGreaterThan(1);
  },
);

async function intermediateOf(root: KeyPair, now: Date): Promise<KeyPair> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const signer = PemConverter.decodeFirst(root.key);
  const certificate = await X509CertificateGenerator.create({
    subject: "CN=intermediate",
    issuer: new X509Certificate(root.certificate).subject,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey("pkcs8", signer, algorithm, false, ["sign"]),
    signingAlgorithm: algorithm,
    notBefore: new Date(now.getTime() - 3_600_000),
    notAfter: new Date(now.getTime() + 3_600_000),
    extensions: [new BasicConstraintsExtension(true, 0, true)],
  });
  const key = PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  return { certificate: certificate.toString("pem"), key };
}

// cert-manager puts the topmost certificate that it knows into ca.crt; Go, which steps and the keeper use, trusts it.
test("an intermediate CA is trusted where it alone is known", async () => {
  const now = new Date();
  const root = await issueCa("root", 1, now);
  const ca = await intermediateOf(root, now);
  const { certificate: cert, key } = await issueServer(ca, ["oras.work.svc"], 1, now);
  const host = await listening(createTlsServer({ cert, key }, (_, response) => response.end("yes")));
  const asked = { method: "GET", path: "/v2/", authorization: undefined, signal } as const;
  const trusting = (pem: string) => ({ host, trust: { ca: pem, servername: "oras.work.svc" } });
  await expect(askOwn({ ...asked, peer: trusting(ca.certificate) })).resolves.toMatchObject({
    body: Buffer.from("yes"),
  });
  await expect(askOwn({ ...asked, peer: trusting(root.certificate) })).rejects.toThrow();
});
