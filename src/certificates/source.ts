/** What a TLS server needs, PEM. */
export interface ServingPair {
  readonly cert: string;
  readonly key: string;
}

/** Where the webhook's certificate comes from. */
export interface CertificateSource {
  /** The certificate to begin with. */
  readonly first: Promise<ServingPair>;
  /** Settles when the source has stopped. */
  readonly stopped: Promise<void>;
}
