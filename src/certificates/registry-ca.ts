import { createHash, createHmac, createPrivateKey, createPublicKey, webcrypto } from "node:crypto";
import { x509 } from "./x509.ts";

const {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} = x509;

/** Signatures of Ed25519 are the same each time, so that the certificate of a CA is, too, and nobody has to keep it. */
const algorithm = { name: "Ed25519" } as const;
/** What a private key of Ed25519 begins with in PKCS #8 (RFC 8410), before its 32 bytes. */
const pkcs8 = Buffer.from("302e020100300506032b657004220420", "hex");

/** For how long one CA signs. */
export const termMs: number = 365 * 24 * 3_600_000;

/**
 * The CA of a cache's registry in one term. Its private key is derived from the cache's, as passwords are: the keeper in the
 * registry's Pod makes the same one (agent/internal/keeper/serving) and signs with it, the operator publishes it a term
 * before and a term after.
 *
 * @param key - of the cache
 * @param term - terms since 1970
 * @returns PEM, the same each time
 */
export async function issueRegistryCa(key: string, term: number): Promise<string> {
  const seed = createHmac("sha256", key).update(`ca/${term}`).digest();
  const der = Buffer.concat([pkcs8, seed]);
  const spki = createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" })).export({
    format: "der",
    type: "spki",
  });
  const keys = {
    privateKey: await webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]),
    publicKey: await webcrypto.subtle.importKey("spki", spki, algorithm, true, ["verify"]),
  };
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // Positive, and its first byte not 0.
    serialNumber: `40${createHash("sha256").update(spki).digest("hex").slice(0, 30)}`,
    name: `CN=oras-operator registry CA ${term}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date((term - 1) * termMs),
    notAfter: new Date((term + 2) * termMs),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}
