/** Of a blob that holds a statement. @see https://github.com/in-toto/attestation/blob/main/spec/v1/bundle.md */
export const statementMediaType = "application/vnd.in-toto+json";
/** Of one that holds a signed statement. @see https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto */
export const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** What a bundle has in it. */
interface Bundle {
  /** Empty where there is none. */
  readonly statement: string;
  /** Digest of the public key by which it says that it verifies. */
  readonly key?: string;
}

/**
 * Reads a bundle, that anybody can have written, without a look at the signature.
 *
 * @param text - of the bundle
 */
export function readBundle(text: string): Bundle {
  try {
    const { dsseEnvelope, verificationMaterial } = JSON.parse(text) as {
      readonly dsseEnvelope?: { readonly payload?: unknown };
      readonly verificationMaterial?: { readonly publicKey?: { readonly hint?: unknown } };
    };
    const bytes = bytesIn(verificationMaterial?.publicKey?.hint);
    return {
      statement: bytesIn(dsseEnvelope?.payload).toString(),
      ...(bytes.length === sha256Bytes && { key: `sha256:${bytes.toString("hex")}` }),
    };
  } catch {
    return { statement: "" };
  }
}

const sha256Bytes = 32;

function bytesIn(value: unknown): Buffer {
  return Buffer.from(typeof value === "string" ? value : "", "base64");
}
