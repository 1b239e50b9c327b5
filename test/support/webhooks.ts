import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../../src/kube/client.ts";

interface Configuration {
  apiVersion: string;
  kind: string;
  webhooks: { clientConfig: { service: { port: number } } }[];
}

/** The webhook configuration of the installation, with another port. */
export async function webhookConfiguration(port: number): Promise<Configuration> {
  const text = await readFile("config/webhook/webhooks.yaml", "utf8");
  const configuration = parse(text) as Configuration;
  for (const webhook of configuration.webhooks) webhook.clientConfig.service.port = port;
  return configuration;
}

/**
 * Makes the API server call a webhook on this machine, as it calls the operator's Service: by an ExternalName,
 * which needs no cluster network.
 */
export async function installWebhooks(client: KubeClient, port: number): Promise<void> {
  await client.request({
    method: "POST",
    path: `/api/v1/namespaces/${names.operatorNamespace}/services`,
    body: {
      metadata: { name: names.webhookService },
      spec: { type: "ExternalName", externalName: "localhost" },
    },
  });
  await client.request({
    method: "POST",
    path: "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    body: await webhookConfiguration(port),
  });
}
