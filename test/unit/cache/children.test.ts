import type { V1NetworkPolicy, V1StatefulSet } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { desiredChildren } from "../../../src/cache/children.ts";
import { httpSecret, httpSecretReference } from "../../../src/cache/http-secret.ts";
import { childSelector, selectorLabels } from "../../../src/cache/labels.ts";
import { identityOf } from "../../../src/cache/owner.ts";
import { service } from "../../../src/cache/service.ts";
import { statefulSet } from "../../../src/cache/stateful-set.ts";
import { childKinds } from "../../../src/controllers/child-kinds.ts";
import { permissions } from "../../../src/kube/permissions.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

const cache = storedCache();
const facts = childFacts();

test("an object that was never stored has no children", () => {
  expect(() => identityOf({ ...cache, metadata: { name: "oras" } })).toThrow("never stored");
});

describe("the list of children", () => {
  test("has Secrets, a Service and a StatefulSet, the StatefulSet last: its Pod needs the others", () => {
    expect(desiredChildren(cache, facts).map(({ kind }) => kind)).toEqual([
      "Secret",
      "Secret",
      "Service",
      "StatefulSet",
    ]);
  });

  test("is empty without a registry of the operator's", () => {
    expect(desiredChildren(storedCache({ deploy: false }), facts)).toEqual([]);
  });

  test("every child is owned, labelled for the watch, and of a kind that the controller knows", () => {
    for (const { kind = "", metadata } of desiredChildren(cache, facts)) {
      expect(metadata?.ownerReferences).toMatchObject([{ uid: "6b3f", controller: true }]);
      for (const term of childSelector.split(",")) {
        const [key = "", value = expect.any(String)] = term.split("=");
        expect(metadata?.labels?.[key]).toEqual(value);
      }
      expect(Object.keys(childKinds)).toContain(kind);
    }
  });

  test("the operator has the permissions that each kind needs, and no other", () => {
    for (const { resource, access } of Object.values(childKinds)) {
      const verbs = permissions
        .filter(({ apiGroup, scope }) => apiGroup === resource.group && scope === "cluster")
        .filter(({ resources }) => resources.includes(resource.plural))
        .flatMap((permission) => permission.verbs);
      const all = ["get", "list", "watch", "create", "patch", "delete"];
      const needed = { apply: all, claim: all.filter((verb) => verb !== "delete"), create: ["create"] };
      expect(verbs, resource.kind).toEqual(needed[access]);
    }
  });
});

describe("Service", () => {
  test("selects the registry's Pods by a label under the operator's prefix", () => {
    const selector = service(cache).spec?.selector ?? {};
    expect(selector).toEqual(statefulSet(cache, facts).spec?.selector.matchLabels);
    expect(Object.keys(selector).some((key) => key.startsWith(names.prefix))).toBe(true);
  });

  test("two caches in one namespace select different Pods", () => {
    expect(selectorLabels("one")).not.toEqual(selectorLabels("two"));
  });
});

