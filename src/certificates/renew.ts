import { names } from "../../schema/names.ts";
import { type CertificateData, lifetimes, type Plan, splitPem, validAuthorities } from "./plan.ts";

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
  const { issueAuthority, issueServer } = await import("./issue.ts");
  const kept = action === "everything" ? undefined : data;
  let authorities = kept ? validAuthorities(kept.authorities, now) : [];
  let authorityKey = kept?.authorityKey ?? "";
  if (kept === undefined || action === "authority") {
    const authority = await issueAuthority(`${names.operatorName}-webhook-ca`, lifetimes.authority, now);
    authorities = [authority.certificate, ...authorities];
    authorityKey = authority.key;
  }
  if (kept && action === "authority") return { ...kept, authorities, authorityKey };
  const [newest = ""] = authorities;
  const signer = { certificate: newest, key: authorityKey };
  const { certificate, key } = await issueServer(signer, hosts, lifetimes.server, now);
  return { certificate, key, authorities, authorityKey };
}

/** The keys of the Secret; the first three are those of cert-manager. */
const keys = {
  certificate: "tls.crt",
  key: "tls.key",
  authorities: "ca.crt",
  authorityKey: "ca.key",
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
    authorities: splitPem(read(keys.authorities)),
    authorityKey: read(keys.authorityKey),
  };
  const isComplete = found.certificate && found.key && found.authorityKey && found.authorities.length > 0;
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
    [keys.authorities]: encode(bundleOf(data)),
    [keys.authorityKey]: encode(data.authorityKey),
  };
}

/**
 * The authorities as one PEM file.
 *
 * @param data - with the authorities
 */
export function bundleOf(data: CertificateData): string {
  return `${data.authorities.join("\n")}\n`;
}
