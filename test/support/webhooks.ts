import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../../src/kube/client.ts";

interface Configuration {
  apiVersion: string;
  kind: string;
  webhooks: { clientConfig: { service: { port: number } } }[];
}

/** The webhook configuration of the installation, with another port, and for an operator that is another user, if one is given. */
export async function webhookConfiguration(port: number, user = serviceAccount): Promise<Configuration> {
  const text = (await readFile("config/webhook/webhooks.yaml", "utf8")).replaceAll(serviceAccount, user);
  const configuration = parse(text) as Configuration;
  for (const webhook of configuration.webhooks) webhook.clientConfig.service.port = port;
  return configuration;
}

const serviceAccount = `system:serviceaccount:${names.operatorNamespace}:${names.serviceAccount}`;

/**
 * Makes the API server call a webhook on this machine, as it calls the operator's Service: by an ExternalName,
 * which needs no cluster network.
 *
 * @param client - with every right
 * @param port - of the operator
 * @param user - whom the API server knows the operator as, where that is not the installation's ServiceAccount: what the operator
 *   writes on steps that wait would be undone as anybody's
 */
export async function installWebhooks(client: KubeClient, port: number, user?: string): Promise<void> {
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
    body: await webhookConfiguration(port, user),
  });
}
