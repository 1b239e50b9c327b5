import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import type { V1ClusterRole, V1Pod, V1Secret, V1SubjectAccessReview } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { names } from "../../schema/names.ts";
import type { WebhookConfiguration } from "../../src/certificates/configuration.ts";
import { fromSecret, renew, toSecret } from "../../src/certificates/renew.ts";
import { webhookHosts } from "../../src/certificates/secret.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { isStatus } from "../../src/kube/errors.ts";
import { get, patchMerge, remove, replace } from "../../src/kube/objects.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { keyed } from "../support/builders.ts";
import {
  type ControlPlane,
  kubeconfigFor,
  operatorUser,
  startControlPlane,
} from "../support/control-plane.ts";
import { adminClient, installOperator } from "../support/installation.ts";
import { metric, type Operator, ready, startOperator } from "../support/operator.ts";
import { startProxy } from "../support/proxy.ts";
import { until } from "../support/wait.ts";
import { injecting, installWebhooks, webhookConfiguration } from "../support/webhooks.ts";

let plane: ControlPlane;
let client: KubeClient;
let first: Operator;
let second: Operator;

beforeAll(async () => {
  plane = await startControlPlane();
  client = await adminClient(plane);
  await installOperator(client);
  // Both at once, without a Secret: they must agree on one certificate.
  [first, second] = await Promise.all([
    startOperator(plane.operatorKubeconfig),
    startOperator(plane.operatorKubeconfig),
  ]);
  await installWebhooks(client, first.webhookPort);
  await Promise.all([ready(first, client), ready(second, client)]);
  await until(async () => (await bundles()).every(Boolean), "the CA bundle in the configuration");
  await injecting(client);
});

afterAll(async () => {
  await Promise.all([first?.stop(), second?.stop()]);
  client?.close();
  await plane?.stop();
});

const place = { namespace: names.operatorNamespace, name: names.webhookSecret };
const configurationPlace = { name: names.webhookConfiguration };
const secret = () => get<V1Secret & object>(client, resources.secrets, place);

async function bundles(): Promise<(string | undefined)[]> {
  const configuration = await get<WebhookConfiguration>(
    client,
    resources.mutatingWebhookConfigurations,
    configurationPlace,
  );
  return configuration?.webhooks?.map((webhook) => webhook.clientConfig?.caBundle) ?? [];
}

/** The certificate that new connections to a replica are shown. */
function shown(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
    resolve(socket.getPeerX509Certificate()?.toString().trim() ?? "");
    socket.destroy();
  });
  socket.once("error", reject);
  return promise;
}

const pod = (annotations: Record<string, string>): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { generateName: "step-", namespace: "default", annotations },
  spec: { containers: [{ name: "main", image: "busybox", command: ["true"] }] },
});
const submit = (object: object) =>
  client.request<V1Pod>({
    method: "POST",
    path: "/api/v1/namespaces/default/pods",
    query: { dryRun: "All" },
    body: object,
  });
const output = keyed({ "output-uri": "dinosaur/hello:latest" });

describe("called by the API server", () => {
  test("an annotated Pod is injected, any other is not looked at", async () => {
    const injected = await submit(pod(output));
    expect(injected.spec?.containers.map((container) => container.name)).toContain(names.pushContainer);
    const before = await metric(first, "oras_operator_admissions_total");
    expect((await submit(pod({}))).spec?.containers).toHaveLength(1);
    expect(await metric(first, "oras_operator_admissions_total")).toBe(before);
    expect(await metric(first, "controller_runtime_webhook_requests_total")).toBeGreaterThan(0);
  });

  test("a refusal reaches the author word for word", async () => {
    const error = await submit(pod(keyed({ "output-url": "x" }))).catch((e: unknown) => e);
    expect(isStatus(error, 422)).toBe(true);
    expect((error as Error).message).toContain("did you mean");
  });

  test("sec-09: what is too large is refused in words that reach the author", async () => {
    // The API server writes each of these with six characters for the webhook.
    const filled = (characters: number) => ({
      ...pod(output),
      spec: {
        containers: [{ name: "main", image: "busybox", command: ["true"], args: ["<".repeat(characters)] }],
      },
    });
    expect((await submit(filled(450_000))).spec?.containers).toHaveLength(2);
    const large = await submit(filled(800_000)).catch((error: unknown) => error);
    expect(isStatus(large, 413), String(large)).toBe(true);
    expect((large as Error).message).toContain("takes objects of 3 MiB of JSON; this Pod is larger");
    const larger = await submit(filled(2_000_000)).catch((error: unknown) => error);
    expect((larger as Error).message).toContain("takes objects of 3 MiB of JSON, and changes of 6 MiB");
  });

  test("with debug every setting is logged", async () => {
    const { metadata } = await submit(pod({ ...output, ...keyed({ debug: "true" }) }));
    const told = await until(
      () => first.log.find((line) => JSON.stringify(line["settings"])?.includes("dinosaur/hello")),
      "the log",
    );
    expect(told["requestId"]).toBe(metadata?.annotations?.[names.requestAnnotation]);
  });
});

