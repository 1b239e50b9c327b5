import { createPrivateKey, X509Certificate } from "node:crypto";

/** What the webhook's Secret holds, PEM. */
export interface CertificateData {
  /** The server's certificate and key. */
  readonly certificate: string;
  readonly key: string;
  /** Every CA that may have signed it, the newest first. */
  readonly cas: readonly string[];
  /** The key of the newest CA. */
  readonly caKey: string;
}

/** What to do about the certificates, and when to look again. */
export interface Plan {
  /**
   * `keep` them; issue `everything` again; a new `ca` beside the old one, which still stands behind the
   * server's certificate; or the `server`'s, signed by the newest CA.
   */
  readonly action: "keep" | "everything" | "ca" | "server";
  readonly lookAgainAt: Date;
}

/** Lifetimes in days. */
export const lifetimes = { ca: 3650, server: 90 } as const;

/**
 * Decides about certificates. Each is replaced after two thirds of its life. A new CA is only published at
 * first: by the time a server's certificate is signed by it, every API server has long had it.
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
  const serverDue = dueAt(parsed.server, now);
  const caDue = dueAt(parsed.cas[0], now);
  if (caDue <= now) return { action: "ca", lookAgainAt: now };
  if (serverDue <= now) return { action: "server", lookAgainAt: now };
  return { action: "keep", lookAgainAt: new Date(Math.min(serverDue.getTime(), caDue.getTime())) };
}

/**
 * The CAs that are still valid.
 *
 * @param cas - PEM
 * @param now - the present
 */
export function validCas(cas: readonly string[], now: Date): string[] {
  return cas.filter((pem) => new X509Certificate(pem).validToDate > now);
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
  readonly cas: [X509Certificate, ...X509Certificate[]];
  readonly keysMatch: boolean;
}

function parse(data: CertificateData): Parsed | undefined {
  try {
    const server = new X509Certificate(data.certificate);
    const [first, ...others] = data.cas.map((pem) => new X509Certificate(pem));
    if (first === undefined) return undefined;
    const keysMatch =
      server.checkPrivateKey(createPrivateKey(data.key)) &&
      first.checkPrivateKey(createPrivateKey(data.caKey));
    return { server, cas: [first, ...others], keysMatch };
  } catch {
    return undefined; // not certificates: they are issued again
  }
}

function isUsable({ server, cas, keysMatch }: Parsed, hosts: readonly string[], now: Date): boolean {
  return (
    keysMatch &&
    server.validToDate > now &&
    hosts.every((host) => server.checkHost(host) !== undefined) &&
    cas.some((ca) => ca.validFromDate <= now && ca.validToDate > now && server.verify(ca.publicKey))
  );
}

/** One that is not valid yet, because it was issued by a clock that was wrong, is due at once. */
function dueAt(certificate: X509Certificate, now: Date): Date {
  if (certificate.validFromDate > now) return now;
  const from = certificate.validFromDate.getTime();
  return new Date(from + ((certificate.validToDate.getTime() - from) * 2) / 3);
}
