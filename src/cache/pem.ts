/**
 * The certificates of a PEM file, one each.
 *
 * @param pem - any text with certificates in it
 */
export function splitPem(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
