import { createHash, createPublicKey, type KeyObject, sign } from "node:crypto";
import { provenanceType } from "./statement.ts";
import { bundleType, statementMediaType } from "./statement-media.ts";

/** What the bytes are that a DSSE signature is over. @see https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md */
export function preAuthEncoding(type: string, payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `),
    payload,
  ]);
}

/**
 * What a key is called by those who verify: the digest of its public half.
 *
 * @param key - private or public, of which each has one public half
 * @returns `sha256:…`, as `openssl pkey -pubin -in cosign.pub -outform der | sha256sum` prints it
 */
export function nameOfKey(key: KeyObject): string {
  const half = key.type === "private" ? createPublicKey(key) : key;
  const der = half.export({ type: "spki", format: "der" });
  return `sha256:${createHash("sha256").update(der).digest("hex")}`;
}

/**
 * A signed statement, as cosign writes it: a DSSE envelope in a Sigstore bundle that names the key. ECDSA takes a random number,
 * so the same statement gets another signature each time.
 *
 * @param statement - its text, which is signed as it is
 * @param key - an EC key of the curve P-256
 * @see https://docs.sigstore.dev/about/bundle/
 */
export function signedBundle(statement: string, key: KeyObject): string {
  const payload = Buffer.from(statement);
  const signature = sign("sha256", preAuthEncoding(statementMediaType, payload), key);
  return JSON.stringify({
    mediaType: bundleType,
    verificationMaterial: {
      publicKey: { hint: Buffer.from(nameOfKey(key).slice("sha256:".length), "hex").toString("base64") },
    },
    dsseEnvelope: {
      payload: payload.toString("base64"),
      payloadType: statementMediaType,
      signatures: [{ sig: signature.toString("base64") }],
    },
  });
}

/** How a statement is kept beside its subject. */
interface StatementReferrer {
  readonly artifactType: string;
  readonly mediaType: string;
  readonly text: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * What is written about an artifact: the statement alone, or as cosign writes one that it signs.
 *
 * @param statement - its text
 * @param key - to sign it with, if it is to be signed
 */
export function referrerOf(statement: string, key: KeyObject | undefined): StatementReferrer {
  if (key === undefined)
    return {
      ...{ artifactType: statementMediaType, mediaType: statementMediaType, text: statement },
      annotations: { "in-toto.io/predicate-type": provenanceType },
    };
  return {
    ...{ artifactType: bundleType, mediaType: bundleType, text: signedBundle(statement, key) },
    annotations: {
      "dev.sigstore.bundle.content": "dsse-envelope",
      "dev.sigstore.bundle.predicateType": provenanceType,
    },
  };
}
