import type { V1Deployment, V1MutatingWebhookConfiguration, V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { annotations } from "../../annotations/table.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { pathOf, resources } from "../../kube/resources.ts";
import { findCache } from "../remote/find-cache.ts";
import { openSession, type Session, type Where } from "../remote/session.ts";
import { checkNetwork } from "./network.ts";
import {
  ofKind,
  ofOperator,
  ofPolicies,
  ofServer,
  ofTrial,
  ofWebhook,
  type Result,
  webhookIn,
} from "./results.ts";

type Answer<T> = { readonly value: T } | { readonly error: unknown };

/**
 * Looks whether the installation is well.
 *
 * @param where - context, and the namespace in which a Pod is tried
 * @param network - another namespace, from which the registry of a cache is asked by a Pod that is made for it
 */
export async function checkInstallation(
  where: Where,
  network?: { readonly networkFrom: string; readonly cache?: string | undefined },
): Promise<readonly Result[]> {
  const session = await openSession(where);
  try {
    const [server, kind, configurations, policies, trial] = await Promise.all([
      read<{ minor?: string }>(session, "/version"),
      read(session, `/apis/${names.apiVersion}/namespaces/${session.namespace}/${names.plural}?limit=1`),
      list<V1MutatingWebhookConfiguration>(session, pathOf(resources.mutatingWebhookConfigurations)),
      list<KubeObject>(session, "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"),
      tryPod(session),
    ]);
    const found = "value" in configurations ? webhookIn(configurations.value) : undefined;
    const namespace = found?.clientConfig.service?.namespace ?? names.operatorNamespace;
    const deployments = await list<V1Deployment>(
      session,
      `/apis/apps/v1/namespaces/${namespace}/deployments?labelSelector=${encodeURIComponent("app.kubernetes.io/component=controller-manager")}`,
    );
    return [
      ofServer(server),
      ofKind(kind),
      ...ofOperator(onlyOperators(deployments)),
      ofWebhook(configurations, trial, Date.now()),
      ...ofTrial(trial, session.namespace, configurations),
      ofPolicies(policies),
      ...(network === undefined
        ? []
        : [await checkNetwork(session, await findCache(session, network.cache), network.networkFrom)]),
    ];
  } finally {
    session.close();
  }
}

/** Other operators share the label, and the name may be the installation's own; the variables are the program's. */
function onlyOperators(answer: Answer<readonly V1Deployment[]>): Answer<readonly V1Deployment[]> {
  if (!("value" in answer)) return answer;
  const isOurs = ({ spec }: V1Deployment) =>
    spec?.template.spec?.containers.some(({ env }) =>
      env?.some(({ name }) => name.startsWith(names.variablePrefix)),
    );
  return { value: answer.value.filter(isOurs) };
}

async function read<T>({ client }: Session, target: string): Promise<Answer<T>> {
  const { pathname, searchParams } = new URL(target, "http://server");
  try {
    return { value: await client.request<T>({ path: pathname, query: Object.fromEntries(searchParams) }) };
  } catch (error) {
    return { error };
  }
}

async function list<T>(session: Session, target: string): Promise<Answer<readonly T[]>> {
  const answer = await read<{ items: readonly T[] }>(session, target);
  return "value" in answer ? { value: answer.value.items } : answer;
}

/** Nothing is created: the API server asks the webhooks and forgets the Pod. */
async function tryPod({ client, namespace }: Session): Promise<Answer<V1Pod>> {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: "oras-check-",
      annotations: {
        [annotations["output-uri"].key]: "check/check:1",
        [annotations["output-path"].key]: "/tmp/check",
      },
    },
    spec: { restartPolicy: "Never", containers: [{ name: "main", image: "check", command: ["true"] }] },
  };
  try {
    const request = { method: "POST", path: pathOf(resources.pods, { namespace }), body: pod } as const;
    return { value: await client.request<V1Pod>({ ...request, query: { dryRun: "All" } }) };
  } catch (error) {
    return { error };
  }
}
