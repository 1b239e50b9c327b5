import type { V1Secret } from "@kubernetes/client-node";
import { expect, onTestFinished, test } from "vitest";
import { names } from "../../schema/names.ts";
import type { CertificateData } from "../../src/certificates/plan.ts";
import { fromSecret, renew, toSecret } from "../../src/certificates/renew.ts";
import { webhookHosts } from "../../src/certificates/secret.ts";
import { create, get, type KubeObject, patchMerge } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { podOf } from "../support/builders.ts";
import { asksNobody, ready, startOperator } from "../support/operator.ts";
import { until } from "../support/wait.ts";
import { installWebhooks } from "../support/webhooks.ts";
import { apiServer } from "./installed.ts";

const rounds = 10;
const submitters = 8;
const place = { namespace: names.operatorNamespace, name: names.webhookSecret };
const hosts = webhookHosts(names.operatorNamespace);
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

test(`a new CA, and the webhook's certificate replaced ${rounds} times, while ${submitters} clients create Pods`, async () => {
  const { plane, client } = await apiServer();
  // A CA that is due, and a certificate that it signed.
  const old = await renew(
    "server",
    await renew("everything", undefined, hosts, daysAgo(3_000)),
    hosts,
    daysAgo(1),
  );
  const [oldCa = ""] = old.cas;
  await create(client, resources.secrets, {
    metadata: { ...place, labels: { "app.kubernetes.io/managed-by": names.operatorName } },
    type: "kubernetes.io/tls",
    data: toSecret(old),
  } as KubeObject);
  const operator = await startOperator(plane.operatorKubeconfig, ...asksNobody);
  onTestFinished(async () => {
    await operator.stop();
  });
  await installWebhooks(client, operator.webhookPort);
  await ready(operator, client);
  const stored = async () =>
    fromSecret((await get<V1Secret & KubeObject>(client, resources.secrets, place))?.data);
  const withNewCa = await until(async () => {
    const data = await stored();
    return data?.cas.length === 2 && data;
  }, "the new CA beside the old one");
  expect(withNewCa.certificate.trim()).toBe(old.certificate.trim());
  expect(withNewCa.cas[1]).toBe(oldCa.trim());

  let [admitted, isOver] = [0, false];
  const refused: unknown[] = [];
  const submit = async () => {
    const map = { "output-uri": "a/b:c", "output-path": "out" };
    while (!isOver) {
      try {
        const made = await client.request<{ spec: { containers: object[] } }>({
          method: "POST",
          path: "/api/v1/namespaces/default/pods",
          query: { dryRun: "All" },
          body: podOf("any", map),
        });
        if (made.spec.containers.length > 1) admitted++;
        else refused.push("it was not injected");
      } catch (error) {
        refused.push(error);
      }
    }
  };
  const rotate = async () => {
    for (let round = 0; round < rounds; round++) {
      const before = (await stored()) as CertificateData;
      // Two thirds of its life are over. The first of them leaves the old CA.
      const { certificate, key } = await renew("server", round === 0 ? old : before, hosts, daysAgo(61));
      const signed = { ...before, certificate, key };
      await patchMerge(client, resources.secrets, place, { data: toSecret(signed) });
      const next = await until(async () => {
        const data = await stored();
        return (
          data &&
          ![signed, before].some(({ certificate }) => certificate.trim() === data.certificate.trim()) &&
          data
        );
      }, "another certificate");
      expect(next.cas).toEqual(before.cas);
      const now = admitted;
      await until(() => admitted > now + submitters, "Pods to be admitted with it");
    }
    isOver = true;
  };
  await Promise.all([rotate(), ...Array.from({ length: submitters }, submit)]);
  console.info({ rotations: rounds, newCas: 1, admitted, refused: refused.length });
  expect(refused).toEqual([]);
  expect(admitted).toBeGreaterThan(rounds * submitters);
});