describe("StatefulSet", () => {
  const pod = (openshift: boolean) => statefulSet(cache, childFacts({ openshift })).spec?.template.spec;

  test("meets Pod Security restricted, on Linux nodes", () => {
    const spec = pod(false);
    const container = spec?.containers[0];
    expect(spec?.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
    });
    expect(spec?.automountServiceAccountToken).toBe(false);
    expect(spec?.nodeSelector).toEqual({ "kubernetes.io/os": "linux" });
  });

  test("leaves user IDs to OpenShift", () => {
    expect(pod(false)?.securityContext?.runAsUser).toBe(names.uid);
    expect(pod(true)?.securityContext).not.toHaveProperty("runAsUser");
    expect(pod(true)?.securityContext).not.toHaveProperty("fsGroup");
  });

  test("is not configured by the environment of Services", () => {
    expect(pod(false)?.enableServiceLinks).toBe(false);
  });

  test("keeps its data on a volume", () => {
    const container = pod(false)?.containers[0];
    const root = container?.env?.find((e) => e.name.endsWith("ROOTDIRECTORY"))?.value;
    expect(container?.volumeMounts?.map((mount) => mount.mountPath)).toEqual([root]);
  });

  const templateOf = (spec: Parameters<typeof storedCache>[0]) =>
    statefulSet(storedCache(spec), facts).spec?.template;
  const containerOf = (spec: Parameters<typeof storedCache>[0]) => templateOf(spec)?.spec?.containers[0];
  const variableOf = (name: string, spec: Parameters<typeof storedCache>[0]) =>
    containerOf(spec)
      ?.env?.filter((variable) => variable.name === name)
      .map(({ value }) => value);

  test("is not BestEffort, and what the author says of a resource wins", () => {
    expect(containerOf({})?.resources).toEqual({ requests: { cpu: "10m", memory: "64Mi" } });
    expect(containerOf({ resources: { requests: { cpu: 1 } } })?.resources).toEqual({
      requests: { cpu: "1", memory: "64Mi" },
    });
    // A request larger than the limit is refused; without one the limit is the request.
    expect(containerOf({ resources: { limits: { cpu: "5m", memory: "32Mi" } } })?.resources).toEqual({
      limits: { cpu: "5m", memory: "32Mi" },
    });
  });

  test("drains, and is not killed at the moment when that ends", () => {
    expect(variableOf("REGISTRY_HTTP_DRAINTIMEOUT", { drainSeconds: 30 })).toEqual(["30s"]);
    expect(templateOf({ drainSeconds: 30 })?.spec?.terminationGracePeriodSeconds).toBe(45);
  });

  test("does not change the group of every file at each start", () => {
    expect(templateOf({})?.spec?.securityContext?.fsGroupChangePolicy).toBe("OnRootMismatch");
  });

  test("lif-12: sets no storage where variables of the author's may choose one", () => {
    const root = (spec: Parameters<typeof storedCache>[0]) =>
      variableOf("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", spec);
    expect(root({})).toEqual([names.registryDataPath]);
    expect(root({ secrets: { orasEnv: "env" } })).toEqual([]);
    expect(root({ env: [{ name: "REGISTRY_STORAGE", value: "inmemory" }] })).toEqual([]);
    expect(root({ env: [{ name: "REGISTRY_LOG_LEVEL", value: "debug" }] })).toEqual([names.registryDataPath]);
    expect(root({ secrets: { orasEnv: "env" }, storage: {} })).toEqual([names.registryDataPath]);
    const mounts = containerOf({ secrets: { orasEnv: "env" } })?.volumeMounts;
    expect(mounts?.map(({ mountPath }) => mountPath)).toEqual([names.registryDataPath]);
  });

  test("has each variable once, the author's where both set it", () => {
    const env = [{ name: "OTEL_TRACES_EXPORTER", value: "otlp" }];
    expect(variableOf("OTEL_TRACES_EXPORTER", { env })).toEqual(["otlp"]);
  });

  test("labels and annotations of the author's are beside the operator's and do not replace them", () => {
    const cache = storedCache({ podAnnotations: { a: "b" } });
    // The schema refuses such a label, but not in an object that is older than its rule.
    cache.spec.podLabels = { team: "a", "app.kubernetes.io/name": "other" };
    const { labels, annotations } = statefulSet(cache, facts).spec?.template.metadata ?? {};
    expect(labels).toMatchObject({ team: "a", "app.kubernetes.io/name": names.singular });
    expect(annotations).toMatchObject({ a: "b", "kubectl.kubernetes.io/default-container": "registry" });
  });

  test("a cache that is suspended has no replica", () => {
    const storage = { persistentVolumeClaim: { size: "1Gi", onDelete: "Retain" } } as const;
    expect(statefulSet(storedCache({ storage, suspend: true }), facts).spec?.replicas).toBe(0);
    expect(statefulSet(storedCache({ storage }), facts).spec?.replicas).toBe(1);
  });

  test("lif-14: the image is the operator's unless the spec names one", () => {
    const image = (spec: object) =>
      statefulSet(storedCache(spec), facts).spec?.template.spec?.containers[0]?.image;
    expect(image({})).toBe("registry:default");
    expect(image({ image: "registry:2" })).toBe("registry:2");
    expect(image({ image: "ghcr.io/oras-project/registry:latest" })).toBe(
      "ghcr.io/oras-project/registry:latest",
    );
  });
});

