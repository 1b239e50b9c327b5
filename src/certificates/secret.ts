import { setTimeout as delay } from "node:timers/promises";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import { create, type KubeObject, replace } from "../kube/objects.ts";
import { createPatience } from "../kube/patience.ts";
import { startReflector } from "../kube/reflector.ts";
import { resources } from "../kube/resources.ts";
import { planCertificates } from "./plan.ts";
import { bundleOf, fromSecret, renew, toSecret } from "./renew.ts";
import type { CertificateSource, ServingPair } from "./source.ts";

/** Whose certificate, and what to call on a change. */
export interface OwnCertificate {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly onChange: (pair: ServingPair) => void;
  /** Told of the CAs (PEM) that the API server shall trust, each time that they may have changed. */
  readonly onCaBundle: (bundle: string) => void;
  readonly onIssued: (action: string) => void;
  readonly onTrouble: (error: unknown) => void;
  readonly signal: AbortSignal;
}

interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
}

/** A clock that was set shall be noticed: until then the API server may find a certificate not valid. */
const longestWaitMs = 10 * 60_000;
/** API servers whose clocks are far apart would have certificates replaced for ever. */
const issues = { most: 20, windowMs: 10 * 60_000 };

/**
 * The certificate that the operator issues itself and keeps in a Secret. Every replica watches the Secret, so all
 * serve the same certificate and change it at the same time; whichever finds first that it is due replaces it,
 * and the others find their write refused and take what they see. What is due is decided by the API server's clock, which is
 * also the one that the certificate has to be valid by: replicas whose own clocks are far apart agree.
 *
 * @param own - see there
 */
export function certificateFromSecret(own: OwnCertificate): CertificateSource {
  const { client, namespace, signal } = own;
  const first = Promise.withResolvers<ServingPair>();
  first.promise.catch(() => {});
  const hosts = webhookHosts(namespace);
  let serving: ServingPair | undefined;
  const patience = createPatience(issues.most, issues.windowMs);
  let wake = () => {};

  const use = (secret: Secret | undefined) => {
    const data = fromSecret(secret?.data);
    if (!data || planCertificates(data, hosts, new Date(client.now())).action === "everything") return;
    own.onCaBundle(bundleOf(data));
    if (serving?.cert === data.certificate) return;
    const isFirst = serving === undefined;
    serving = { cert: data.certificate, key: data.key };
    if (isFirst) first.resolve(serving);
    else own.onChange(serving);
  };

  const reflector = startReflector<Secret>({
    client,
    resource: resources.secrets,
    namespace,
    fieldSelector: `metadata.name=${names.webhookSecret}`,
    onChange: (_key, secret) => {
      use(secret);
      wake();
    },
    onTrouble: own.onTrouble,
    signal,
  });

  const look = async (): Promise<number> => {
    const secret = reflector.store.get(`${namespace}/${names.webhookSecret}`);
    const data = fromSecret(secret?.data);
    const now = new Date(client.now());
    const { action, lookAgainAt } = planCertificates(data, hosts, now);
    if (action === "keep") return Math.min(lookAgainAt.getTime() - now.getTime(), longestWaitMs);
    if (patience.waitMs() > 0) return patience.waitMs();
    patience.spend();
    await write(client, namespace, secret, toSecret(await renew(action, data, hosts, now)));
    own.onIssued(action);
    return longestWaitMs; // the watch starts a renewal when it shows the new one
  };

  const run = async () => {
    await reflector.synced.catch(() => {});
    while (!signal.aborted) {
      const waitMs = await look().catch((error: unknown) => {
        // Another replica was faster; the watch brings what it wrote.
        if (!isStatus(error, 409)) own.onTrouble(error);
        return 1_000;
      });
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = delay(waitMs, undefined, { signal, ref: false }).catch(() => {});
      await Promise.race([promise, timer]);
    }
    first.reject(signal.reason);
    await reflector.stopped;
  };
  return { first: first.promise, stopped: run() };
}

/**
 * The DNS names by which the API server calls the webhook.
 *
 * @param namespace - of the operator
 */
export function webhookHosts(namespace: string): string[] {
  const service = `${names.webhookService}.${namespace}.svc`;
  return [service, names.webhookService, `${names.webhookService}.${namespace}`];
}

async function write(
  client: KubeClient,
  namespace: string,
  existing: Secret | undefined,
  data: Record<string, string>,
): Promise<void> {
  if (existing) {
    await replace<Secret>(client, resources.secrets, { ...existing, data: { ...existing.data, ...data } });
    return;
  }
  const labels = { "app.kubernetes.io/managed-by": names.operatorName };
  const secret: Secret = {
    metadata: { name: names.webhookSecret, namespace, labels },
    type: "kubernetes.io/tls",
    data,
  };
  await create(client, resources.secrets, secret);
}