describe("certificates", () => {
  test("two replicas serve the same one, and its CA is with every webhook", async () => {
    const stored = fromSecret((await secret())?.data);
    expect(await shown(first.webhookPort)).toBe(stored?.certificate.trim());
    expect(await shown(second.webhookPort)).toBe(stored?.certificate.trim());
    const bundle = Buffer.from(`${stored?.cas.join("\n")}\n`).toString("base64");
    expect(await bundles()).toEqual([bundle, bundle]);
  });

  test("the CA bundle is put back when the configuration is applied anew", async () => {
    const live = await get<WebhookConfiguration>(
      client,
      resources.mutatingWebhookConfigurations,
      configurationPlace,
    );
    const fresh = { ...(await webhookConfiguration(first.webhookPort)), metadata: live?.metadata };
    await replace(client, resources.mutatingWebhookConfigurations, fresh as never);
    await until(async () => (await bundles()).every(Boolean), "the CA bundle");
    await injecting(client);
  });

  test("one that is due is replaced, and every replica changes to it without a restart", async () => {
    const now = new Date();
    const old = fromSecret((await secret())?.data);
    // Two thirds of 90 days ago.
    const aged = await renew(
      "everything",
      undefined,
      webhookHosts(names.operatorNamespace),
      new Date(now.getTime() - 61 * 86_400_000),
    );
    await patchMerge(client, resources.secrets, place, { data: toSecret(aged) });
    const renewed = await until(async () => {
      const found = fromSecret((await secret())?.data);
      return found?.certificate !== aged.certificate && found?.certificate !== old?.certificate && found;
    }, "a new certificate");
    // The same CA signed it: the API server knows it already.
    expect(renewed ? renewed.cas : []).toEqual(aged.cas.map((pem) => pem.trim()));
    const certificate = renewed ? renewed.certificate.trim() : "";
    for (const { webhookPort } of [first, second]) {
      await until(async () => (await shown(webhookPort)) === certificate, "the replica to serve it");
    }
    await injecting(client);
    expect(await metric(first, "certwatcher_read_certificate_total")).toBeGreaterThan(1);
  });

  test("a Secret that is deleted, or holds nothing of use, is made anew", async () => {
    for (const spoil of [
      () => remove(client, resources.secrets, { metadata: place }),
      () =>
        patchMerge(client, resources.secrets, place, {
          data: { "tls.crt": Buffer.from("no").toString("base64") },
        }),
      // lif-20
      () => patchMerge(client, resources.secrets, place, { data: { "ca.key": null } }),
      () => patchMerge(client, resources.secrets, place, { data: { "tls.key": "", "ca.crt": "" } }),
    ]) {
      const before = await shown(first.webhookPort);
      await spoil();
      await until(async () => (await shown(first.webhookPort)) !== before, "another certificate");
      const certificate = await shown(first.webhookPort);
      await until(async () => (await shown(second.webhookPort)) === certificate, "both replicas to agree");
      await injecting(client);
    }
  });

  test("from files: taken as they are, and again when they change; a broken pair is passed over", async () => {
    const directory = await mkdtemp(join(tmpdir(), "oras-operator-certificate-"));
    const issue = () => renew("everything", undefined, webhookHosts("elsewhere"), new Date());
    const write = async (pair: { certificate: string; key: string }) => {
      await writeFile(join(directory, "tls.crt"), pair.certificate);
      await writeFile(join(directory, "tls.key"), pair.key);
    };
    const [one, two] = [await issue(), await issue()];
    await write(one);
    const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: "elsewhere" } };
    await client.request({ method: "POST", path: "/api/v1/namespaces", body });
    const operator = await startOperator(
      plane.kubeconfig,
      "--certificate-directory",
      directory,
      "--leader-elect",
      "false",
      "--namespace",
      "elsewhere",
    );
    try {
      await ready(operator, client);
      expect(await shown(operator.webhookPort)).toBe(one.certificate.trim());
      await write({ certificate: two.certificate, key: one.key });
      await until(() => operator.said("certificate error, retrying"), "a complaint");
      expect(await shown(operator.webhookPort)).toBe(one.certificate.trim());
      await write(two);
      await until(async () => (await shown(operator.webhookPort)) === two.certificate.trim(), "the new one");
      expect((await bundles()).includes(undefined)).toBe(false);
    } finally {
      await operator.stop();
      await rm(directory, { recursive: true });
    }
  });
});

