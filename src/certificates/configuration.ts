import { names } from "../../schema/names.ts";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import { apply, type KubeObject } from "../kube/objects.ts";
import { startReflector } from "../kube/reflector.ts";
import { resources } from "../kube/resources.ts";

/** The part of a MutatingWebhookConfiguration that matters here. */
export interface WebhookConfiguration extends KubeObject {
  webhooks?: { name: string; clientConfig?: { caBundle?: string } }[];
}

/** Whom to tell of the webhook configuration. */
export interface ConfigurationSettings {
  readonly client: KubeClient;
  /**
   * Told which of the webhooks the API server does not know, at first and whenever that changes. What they are for is not
   * injected then, and nobody else notices.
   */
  readonly onMissing: (webhooks: readonly string[]) => void;
  /** The CA bundle was written. */
  readonly onWritten: () => void;
  /** The API server knows all webhooks, and has the CA bundle for each; told more than once. */
  readonly onKept: () => void;
  readonly onTrouble: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Watches the webhook configuration. */
export interface ConfigurationKeeper {
  /** Keeps this CA bundle (PEM) in it from now on. */
  readonly setCaBundle: (pem: string) => void;
  readonly stopped: Promise<void>;
}

const retryMs = 5_000;
const expected = [names.podsWebhook, names.jobsWebhook];

/**
 * Watches the webhook configuration, and keeps the CA bundle in it, also when it is applied again, which takes the bundle
 * out. Every replica does so: the API server must not wait for a leader to be able to call any.
 *
 * A configuration that is gone is not made again: who uninstalls the operator would be left with one that refuses every
 * annotated Pod, and the operator would need the right to create webhooks, which cannot be limited to a name.
 *
 * @param settings - see there
 */
export function keepConfiguration(settings: ConfigurationSettings): ConfigurationKeeper {
  const { client, signal } = settings;
  let wanted: string | undefined;
  let told: string | undefined;
  let writing: Promise<void> = Promise.resolve();

  const tell = () => {
    const missing = missingWebhooks(reflector.store.get(names.webhookConfiguration));
    const key = missing.join();
    if (key === told) return;
    told = key;
    settings.onMissing(missing);
  };
  const write = async () => {
    const live = reflector.store.get(names.webhookConfiguration);
    if (live === undefined || wanted === undefined || signal.aborted) return;
    const change = withCaBundle(live, wanted);
    if (change === undefined) {
      if (missingWebhooks(live).length === 0) settings.onKept();
      return;
    }
    try {
      await apply(client, resources.mutatingWebhookConfigurations, change);
      settings.onWritten();
    } catch (error) {
      // It was changed or deleted meanwhile: the watch brings what is there now.
      if (isStatus(error, 403, 404, 422) && reflector.store.get(names.webhookConfiguration) !== live) return;
      settings.onTrouble(error);
      setTimeout(correct, retryMs).unref();
    }
  };
  const correct = () => {
    writing = writing.then(write);
  };

  const reflector = startReflector<WebhookConfiguration>({
    client,
    resource: resources.mutatingWebhookConfigurations,
    fieldSelector: `metadata.name=${names.webhookConfiguration}`,
    onChange: () => {
      if (told !== undefined) tell();
      correct();
    },
    onTrouble: settings.onTrouble,
    signal,
  });
  reflector.synced.then(tell, () => {});
  return {
    setCaBundle: (pem) => {
      wanted = Buffer.from(pem).toString("base64");
      correct();
    },
    stopped: reflector.stopped,
  };
}

/**
 * The names of the operator's webhooks that a configuration lacks.
 *
 * @param live - the configuration; undefined when there is none
 */
export function missingWebhooks(live: WebhookConfiguration | undefined): string[] {
  return expected.filter((name) => !live?.webhooks?.some((webhook) => webhook.name === name));
}

/**
 * What to apply to give every webhook of a configuration a CA bundle. All of them are in it: what a manager no longer
 * applies is taken away.
 *
 * @param live - the configuration
 * @param caBundle - base64 of PEM
 * @returns undefined when there is nothing to change
 */
export function withCaBundle(
  { webhooks = [] }: WebhookConfiguration,
  caBundle: string,
): WebhookConfiguration | undefined {
  if (webhooks.every(({ clientConfig }) => clientConfig?.caBundle === caBundle)) return undefined;
  return {
    metadata: { name: names.webhookConfiguration },
    webhooks: webhooks.map(({ name }) => ({ name, clientConfig: { caBundle } })),
  };
}
