import { names } from "../../schema/names.ts";
import { renew } from "../../src/certificates/renew.ts";
import { podOf } from "./builders.ts";
import { kubectl } from "./kubectl.ts";
import { mounts, server } from "./servers.ts";
import { until } from "./wait.ts";
import type { Workspace } from "./workspace.ts";

/** The label of Pods that the webhook is called for, and its values: before the operator's, or after it. */
export const prepending = { label: "prepend", before: "before", after: "after" } as const;

/** Puts a container before those of a Pod that has no such container yet. */
const program = `
const { readFileSync } = require("node:fs");
const { text } = require("node:stream/consumers");
const tls = { key: readFileSync("/tls/tls.key"), cert: readFileSync("/tls/tls.crt") };
require("node:https").createServer(tls, async (request, response) => {
  const { apiVersion, kind, request: { uid, object } } = JSON.parse(await text(request));
  const value = { name: "prepended", image: "busybox:1.36", command: ["echo", "prepended"] };
  const patch = object.spec.containers.some(({ name }) => name === value.name)
    ? []
    : [{ op: "add", path: "/spec/containers/0", value }];
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({
    apiVersion,
    kind,
    response: { uid, allowed: true, patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(patch)).toString("base64") },
  }));
}).listen(8443);
process.on("SIGTERM", () => process.exit());
`;

/**
 * Starts somebody else's mutating webhook, which prepends a container to the Pods of a namespace that bear the label.
 *
 * @param ws - where
 * @returns a function that removes what is not in the namespace
 */
export async function startPrepending(ws: Workspace): Promise<() => Promise<string>> {
  const name = "prepending";
  const host = `${name}.${ws.namespace}.svc`;
  const { certificate, key, cas } = await renew("everything", undefined, [host], new Date());
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "server" },
    stringData: { "tls.crt": certificate, "tls.key": key },
  };
  const container = {
    image: names.operatorImage,
    command: ["/usr/local/bin/node", "-e", program],
    ...mounts("tls"),
  };
  await ws.apply({ apiVersion: "v1", kind: "List", items: [secret, ...server(name, 8443, container)] });
  await ws.kubectl("wait", `pod/${name}`, "--for=condition=Ready", "--timeout=120s");

  // The API server calls webhooks in the order of their configurations' names.
  const configuration = (first: string, value: string) => ({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: { name: `${first}-${ws.namespace}` },
    webhooks: [
      {
        name: `${value}.prepending.example.com`,
        admissionReviewVersions: ["v1"],
        clientConfig: {
          service: { name, namespace: ws.namespace },
          caBundle: Buffer.from(cas.join("\n")).toString("base64"),
        },
        rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": ws.namespace } },
        objectSelector: { matchLabels: { [prepending.label]: value } },
        reinvocationPolicy: "IfNeeded",
        sideEffects: "None",
      },
    ],
  });
  const all = [configuration("aaa", prepending.before), configuration("zzz", prepending.after)];
  await kubectl(["create", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: all }));
  // A Service leads nowhere for a moment after its Pod has become ready, and the API server hears later of configurations.
  const probe = ["create", "--namespace", ws.namespace, "--dry-run=server", "-o", "json", "-f", "-"];
  for (const value of [prepending.before, prepending.after]) {
    const pod = podOf("probe", {}, "true");
    const labelled = { ...pod, metadata: { ...pod.metadata, labels: { [prepending.label]: value } } };
    const isCalled = async () => (await kubectl(probe, JSON.stringify(labelled))).includes('"prepended"');
    await until(isCalled, "the API server to reach the webhook");
  }
  const called = all.map(({ metadata }) => metadata.name);
  return () => kubectl(["delete", "mutatingwebhookconfigurations", ...called]);
}