describe("lif-21: the webhook configuration", () => {
  const configurationPath = pathOf(resources.mutatingWebhookConfigurations, configurationPlace);
  const configured = (operator: Operator) => metric(operator, "oras_operator_webhook_configuration_present");
  const readiness = async ({ healthUrl }: Operator) => {
    const response = await fetch(`${healthUrl}/readyz`);
    return [response.status, await response.text()];
  };
  const notReady = [503, expect.stringContaining(names.webhookConfiguration)];
  const mayPatch = async () => {
    const { group, plural } = resources.mutatingWebhookConfigurations;
    const resourceAttributes = { group, resource: plural, name: names.webhookConfiguration, verb: "patch" };
    const review = await client.request<V1SubjectAccessReview>({
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
      body: { spec: { user: operatorUser, resourceAttributes } },
    });
    return review.status?.allowed;
  };
  const lastComplaint = (operator: Operator) =>
    operator.log.findLast(({ message }) => message.startsWith("webhook configuration is missing"));

  test("is missed by every replica when it is deleted, and found again when it is back", async () => {
    const removed = await client.request<WebhookConfiguration>({ path: configurationPath });
    for (const operator of [first, second]) await expect.poll(() => configured(operator)).toBe(1);
    await client.request({ method: "DELETE", path: configurationPath });
    for (const operator of [first, second]) {
      await expect.poll(() => readiness(operator)).toEqual(notReady);
      expect(await configured(operator)).toBe(0);
      await expect
        .poll(() => lastComplaint(operator))
        .toMatchObject({ level: "error", missing: [names.podsWebhook, names.jobsWebhook] });
    }
    // Nobody makes it again but who installs the operator.
    expect(await bundles()).toEqual([]);
    const { name, annotations: kept } = (removed.metadata ?? {}) as { name?: string; annotations?: object };
    const fresh = (await webhookConfiguration(first.webhookPort)) as object;
    await client.request({
      method: "POST",
      path: pathOf(resources.mutatingWebhookConfigurations),
      body: { ...fresh, metadata: { name, ...(kept && { annotations: kept }) } },
    });
    for (const operator of [first, second]) {
      await expect.poll(() => readiness(operator)).toEqual([200, "ok"]);
      expect(await configured(operator)).toBe(1);
    }
    await injecting(client);
  });

  test("is missed in part when one of its webhooks is gone", async () => {
    const whole = await webhookConfiguration(first.webhookPort);
    const change = async (webhooks: object[]) => {
      const live = await client.request<WebhookConfiguration>({ path: configurationPath });
      await replace(client, resources.mutatingWebhookConfigurations, { ...live, webhooks } as never);
    };
    await change(whole.webhooks.slice(1));
    await expect.poll(() => readiness(second)).toEqual(notReady);
    await expect.poll(() => lastComplaint(second)).toMatchObject({ missing: [names.podsWebhook] });
    // The one that is left goes on.
    await until(async () => (await bundles()).every(Boolean), "the CA bundle");
    await change(whole.webhooks);
    await expect.poll(() => readiness(second)).toEqual([200, "ok"]);
    await injecting(client);
  });

  test("has to have the CA of a replica before that is ready", async () => {
    const role = { path: `/apis/rbac.authorization.k8s.io/v1/clusterroles/${operatorUser}` };
    const { metadata, rules } = await client.request<V1ClusterRole>(role);
    const without = rules?.map((rule) =>
      rule.resources?.includes(resources.mutatingWebhookConfigurations.plural)
        ? { ...rule, verbs: ["list", "watch"] }
        : rule,
    );
    const give = (body: object) => client.request({ ...role, method: "PUT", body });
    const name = { name: metadata?.name };
    await give({ metadata: name, rules: without });
    await until(async () => !(await mayPatch()), "the right to be gone");
    const live = await client.request<WebhookConfiguration>({ path: configurationPath });
    const bare = live.webhooks?.map(({ clientConfig, ...webhook }) => ({
      ...webhook,
      clientConfig: { ...clientConfig, caBundle: undefined },
    }));
    await replace(client, resources.mutatingWebhookConfigurations, { ...live, webhooks: bare } as never);
    const third = await startOperator(plane.operatorKubeconfig);
    try {
      const waits = `waiting for: its CA in the MutatingWebhookConfiguration ${names.webhookConfiguration}`;
      await expect.poll(() => readiness(third)).toEqual([503, waits]);
      await give({ metadata: name, rules });
      await expect.poll(() => readiness(third)).toEqual([200, "ok"]);
    } finally {
      await third.stop();
    }
    await injecting(client);
  });

  test("gets the CA bundle and nothing else from the operator, by server-side apply", async () => {
    const applied = async () => {
      const live = await client.request<WebhookConfiguration>({ path: configurationPath });
      return live.metadata?.managedFields?.filter(({ operation }) => operation === "Apply");
    };
    const webhook = { ".": {}, "f:name": {}, "f:clientConfig": { "f:caBundle": {} } };
    // The replica that writes last may have seen the configuration of before: it corrects that when it sees the one of now.
    await expect.poll(applied).toMatchObject([
      {
        manager: names.fieldManager,
        fieldsV1: {
          "f:webhooks": {
            [`k:{"name":"${names.podsWebhook}"}`]: webhook,
            [`k:{"name":"${names.jobsWebhook}"}`]: webhook,
          },
        },
      },
    ]);
  });
});

