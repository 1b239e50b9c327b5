import { readFile } from "node:fs/promises";
import type { V1Pod } from "@kubernetes/client-node";
import { parse } from "yaml";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { podOf } from "./builders.ts";
import { until } from "./wait.ts";

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

/**
 * Waits until steps are injected. The operator is ready a moment before the API server hears of its own configuration: until then it refuses
 * steps, or takes them as they are.
 *
 * @param client - with every right
 */
export async function injecting(client: KubeClient): Promise<void> {
  const path = pathOf(resources.pods, { namespace: "default" });
  const body = podOf("probe", { "output-uri": "a/b:1" });
  await until(async () => {
    const { spec } = await client.request<V1Pod>({ method: "POST", path, query: { dryRun: "All" }, body });
    return spec?.containers.some(({ name }) => name === names.pushContainer);
  }, "steps to be injected");
}
