import { createPrivateKey, generateKeyPairSync, randomBytes, scryptSync } from "node:crypto";
import { secretbox } from "@noble/ciphers/salsa.js";

type SecretData = Readonly<Record<string, string>>;

/** A new EC key, in PEM. */
export function ecKey(namedCurve = "P-256"): string {
  const pem = { publicKeyEncoding: { type: "spki", format: "pem" } } as const;
  const { privateKey } = generateKeyPairSync("ec", {
    ...pem,
    namedCurve,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return privateKey;
}

/** As a Secret has it. */
export function secretData(texts: SecretData): SecretData {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString("base64")]),
  );
}

/**
 * A key encrypted as cosign does it, with less work.
 *
 * @param pem - the key
 * @param password - of it
 * @param more - other than that
 */
export function encryptedKey(pem: string, password: string, more: object = {}): string {
  const [salt, nonce] = [randomBytes(32), randomBytes(24)];
  const der = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  const ciphertext = secretbox(scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 }), nonce).seal(der);
  const text = JSON.stringify({
    kdf: { name: "scrypt", params: { N: 1024, r: 8, p: 1, ...more }, salt: salt.toString("base64") },
    cipher: { name: "nacl/secretbox", nonce: nonce.toString("base64") },
    ciphertext: Buffer.from(ciphertext).toString("base64"),
  });
  const lines = Buffer.from(text).toString("base64").replaceAll(/.{64}/g, "$&\n");
  return `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${lines}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`;
}
