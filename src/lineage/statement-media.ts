/** Of a blob that holds a statement. @see https://github.com/in-toto/attestation/blob/main/spec/v1/bundle.md */
export const statementMediaType = "application/vnd.in-toto+json";
/** Of one that holds a signed statement. @see https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto */
export const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";

/**
 * The statement within a bundle, without a look at the signature.
 *
 * @param text - of the bundle, that anybody can have written
 * @returns empty where there is none
 */
export function statementOfBundle(text: string): string {
  try {
    const { dsseEnvelope } = JSON.parse(text) as { readonly dsseEnvelope?: { readonly payload?: unknown } };
    const payload = dsseEnvelope?.payload;
    return typeof payload === "string" ? Buffer.from(payload, "base64").toString() : "";
  } catch {
    return "";
  }
}
