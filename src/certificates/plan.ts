import { createPrivateKey, X509Certificate } from "node:crypto";

/** What the webhook's Secret holds, PEM. */
export interface CertificateData {
  /** The server's certificate and key. */
  readonly certificate: string;
  readonly key: string;
  /** Every authority that may have signed it, the newest first. */
  readonly authorities: readonly string[];
  /** The key of the newest authority. */
  readonly authorityKey: string;
}

/** What to do about the certificates, and when to look again. */
export interface Plan {
  /**
   * `keep` them; issue `everything` anew; a new `authority` beside the old one, which still stands behind the
   * server's certificate; or the `server`'s, signed by the newest authority.
   */
  readonly action: "keep" | "everything" | "authority" | "server";
  readonly lookAgainAt: Date;
}

/** Lifetimes in days. */
export const lifetimes = { authority: 3650, server: 90 } as const;

/**
 * Decides about certificates. Each is replaced after two thirds of its life. A new authority is only published at
 * first: by the time a server's certificate is signed by it, every API server has long been told of it.
 *
 * @param data - from the Secret; undefined when there is none
 * @param hosts - DNS names that the server must be known by
 * @param now - the present
 */
export function planCertificates(
  data: CertificateData | undefined,
  hosts: readonly string[],
  now: Date,
): Plan {
  const parsed = data && parse(data);
  if (!parsed || !isUsable(parsed, hosts, now)) return { action: "everything", lookAgainAt: now };
  const serverDue = dueAt(parsed.server);
  const authorityDue = dueAt(parsed.authorities[0]);
  if (authorityDue <= now) return { action: "authority", lookAgainAt: now };
  if (serverDue <= now) return { action: "server", lookAgainAt: now };
  return { action: "keep", lookAgainAt: new Date(Math.min(serverDue.getTime(), authorityDue.getTime())) };
}

/**
 * The authorities that are still valid.
 *
 * @param authorities - PEM
 * @param now - the present
 */
export function validAuthorities(authorities: readonly string[], now: Date): string[] {
  return authorities.filter((pem) => new X509Certificate(pem).validToDate > now);
}

/**
 * The certificates of a PEM file, one each.
 *
 * @param pem - any text with certificates in it
 */
export function splitPem(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/**
 * When a certificate ends.
 *
 * @param pem - a file whose first certificate counts
 */
export function expiryOf(pem: string): Date {
  return new X509Certificate(pem).validToDate;
}

interface Parsed {
  readonly server: X509Certificate;
  readonly authorities: [X509Certificate, ...X509Certificate[]];
  readonly keysMatch: boolean;
}

function parse(data: CertificateData): Parsed | undefined {
  try {
    const server = new X509Certificate(data.certificate);
    const [first, ...others] = data.authorities.map((pem) => new X509Certificate(pem));
    if (first === undefined) return undefined;
    const keysMatch =
      server.checkPrivateKey(createPrivateKey(data.key)) &&
      first.checkPrivateKey(createPrivateKey(data.authorityKey));
    return { server, authorities: [first, ...others], keysMatch };
  } catch {
    return undefined; // not certificates: they are issued anew
  }
}

function isUsable({ server, authorities, keysMatch }: Parsed, hosts: readonly string[], now: Date): boolean {
  return (
    keysMatch &&
    server.validToDate > now &&
    hosts.every((host) => server.checkHost(host) !== undefined) &&
    authorities.some((authority) => authority.validToDate > now && server.verify(authority.publicKey))
  );
}

function dueAt(certificate: X509Certificate): Date {
  const from = certificate.validFromDate.getTime();
  return new Date(from + ((certificate.validToDate.getTime() - from) * 2) / 3);
}
