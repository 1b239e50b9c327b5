import { names } from "../../schema/names.ts";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import { type KubeObject, patchJson } from "../kube/objects.ts";
import { type Reflector, startReflector } from "../kube/reflector.ts";
import { resources } from "../kube/resources.ts";

/** The part of a MutatingWebhookConfiguration that matters here. */
export interface WebhookConfiguration extends KubeObject {
  webhooks?: { name: string; clientConfig: { caBundle?: string } }[];
}

/** What to keep in place. */
export interface BundleSettings {
  readonly client: KubeClient;
  readonly onWritten: () => void;
  readonly onTrouble: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Keeps the authorities in the webhook configuration. */
export interface BundleKeeper {
  /** Sets the authorities (PEM). */
  readonly set: (bundle: string) => void;
  readonly stopped: Promise<void>;
}

/**
 * Keeps the authorities of the webhook's certificate in its configuration, also when that is applied anew, which
 * takes them out. Every replica does so: the API server must not wait for a leader to be able to call any.
 *
 * @param settings - see there
 */
export function keepBundle(settings: BundleSettings): BundleKeeper {
  const { client, signal } = settings;
  let wanted: string | undefined;
  let writing: Promise<void> = Promise.resolve();
  let reflector: Reflector<WebhookConfiguration> | undefined;

  const correct = () => {
    writing = writing.then(async () => {
      const live = reflector?.store.get(names.webhookConfiguration);
      if (wanted === undefined || live === undefined || signal.aborted) return;
      const operations = bundleOperations(live, wanted);
      if (operations.length === 0) return;
      try {
        await patchJson(
          client,
          resources.mutatingWebhookConfigurations,
          { name: names.webhookConfiguration },
          operations,
        );
        settings.onWritten();
      } catch (error) {
        if (isStatus(error, 404, 409)) return; // the watch brings what is there now
        settings.onTrouble(error);
        setTimeout(correct, 5_000).unref();
      }
    });
  };

  reflector = startReflector<WebhookConfiguration>({
    client,
    resource: resources.mutatingWebhookConfigurations,
    fieldSelector: `metadata.name=${names.webhookConfiguration}`,
    onChange: correct,
    onTrouble: settings.onTrouble,
    signal,
  });
  return {
    set: (bundle) => {
      wanted = Buffer.from(bundle).toString("base64");
      correct();
    },
    stopped: reflector.stopped,
  };
}

/**
 * The JSON Patch that puts the authorities into every webhook of a configuration that lacks them.
 *
 * @param live - the configuration
 * @param bundle - base64 of PEM
 */
export function bundleOperations(live: WebhookConfiguration, bundle: string): object[] {
  const changes = (live.webhooks ?? []).flatMap((webhook, i) =>
    webhook.clientConfig.caBundle === bundle
      ? []
      : [{ op: "add", path: `/webhooks/${i}/clientConfig/caBundle`, value: bundle }],
  );
  if (changes.length === 0) return [];
  // Indices are right for this version of the object only.
  const version = live.metadata?.resourceVersion;
  return [{ op: "replace", path: "/metadata/resourceVersion", value: version }, ...changes];
}
