import { names } from "../../schema/names.ts";
import { keepConfiguration } from "../certificates/configuration.ts";
import { certificateFromFiles } from "../certificates/files.ts";
import { expiryOf } from "../certificates/plan.ts";
import { certificateFromSecret } from "../certificates/secret.ts";
import type { CertificateSource, ServingPair } from "../certificates/source.ts";
import { sentenceOf } from "../kube/errors.ts";
import type { Process } from "./process.ts";

/** The log messages about the webhook's certificate and the webhook configuration. */
export interface CertificateObserver {
  /** A later certificate is to be used. */
  readonly onPair: (pair: ServingPair) => void;
  /** Whether the API server knows all webhooks, at first and whenever that changes. */
  readonly onConfigured: (isWhole: boolean) => void;
  /** The API server has the CA of the certificate; not told where both are somebody else's. */
  readonly onTrusted: () => void;
}

/**
 * Starts what provides the webhook's certificate, and what watches the webhook configuration. The certificate comes from
 * files that somebody else writes, where a directory is given, and the CA bundle is somebody else's work too; else both
 * are the operator's.
 *
 * @param self - the process
 * @param signal - ends it
 * @param observer - see there
 */
export function startCertificates(
  self: Process,
  signal: AbortSignal,
  observer: CertificateObserver,
): CertificateSource {
  const { log, metrics, client, options } = self;
  const onTrouble = (error: unknown) => {
    metrics.certificateFailed();
    log.warn({ error: sentenceOf(error) }, "certificate error, retrying");
  };
  const use = (pair: ServingPair) => {
    const expires = expiryOf(pair.cert);
    metrics.certificateUsed(expires);
    log.info({ expires }, "Updated current TLS certificate");
  };
  const onChange = (pair: ServingPair) => {
    observer.onPair(pair);
    use(pair);
  };
  const onMissing = (missing: readonly string[]) => {
    const isWhole = missing.length === 0;
    metrics.setWebhooksConfigured(isWhole);
    observer.onConfigured(isWhole);
    const about = { webhookConfiguration: names.webhookConfiguration };
    if (isWhole) log.info(about, "webhook configuration found");
    else {
      log.error(
        { ...about, missing },
        "webhook configuration is missing or incomplete: annotated Pods and Jobs start without their inputs and outputs; apply the operator's manifests again",
      );
    }
  };
  const configuration = keepConfiguration({
    client,
    onMissing,
    onKept: observer.onTrusted,
    onWritten: () => log.info("caBundle of the webhook configuration updated"),
    onTrouble: (error) =>
      log.warn({ error: sentenceOf(error) }, "webhook configuration cannot be read or updated, retrying"),
    signal,
  });
  const directory = options.certificateDirectory;
  const source = directory
    ? certificateFromFiles({ directory, onChange, onTrouble, signal })
    : certificateFromSecret({
        client,
        namespace: options.namespace,
        onChange,
        onCaBundle: configuration.setCaBundle,
        onIssued: (action) => log.info({ issued: action }, "certificate issued"),
        onTrouble,
        signal,
      });
  source.first.then(use, () => {});
  return {
    first: source.first,
    stopped: Promise.all([source.stopped, configuration.stopped]).then(() => undefined),
  };
}
