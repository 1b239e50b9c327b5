import type { V1Pod } from "@kubernetes/client-node";
import fc from "fast-check";
import { applyPatch } from "rfc6902";
import { beforeAll, describe, expect, it, inject as provided } from "vitest";
import { annotations } from "../../src/annotations/table.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { KubeError } from "../../src/kube/errors.ts";
import { adminClient } from "../support/installation.ts";
import { minor, since } from "../support/kubernetes-version.ts";
import { admit, createRequest, pod, stepAnnotations, withoutAmounts } from "../support/pods.ts";
import { until } from "../support/wait.ts";

const namespaces = {
  default: "default",
  restricted: "injection-restricted",
  quota: "injection-quota",
} as const;

let client: KubeClient;

beforeAll(async () => {
  client = await adminClient({ kubeconfig: provided("kubeconfig") });
  const create = (path: string, body: object) =>
    client.request({ method: "POST", path, body }).catch((error: unknown) => {
      if (!(error instanceof KubeError && error.status === 409)) throw error;
    });
  await create("/api/v1/namespaces", {
    metadata: { name: namespaces.restricted, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
  });
  await create("/api/v1/namespaces", { metadata: { name: namespaces.quota } });
  const hard = { "limits.cpu": "1k", "limits.memory": "1Ti", "requests.cpu": "1k", "requests.memory": "1Ti" };
  await create(`/api/v1/namespaces/${namespaces.quota}/resourcequotas`, {
    metadata: { name: "all" },
    spec: { hard },
  });
  for (const namespace of Object.values(namespaces)) {
    // No controllers run here, which otherwise make it.
    await create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: "default" } });
  }
  await until(async () => (await refusal(namespaces.default, plain())) === undefined, "Pods to be accepted");
});

/** What the API server says against a Pod, in a dry run; undefined when it accepts it. */
async function refusal(namespace: string, object: V1Pod): Promise<string | undefined> {
  try {
    await client.request({
      method: "POST",
      path: `/api/v1/namespaces/${namespace}/pods`,
      query: { dryRun: "All" },
      body: object,
    });
    return undefined;
  } catch (error) {
    if (error instanceof KubeError && [403, 422].includes(error.status)) return error.message;
    throw error;
  }
}

const plain = (spec: object = {}, container: object = {}): V1Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "plain" },
  spec: { containers: [{ name: "main", image: "busybox", command: ["true"], ...container }], ...spec },
});

function injected(object: V1Pod, map: Record<string, string>, namespace: string): V1Pod {
  const annotated = { ...object, metadata: { ...object.metadata, annotations: map } };
  const verdict = admit(createRequest(annotated, namespace), { kubernetesMinor: minor });
  if (verdict.kind === "denied") throw new Error(verdict.message);
  const copy = structuredClone(annotated);
  applyPatch(copy, structuredClone([...(verdict.patch ?? [])]));
  return copy;
}

describe("what the API server accepts is still accepted after injection", () => {
  it("with 300 generated Pods", async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(pod, stepAnnotations.map(withoutAmounts), async (object, map) => {
        if ((await refusal(namespaces.default, object)) !== undefined) return;
        accepted++;
        expect(await refusal(namespaces.default, injected(object, map, namespaces.default))).toBeUndefined();
      }),
      { numRuns: 300, interruptAfterTimeLimit: 100_000, markInterruptAsFailure: true },
    );
    // Most of what is generated is valid, or the test would say nothing; older versions lack some of the fields.
    expect(accepted).toBeGreaterThan(minor >= since.mutatingPolicies ? 200 : 50);
  });

  const output = { [annotations["output-uri"].key]: "a/b:c", [annotations["output-path"].key]: "/tmp/x" };
  const strict = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    runAsNonRoot: true,
    seccompProfile: { type: "RuntimeDefault" },
  };
  const limits = { cpu: "100m", memory: "64Mi" };

  const whole = plain({ resources: { limits, requests: limits } });
  it.each<[string, string, V1Pod]>([
    ["Pod Security restricted", namespaces.restricted, plain({}, { securityContext: strict })],
    ["a quota of requests and limits", namespaces.quota, plain({}, { resources: { limits } })],
    ...(minor >= since.podResources
      ? [["Pod-level resources", namespaces.quota, whole] satisfies [string, string, V1Pod]]
      : []),
    ["a Pod-level runAsUser 0", namespaces.default, plain({ securityContext: { runAsUser: 0 } })],
  ])("under %s", async (_, namespace, object) => {
    expect(await refusal(namespace, object)).toBeUndefined();
    expect(await refusal(namespace, injected(object, output, namespace))).toBeUndefined();
  });
});
