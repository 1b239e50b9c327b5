import { X509Certificate } from "node:crypto";
import type { V1Deployment, V1MutatingWebhookConfiguration, V1Pod } from "@kubernetes/client-node";
import packageJson from "../../../package.json" with { type: "json" };
import { names } from "../../../schema/names.ts";
import { isStatus, KubeError } from "../../kube/errors.ts";

/** What was looked at, and what was found. */
export interface Result {
  readonly about: string;
  /** `?`: it could not be seen. */
  readonly state: "ok" | "bad" | "?";
  readonly detail: string;
}

type Answer<T> = { readonly value: T } | { readonly error: unknown };

const ok = (about: string, detail: string): Result => ({ about, state: "ok", detail });
const bad = (about: string, detail: string): Result => ({ about, state: "bad", detail });

/** What a right that is missing, or any other answer of the API server, means for a check. */
function unseen(about: string, error: unknown): Result {
  if (isStatus(error, 403)) return { about, state: "?", detail: "you have no right to see it" };
  return bad(about, error instanceof KubeError ? (error.body.message ?? error.reason) : String(error));
}

/** The kind is served. */
export function ofKind(answer: Answer<unknown>): Result {
  const about = names.kind;
  if ("value" in answer) return ok(about, `${names.apiVersion} is served`);
  if (isStatus(answer.error, 404)) {
    return bad(
      about,
      `the cluster does not know the kind: install ${names.operatorName}, first its CustomResourceDefinition`,
    );
  }
  return unseen(about, answer.error);
}

/** The API server is not too old. */
export function ofServer(answer: Answer<{ minor?: string; gitVersion?: string }>): Result {
  const about = "Kubernetes";
  if (!("value" in answer)) return unseen(about, answer.error);
  const { minor = "", gitVersion = "" } = answer.value;
  const isOld = Number.parseInt(minor, 10) < names.minimumKubernetesMinor;
  return isOld
    ? bad(about, `${gitVersion}; 1.${names.minimumKubernetesMinor} is the oldest that works`)
    : ok(about, gitVersion);
}

/** The webhook that is the operator's. */
export function webhookIn(configurations: readonly V1MutatingWebhookConfiguration[]) {
  return configurations
    .flatMap(({ webhooks = [] }) => webhooks)
    .find(({ name }) => name === names.podsWebhook);
}

/** The webhook is registered, answered when a Pod was tried, and its CA is good for a while. */
export function ofWebhook(
  answer: Answer<readonly V1MutatingWebhookConfiguration[]>,
  trial: Answer<unknown>,
  now: number,
): Result {
  const about = "Webhook";
  if (!("value" in answer)) return unseen(about, answer.error);
  const webhook = webhookIn(answer.value);
  if (webhook === undefined) return bad(about, "none is registered: Pods and Jobs are not injected");
  const { caBundle } = webhook.clientConfig;
  if (!caBundle)
    return bad(
      about,
      "it has no CA yet: annotated Pods are refused. Does the operator run, or cert-manager?",
    );
  try {
    const days = Math.floor(
      (Date.parse(new X509Certificate(Buffer.from(caBundle, "base64")).validTo) - now) / 86_400_000,
    );
    if (days < 0) return bad(about, `its CA expired ${-days} days ago`);
    const good = `its CA is good for ${days} days`;
    return isWebhookAway(trial)
      ? bad(about, `registered, but the API server gets no answer from it: see Injection; ${good}`)
      : ok(about, `registered; ${good}`);
  } catch {
    return bad(about, "its CA is no certificate");
  }
}

/** Other webhooks may fail, too; the API server names the one. */
function isWebhookAway(trial: Answer<unknown>): boolean {
  if ("value" in trial || !(trial.error instanceof KubeError)) return false;
  const { message = "" } = trial.error.body;
  return message.includes("failed calling webhook") && message.includes(names.podsWebhook);
}

/** The operator runs, in the version of this program. */
export function ofOperator(answer: Answer<readonly V1Deployment[]>): Result[] {
  const about = "Operator";
  if (!("value" in answer)) return [unseen(about, answer.error)];
  const [deployment] = answer.value;
  if (deployment === undefined)
    return [bad(about, `no Deployment of it is there: install ${names.operatorName}`)];
  const { name, namespace } = deployment.metadata ?? {};
  const { readyReplicas = 0, replicas = 0 } = deployment.status ?? {};
  const detail = `${readyReplicas} of ${replicas} Pods of the Deployment ${namespace}/${name} are ready`;
  const image = deployment.spec?.template.spec?.containers[0]?.image ?? "";
  return [
    readyReplicas > 0 ? ok(about, detail) : bad(about, `${detail}; ${lookAt(deployment)}`),
    ofVersion(image),
  ];
}

/** Where the cause is. */
function lookAt({ metadata, spec }: V1Deployment): string {
  const { name, namespace } = metadata ?? {};
  return spec?.replicas === 0
    ? `start them with kubectl scale deployment --namespace ${namespace} ${name} --replicas=2`
    : `kubectl describe deployment,replicaset,pod --namespace ${namespace} says why`;
}

function ofVersion(image: string): Result {
  const about = "Version";
  const tag = /:([^:/@]+)(?:@|$)/.exec(image.slice(image.lastIndexOf("/") + 1))?.[1];
  const detail = `this program is ${packageJson.version}, the operator's image is ${image}`;
  if (tag === undefined || !/^v?\d/.test(tag)) return { about, state: "?", detail };
  return tag.replace(/^v/, "") === packageJson.version ? ok(about, detail) : bad(about, detail);
}

/**
 * A Pod that is only tried comes back injected.
 *
 * @param answer - to the trial
 * @param namespace - of the trial
 * @param configurations - among which the webhook is
 */
export function ofTrial(
  answer: Answer<V1Pod>,
  namespace: string,
  configurations: Answer<readonly V1MutatingWebhookConfiguration[]>,
): Result[] {
  const about = "Injection";
  if (isWebhookAway(answer)) {
    const { detail } = unseen(about, (answer as { readonly error: unknown }).error);
    return [
      bad(
        about,
        `${detail}: see whether the operator's Pods are ready, and whether a NetworkPolicy or a firewall keeps the API server from them`,
      ),
    ];
  }
  if (!("value" in answer)) return [unseen(about, answer.error)];
  const added = answer.value.spec?.containers.find(({ name }) => name === names.pushContainer);
  if (added === undefined) {
    const isRegistered = !("value" in configurations) || webhookIn(configurations.value) !== undefined;
    const why = isRegistered ? "does the webhook leave the namespace out?" : "no webhook is registered";
    return [bad(about, `a Pod in the namespace ${namespace} is not injected: ${why}`)];
  }
  return [
    ok(about, `a Pod that was tried in the namespace ${namespace} (dry run) is injected`),
    ok("Agent image", `${added.image}; nodes must be able to pull it`),
  ];
}

/** The policies are there and bound. */
export function ofPolicies(answer: Answer<readonly { metadata?: { name?: string } }[]>): Result {
  const about = "Policies";
  if (!("value" in answer)) return unseen(about, answer.error);
  const found = answer.value
    .map(({ metadata }) => metadata?.name ?? "")
    .filter((name) => name.startsWith("oras-"));
  if (found.length > 0) return ok(about, found.join(", "));
  return { about, state: "?", detail: "none is bound: nothing warns of annotations that have no effect" };
}
