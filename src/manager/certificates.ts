import { keepBundle } from "../certificates/bundle.ts";
import { certificateFromFiles } from "../certificates/files.ts";
import { expiryOf } from "../certificates/plan.ts";
import { certificateFromSecret } from "../certificates/secret.ts";
import type { CertificateSource, ServingPair } from "../certificates/source.ts";
import { sentenceOf } from "../kube/errors.ts";
import type { Process } from "./process.ts";

/**
 * Starts what provides the webhook's certificate: files that somebody else writes, where a directory is given,
 * else the operator's own.
 *
 * @param self - the process
 * @param signal - ends it
 * @param use - takes every later certificate into use
 */
export function startCertificates(
  self: Process,
  signal: AbortSignal,
  use: (pair: ServingPair) => void,
): CertificateSource {
  const { log, metrics, client, options } = self;
  const onTrouble = (error: unknown) => {
    metrics.certificateFailed();
    log.warn({ error: sentenceOf(error) }, "there is trouble with the webhook's certificate");
  };
  const onChange = (pair: ServingPair) => {
    use(pair);
    note(pair);
  };
  const note = (pair: ServingPair) => {
    const expires = expiryOf(pair.cert);
    metrics.certificateUsed(expires);
    log.info({ expires }, "serving with a new certificate");
  };
  const directory = options.certificateDirectory;
  const start = (): CertificateSource => {
    if (directory) return certificateFromFiles({ directory, onChange, onTrouble, signal });
    const bundle = keepBundle({
      client,
      onWritten: () => log.info("the API server was told of the webhook's authority"),
      onTrouble,
      signal,
    });
    const source = certificateFromSecret({
      client,
      namespace: options.namespace,
      onChange,
      onAuthorities: bundle.set,
      onIssued: (action) => log.info({ issued: action }, "certificates were issued"),
      onTrouble,
      signal,
    });
    return {
      first: source.first,
      stopped: Promise.all([source.stopped, bundle.stopped]).then(() => undefined),
    };
  };
  const source = start();
  source.first.then(note, () => {});
  return source;
}
