import { names } from "../../schema/names.ts";
import { splitPem } from "../cache/pem.ts";
import { type CertificateData, lifetimes, type Plan, validCas } from "./plan.ts";

/**
 * Carries out a plan.
 *
 * @param action - what to issue
 * @param data - what there is; only read where something of it is kept
 * @param hosts - DNS names of the server, the first also its common name
 * @param now - the present
 */
export async function renew(
  action: Exclude<Plan["action"], "keep">,
  data: CertificateData | undefined,
  hosts: readonly string[],
  now: Date,
): Promise<CertificateData> {
  // Loaded only when something is to be issued, which is rare: it takes a tenth of a second.
  const { issueCa, issueServer } = await import("./issue.ts");
  const kept = action === "everything" ? undefined : data;
  let cas = kept ? validCas(kept.cas, now) : [];
  let caKey = kept?.caKey ?? "";
  if (kept === undefined || action === "ca") {
    const ca = await issueCa(`${names.operatorName}-webhook-ca`, lifetimes.ca, now);
    cas = [ca.certificate, ...cas];
    caKey = ca.key;
  }
  if (kept && action === "ca") return { ...kept, cas, caKey };
  const [newest = ""] = cas;
  const signer = { certificate: newest, key: caKey };
  const { certificate, key } = await issueServer(signer, hosts, lifetimes.server, now);
  return { certificate, key, cas, caKey };
}

/** The keys of the Secret; the first three are those of cert-manager. */
const keys = {
  certificate: "tls.crt",
  key: "tls.key",
  cas: "ca.crt",
  caKey: "ca.key",
} as const;

/**
 * Reads the data of the Secret.
 *
 * @param data - base64 values by key
 * @returns undefined when something is missing
 */
export function fromSecret(data: Readonly<Record<string, string>> | undefined): CertificateData | undefined {
  const read = (key: string) => Buffer.from(data?.[key] ?? "", "base64").toString();
  const found = {
    certificate: read(keys.certificate),
    key: read(keys.key),
    cas: splitPem(read(keys.cas)),
    caKey: read(keys.caKey),
  };
  const isComplete = found.certificate && found.key && found.caKey && found.cas.length > 0;
  return isComplete ? found : undefined;
}

/**
 * Writes the data of the Secret.
 *
 * @param data - what it shall hold
 */
export function toSecret(data: CertificateData): Record<string, string> {
  const encode = (text: string) => Buffer.from(text).toString("base64");
  return {
    [keys.certificate]: encode(data.certificate),
    [keys.key]: encode(data.key),
    [keys.cas]: encode(bundleOf(data)),
    [keys.caKey]: encode(data.caKey),
  };
}

/**
 * The CAs as one PEM file.
 *
 * @param data - with the CAs
 */
export function bundleOf(data: CertificateData): string {
  return `${data.cas.join("\n")}\n`;
}