describe("the process", () => {
  test("what is no review is refused with 400", async () => {
    for (const body of ["", "{", "null", "[]", "{}", '{"apiVersion":"v1","kind":"Pod"}']) {
      expect((await post(first.webhookPort, body)).code).toBe(400);
    }
  });

  test("it tells that it is alive and ready, and what it waits for", async () => {
    expect(await (await fetch(`${first.healthUrl}/healthz`)).text()).toBe("ok");
    expect(await (await fetch(`${first.healthUrl}/readyz`)).text()).toBe("ok");
    expect((await fetch(`${first.healthUrl}/elsewhere`)).status).toBe(404);
  });

  test("it waits for an API server that is not there yet, and can be stopped while it does", async () => {
    const proxy = await startProxy(plane.server);
    const directory = await mkdtemp(join(tmpdir(), "oras-operator-kubeconfig-"));
    const kubeconfig = join(directory, "kubeconfig");
    const server = new URL(`https://127.0.0.1:${proxy.port}`);
    await writeFile(kubeconfig, kubeconfigFor(server, plane.ca, plane.token));
    proxy.cut();
    const [patient, stopped] = await Promise.all([startOperator(kubeconfig), startOperator(kubeconfig)]);
    try {
      for (const operator of [patient, stopped]) {
        await until(() => operator.said("API server does not answer, retrying"), "a complaint");
      }
      const waiting = await fetch(`${patient.healthUrl}/readyz`);
      expect([waiting.status, await waiting.text()]).toEqual([
        503,
        expect.stringContaining("the API server"),
      ]);
      expect((await fetch(`${patient.healthUrl}/healthz`)).status).toBe(200);
      expect(await stopped.stop()).toBe(0);
      proxy.restore();
      await ready(patient, client);
    } finally {
      await patient.stop();
      proxy.close();
      await rm(directory, { recursive: true });
    }
  });

  test("one replica leads; when it stops, no review fails and the other leads", async () => {
    expect([first, second].filter((replica) => replica.said("became leader"))).toHaveLength(1);
    const [leader, other] = first.said("became leader") ? [first, second] : [second, first];
    const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, maxSockets: 1 });
    const body = JSON.stringify({
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      request: {
        uid: "1",
        kind: { group: "", version: "v1", kind: "Pod" },
        operation: "CREATE",
        namespace: "default",
        object: pod(output),
      },
    });
    const ended = leader.stop();
    const codes: number[] = [];
    let error: NodeJS.ErrnoException | undefined;
    while (!error) {
      await post(leader.webhookPort, body, agent).then(
        ({ code }) => codes.push(code),
        (e: NodeJS.ErrnoException) => {
          error = e;
        },
      );
    }
    // The end is a connection that is not made: by then the Service leads to other replicas only.
    expect(["ECONNREFUSED", "ECONNRESET"]).toContain(error.code);
    expect(new Set(codes)).toEqual(new Set([200]));
    expect(await ended).toBe(0);
    await until(() => other.said("became leader"), "the other to lead");
  });
});

function post(port: number, body: string, agent?: Agent): Promise<{ code: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; body: string }>();
  const sent = request(
    {
      port,
      host: "127.0.0.1",
      method: "POST",
      path: names.webhookPath,
      rejectUnauthorized: false,
      ...(agent && { agent }),
      headers: { "content-type": "application/json" },
    },
    (response) => {
      text(response).then((content) => resolve({ code: response.statusCode ?? 0, body: content }), reject);
    },
  );
  sent.on("error", reject);
  sent.end(body);
  return promise;
}