describe("a Pod that may hold artifacts in its emptyDir", () => {
  const live = (change: (set: V1StatefulSet) => void = () => {}): V1StatefulSet => {
    const set = structuredClone(statefulSet(cache, facts));
    change(set);
    return set;
  };
  const strategy = (more: Partial<typeof facts>, of = cache) =>
    statefulSet(of, childFacts({ mayHoldArtifacts: true, ...more })).spec?.updateStrategy?.type;
  const otherTemplate = (set: V1StatefulSet) => {
    if (set.spec?.template.spec) set.spec.template.spec.nodeSelector = { other: "template" };
  };

  test("is not replaced because the operator's default image changed", () => {
    expect(strategy({ statefulSet: live(), registryImage: "registry:next" })).toBe("OnDelete");
  });

  test("is not replaced because the operator makes another template, nor because somebody changed it", () => {
    expect(strategy({ statefulSet: live(otherTemplate) })).toBe("OnDelete");
  });

  test("is not replaced by an operator that finds what an older one made", () => {
    const old = live((set) => {
      otherTemplate(set);
      delete set.metadata?.annotations;
    });
    const seen = { ...cache, status: { conditions: [], observedGeneration: 2 } };
    expect(strategy({ statefulSet: old }, seen)).toBe("OnDelete");
  });

  test("is not replaced when the spec changed, either", () => {
    const next = storedCache({ image: "registry:next" }, { generation: 3 });
    expect(strategy({ statefulSet: live() }, next)).toBe("OnDelete");
  });

  test("is replaced when somebody asks for it, once", () => {
    const asks = storedCache(
      { image: "registry:next" },
      { annotations: { [names.restartAnnotation]: "now" } },
    );
    const waits = live((set) => {
      if (set.spec) set.spec.updateStrategy = { type: "OnDelete" };
    });
    expect(strategy({ statefulSet: waits }, asks)).toBe("RollingUpdate");
    const restarted = structuredClone(statefulSet(asks, childFacts({ statefulSet: waits })));
    expect(strategy({ statefulSet: restarted }, asks)).toBe("RollingUpdate");
    const later = storedCache({ image: "registry:later" }, asks.metadata);
    expect(strategy({ statefulSet: restarted }, later)).toBe("OnDelete");
  });

  test("is not restarted because the wish for a restart is taken away", () => {
    const asks = storedCache({}, { annotations: { [names.restartAnnotation]: "now" } });
    const restarted = structuredClone(statefulSet(asks, facts));
    expect(statefulSet(cache, childFacts({ statefulSet: restarted })).spec?.template).toEqual(
      restarted.spec?.template,
    );
    expect(strategy({ statefulSet: restarted })).toBe("RollingUpdate");
  });

  test("is not replaced because its storage becomes a volume", () => {
    const next = storedCache({ storage: { persistentVolumeClaim: { size: "1Gi", onDelete: "Retain" } } });
    expect(strategy({ statefulSet: live() }, next)).toBe("OnDelete");
  });

  test("an update that waits for it goes on to wait", () => {
    const waits = live((set) => {
      if (set.spec) set.spec.updateStrategy = { type: "OnDelete" };
    });
    expect(strategy({ statefulSet: waits })).toBe("OnDelete");
    expect(strategy({ statefulSet: live() })).toBe("RollingUpdate");
  });

  test("one that never ran holds nothing and is replaced", () => {
    expect(strategy({ statefulSet: live(otherTemplate), mayHoldArtifacts: false })).toBe("RollingUpdate");
  });
});

describe("HTTP secret", () => {
  const nameFor = (secrets: object, uid = "6b3f") =>
    httpSecretReference(storedCache({ secrets }, { uid })).name ?? "";

  test("is generated unless the spec gives it", () => {
    const value = (spec: object) => Object.values(httpSecret(storedCache(spec), facts)?.stringData ?? {});
    expect(value({})).toEqual(["random"]);
    expect(value({ secrets: { registryHttp: "given" } })).toEqual(["given"]);
  });

  test("is never in the StatefulSet in clear; another value is another Secret and so another Pod", () => {
    const text = (registryHttp: string) =>
      JSON.stringify(statefulSet(storedCache({ secrets: { registryHttp } }), facts));
    expect(text("s3cret")).not.toContain("s3cret");
    expect(text("one")).not.toBe(text("two"));
  });

  test("lif-05: its name cannot be somebody else's, nor that of an earlier cache of the name", () => {
    expect(
      new Set([nameFor({}), nameFor({}, "other"), nameFor({ registryHttp: "a" }), "oras-http"]).size,
    ).toBe(4);
    expect(nameFor({})).toMatch(/^oras-http-[0-9a-f]{10}$/);
  });

  test("sec-14: may be a Secret that the spec names; then none is made", () => {
    const registryHttpSecretRef = { name: "mine", key: "value" };
    const named = storedCache({ secrets: { registryHttpSecretRef } });
    const made = desiredChildren(named, facts).map(({ metadata }) => metadata?.name ?? "");
    expect(made.filter((name) => name.startsWith("oras-http"))).toEqual([]);
    const env = statefulSet(named, facts).spec?.template.spec?.containers[0]?.env;
    expect(env?.find(({ name }) => name === "REGISTRY_HTTP_SECRET")?.valueFrom?.secretKeyRef).toEqual(
      registryHttpSecretRef,
    );
  });
});

describe("the NetworkPolicy", () => {
  const policyOf = (spec: object) =>
    desiredChildren(storedCache(spec), facts).find(({ kind }) => kind === "NetworkPolicy");

  test("lets whom the spec names reach the metrics, and nobody where it names none", () => {
    const portsOf = (metricsFrom: object[]) =>
      (policyOf({ networkPolicy: { mode: "namespace", metricsFrom } }) as V1NetworkPolicy).spec?.ingress?.map(
        ({ ports }) => ports?.map(({ port }) => port),
      );
    expect(portsOf([])).toEqual([[5000], [5002]]);
    expect(portsOf([{ namespaceSelector: {} }])).toEqual([[5000], [5002], [5001]]);
  });

  test("is there where the spec asks for one", () => {
    expect(policyOf({})).toBeUndefined();
    expect(policyOf({ networkPolicy: { mode: "none" } })).toBeUndefined();
  });

  test("lets the namespace, the operator and whom the spec names reach the registry, and nobody else", () => {
    const from = [{ ipBlock: { cidr: "192.0.2.0/24" } }];
    expect(policyOf({ networkPolicy: { mode: "namespace", from } })).toMatchObject({
      metadata: { name: "oras" },
      spec: {
        podSelector: { matchLabels: selectorLabels("oras") },
        policyTypes: ["Ingress"],
        ingress: [
          {
            from: [
              { podSelector: {} },
              {
                namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "operators" } },
                podSelector: { matchLabels: { "app.kubernetes.io/name": "oras-operator" } },
              },
              ...from,
            ],
            ports: [{ port: 5000, protocol: "TCP" }],
          },
          { from: [{ podSelector: {} }, expect.any(Object)], ports: [{ port: 5002, protocol: "TCP" }] },
        ],
      },
    });
  });
});

// The operator's own webhook would take it for a step's.
test("no annotation of a registry's Pod stands under the prefix of steps", () => {
  const asks = storedCache(
    { podAnnotations: { a: "b" } },
    { annotations: { [names.restartAnnotation]: "now" } },
  );
  const { metadata } = statefulSet(asks, facts).spec?.template ?? {};
  expect(Object.values(metadata?.annotations ?? {})).toContain("now");
  expect(Object.keys(metadata?.annotations ?? {}).filter((key) => key.startsWith(names.prefix))).toEqual([]);
});
