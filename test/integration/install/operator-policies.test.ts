import type { V1NetworkPolicy, V1Secret, V1Service, V1StatefulSet } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { buildConfig } from "../../../scripts/build-config.ts";
import { httpSecretReference } from "../../../src/cache/http-secret.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { get, type KubeObject } from "../../../src/kube/objects.ts";
import { apiVersionOf, pathOf, type Resource, resources } from "../../../src/kube/resources.ts";
import { cacheOf } from "../../support/builders.ts";
import { type ControlPlane, startControlPlane } from "../../support/control-plane.ts";
import { adminClient, serviceAccountKubeconfig } from "../../support/installation.ts";
import { yamlOf } from "../../support/manifests.ts";
import { type Operator, ready, startOperator } from "../../support/operator.ts";
import { kubectl } from "../../support/programs.ts";
import { refusalBy } from "../../support/refusals.ts";
import { until } from "../../support/wait.ts";

const namespace = "default";
let plane: ControlPlane;
let admin: KubeClient;
/** The operator's ServiceAccount, with every right that RBAC can give: what refuses it is a policy. */
let stolen: KubeClient;
let operator: Operator;

beforeAll(async () => {
  plane = await startControlPlane();
  const objects = await buildConfig({ overlay: "default" });
  const text = yamlOf(objects);
  await kubectl(plane.kubeconfig, ["apply", "--server-side", "-f", "-"], text);
  admin = await adminClient(plane);
  const kubeconfig = await serviceAccountKubeconfig(plane, admin);
  operator = await startOperator(kubeconfig);
  await ready(operator, admin);
  stolen = await adminClient({ kubeconfig });
  await createCache("real");
}, 900_000);

afterAll(async () => {
  await operator?.stop();
  stolen?.close();
  admin?.close();
  await plane?.stop();
});

const read = <T>(resource: Resource, name: string, where: string | undefined = namespace) =>
  get<T & KubeObject>(admin, resource, { namespace: where, name }) as Promise<T | undefined>;
function createCache(name: string): Promise<unknown> {
  const body = cacheOf(name);
  return admin.request({ method: "POST", path: pathOf(resources.orasCaches, { namespace }), body });
}
const setNamed = (name: string) => read<V1StatefulSet>(resources.statefulSets, name);

function patch(client: KubeClient, resource: Resource, name: string, change: object, dryRun = false) {
  const place = resource.namespaced ? { namespace, name } : { name };
  return client.request<KubeObject>({
    method: "PATCH",
    path: pathOf(resource, place),
    contentType: "application/merge-patch+json",
    query: { fieldManager: "somebody", ...(dryRun && { dryRun: "All" }) },
    body: change,
  });
}

describe("what the operator makes passes the policies", () => {
  const condition = async (type: string) =>
    (await read<StoredOrasCache>(resources.orasCaches, "real"))?.status?.conditions?.find(
      (c) => c.type === type,
    );
  const settled = () =>
    until(async () => {
      const cache = await read<StoredOrasCache>(resources.orasCaches, "real");
      return cache?.status?.observedGeneration === cache?.metadata?.generation;
    }, "a status of the latest spec");
  const nobodyRefused = () => {
    const refusals = operator.log.filter((line) =>
      JSON.stringify(line).includes("ValidatingAdmissionPolicy"),
    );
    expect(refusals).toEqual([]);
  };

  test("its Lease, its certificate, its webhooks' CA, and a cache's children and status", async () => {
    await until(() => setNamed("real"), "the StatefulSet");
    await settled();
    expect(await read(resources.leases, names.lease, names.operatorNamespace)).toBeDefined();
    expect(await read(resources.secrets, names.webhookSecret, names.operatorNamespace)).toBeDefined();
    expect((await condition("Degraded"))?.status).toBe("False");
    const bundle = async () =>
      (
        await read<{ webhooks: { clientConfig: { caBundle?: string } }[] }>(
          resources.mutatingWebhookConfigurations,
          names.webhookConfiguration,
          undefined,
        )
      )?.webhooks.every(({ clientConfig }) => clientConfig.caBundle);
    await until(bundle, "the CA");
    nobodyRefused();
  });

  test("another image, orasEnv and back", async () => {
    await patch(admin, resources.orasCaches, "real", {
      spec: { image: "example.com/registry:2", secrets: { orasEnv: "env" } },
    });
    await until(
      async () =>
        (await setNamed("real"))?.spec?.template.spec?.containers[0]?.image === "example.com/registry:2",
      "the image",
    );
    await patch(admin, resources.orasCaches, "real", { spec: { secrets: { orasEnv: null } } });
    await until(
      async () =>
        !JSON.stringify((await setNamed("real"))?.spec?.template.spec?.initContainers ?? []).includes(
          "--environment=",
        ),
      "nothing that looks at variables",
    );
    nobodyRefused();
  });

  test("a password of the registry, and none again", async () => {
    const template = async () => (await setNamed("real"))?.spec?.template.spec;
    await patch(admin, resources.orasCaches, "real", { spec: { auth: { type: "htpasswd" } } });
    await until(async () => (await template())?.initContainers?.length === 1, "the init container");
    await patch(admin, resources.orasCaches, "real", { spec: { auth: { type: "none" } } });
    await until(async () => !(await template())?.initContainers?.length, "an open registry");
    nobodyRefused();
  });

  test("a NetworkPolicy, another one, and none again", async () => {
    const found = () => read<V1NetworkPolicy>(resources.networkPolicies, "real");
    const set = (networkPolicy: object) =>
      patch(admin, resources.orasCaches, "real", { spec: { networkPolicy } });
    await set({ mode: "namespace" });
    await until(found, "the NetworkPolicy");
    await set({ mode: "namespace", from: [{ ipBlock: { cidr: "192.0.2.0/24" } }] });
    const named = async () => JSON.stringify((await found())?.spec).includes("192.0.2.0/24");
    await until(named, "whom it names");
    // Whom it names may stay.
    await set({ mode: "none" });
    await until(async () => (await found()) === undefined, "its end");
    nobodyRefused();
  });

  test("the login of a mirror, and none again", async () => {
    const volumes = async () => (await setNamed("real"))?.spec?.template.spec?.volumes ?? [];
    const isMounted = async () => (await volumes()).some(({ name }) => name === names.mirrorVolume);
    const mirrorTo = { registry: "registry.example", secretRef: { name: "any" } };
    await patch(admin, resources.orasCaches, "real", { spec: { mirrorTo } });
    await until(isMounted, "the Secret");
    await patch(admin, resources.orasCaches, "real", { spec: { mirrorTo: null } });
    await until(async () => !(await isMounted()), "its end");
    nobodyRefused();
  });

  test("several Pods in S3, and one again", async () => {
    const body = cacheOf("several", {
      replicas: 2,
      storage: {
        s3: {
          ...{ endpoint: "https://s3.example.com", bucket: "artifacts", secretRef: { name: "login" } },
          caSecretRef: { name: "ca" },
        },
      },
    });
    await admin.request({ method: "POST", path: pathOf(resources.orasCaches, { namespace }), body });
    const budget = () => read(resources.podDisruptionBudgets, "several");
    await until(budget, "the PodDisruptionBudget");
    await until(() => setNamed("several"), "the StatefulSet");
    expect(await read(resources.services, "several-registry")).toBeDefined();
    await patch(admin, resources.orasCaches, "several", { spec: { replicas: 1 } });
    await until(async () => (await budget()) === undefined, "its end");
    const held = async () =>
      (await read<KubeObject>(resources.orasCaches, "several"))?.metadata?.finalizers?.length === 1;
    for (const onDelete of ["Delete", "Retain"]) {
      await patch(admin, resources.orasCaches, "several", { spec: { storage: { s3: { onDelete } } } });
      await until(async () => (await held()) === (onDelete === "Delete"), `the finalizer with ${onDelete}`);
    }
    nobodyRefused();
  });

  test("a restart, Pods' fields and a volume", async () => {
    await createCache("placed");
    await until(() => setNamed("placed"), "the StatefulSet");
    await patch(admin, resources.orasCaches, "placed", {
      metadata: { annotations: { [names.restartAnnotation]: "now" } },
      spec: {
        storage: { persistentVolumeClaim: { size: "1Gi", onDelete: "Delete" } },
        ...{ serviceAccountName: "mine", priorityClassName: "high", imagePullSecrets: [{ name: "pull" }] },
        ...{ tolerations: [{ operator: "Exists" }], nodeSelector: { disk: "ssd" }, podLabels: { team: "a" } },
        ...{ affinity: { podAntiAffinity: {} }, podAnnotations: { "sidecar.istio.io/inject": "false" } },
        topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" }],
        env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "a", key: "b" } } }],
      },
    });
    await until(async () => {
      const template = (await setNamed("placed"))?.spec?.template;
      return (
        template?.metadata?.annotations?.[names.podRestartAnnotation] === "now" &&
        template.metadata.labels?.["team"]
      );
    }, "the template");
    await until(() => read(resources.persistentVolumeClaims, "placed-data"), "the claim");
    nobodyRefused();
  });

  // Each of these the operator may not write itself; but it must be able to take it away.
  const variable = { name: "X", valueFrom: { secretKeyRef: { name: "x", key: "x" } } };
  test.each<[string, string, object]>([
    [
      "privileged",
      "a container",
      { containers: [{ name: "x", image: "x", securityContext: { privileged: true } }] },
    ],
    ["volume", "the node's filesystem", { volumes: [{ name: "node", hostPath: { path: "/" } }] }],
    ["variable", "a Secret", { containers: [{ name: names.registryContainer, env: [variable] }] }],
    ["network", "the node's network", { hostNetwork: true }],
    ["command", "a command", { containers: [{ name: names.registryContainer, command: ["sh"] }] }],
  ])("%s: taking away %s that somebody put in, with another image", async (name, _, spec) => {
    await createCache(name);
    const before = await until(() => setNamed(name), "the StatefulSet");
    await admin.request({
      method: "PATCH",
      path: pathOf(resources.statefulSets, { namespace, name }),
      contentType: "application/strategic-merge-patch+json",
      query: { fieldManager: "kubectl-edit" },
      body: { spec: { template: { spec } } },
    });
    await patch(admin, resources.orasCaches, name, { spec: { image: "example.com/registry:2" } });
    const found = (set: V1StatefulSet | undefined) => {
      const { containers, volumes, hostNetwork } = set?.spec?.template.spec ?? {};
      const [{ image: _image, ports: _ports, ...registry } = {}, ...others] = containers ?? [];
      return JSON.stringify([registry, others, volumes, hostNetwork]);
    };
    await until(async () => found(await setNamed(name)) === found(before), "it to be as it was", 30_000);
    nobodyRefused();
  });

  // A platform's policies change StatefulSets too; the API server tells the operator's policies what came of it.
  test("a cluster that hardens and schedules what was there already", async () => {
    await createCache("hardened");
    await until(() => setNamed("hardened"), "the StatefulSet");
    const spec = {
      priorityClassName: "theirs",
      tolerations: [{ operator: "Exists" }],
      containers: [
        { name: names.registryContainer, securityContext: { seccompProfile: { type: "RuntimeDefault" } } },
      ],
    };
    const metadata = {
      annotations: { "example.com/x": "y" },
      labels: { "example.com/x": "y" },
      finalizers: ["example.com/x"],
    };
    const where = pathOf(resources.statefulSets, { namespace, name: "hardened" });
    const change = async (body: object) => {
      const contentType = "application/strategic-merge-patch+json";
      await admin.request({
        method: "PATCH",
        path: where,
        contentType,
        query: { fieldManager: "platform" },
        body,
      });
    };
    await change({
      metadata,
      spec: { template: { metadata: { annotations: metadata.annotations, labels: metadata.labels }, spec } },
    });
    await patch(admin, resources.orasCaches, "hardened", { spec: { image: "example.com/registry:2" } });
    await until(
      async () => {
        const { containers, priorityClassName } = (await setNamed("hardened"))?.spec?.template.spec ?? {};
        return containers?.[0]?.image === "example.com/registry:2" && priorityClassName === undefined;
      },
      "it to be as the spec says",
      30_000,
    );
    nobodyRefused();
    await change({ metadata: { finalizers: null } });
  });

  test("deleting the children of a cache that deploys none", async () => {
    await createCache("gone");
    await until(() => setNamed("gone"), "the StatefulSet");
    await patch(admin, resources.orasCaches, "gone", { spec: { deploy: false, registry: "ghcr.io" } });
    await until(async () => (await setNamed("gone")) === undefined, "its end");
    nobodyRefused();
  });
});

/** What is forbidden, where it is put, and what. */
type Change = [what: string, path: string, value: unknown];

/** A copy with something else at a path: a last `-` appends, undefined removes. */
function changed<T extends KubeObject>(object: T | undefined, path: string, value: unknown): T {
  const copy = structuredClone(object) as T;
  delete copy.metadata?.managedFields;
  const steps = path.split(".");
  const last = steps.pop() ?? "";
  const parent = steps.reduce<Record<string, unknown>>(
    (at, step) => at[step] as Record<string, unknown>,
    copy as Record<string, unknown>,
  );
  if (last === "-") (parent as unknown as unknown[]).push(value);
  else if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

/** What the operator made, as whoever holds its token would make it for a cache that does not exist. */
function forged<T extends KubeObject>(object: T | undefined, name: string): T {
  const { labels, ownerReferences = [] } = object?.metadata ?? {};
  const owners = ownerReferences.map((owner) => ({ ...owner, name: "forged" }));
  const metadata = { name, namespace, labels, ownerReferences: owners };
  return changed({ ...(object as T), metadata } as T, "status", undefined);
}

/** As the operator names them: see httpSecretReference. */
const httpName = "forged-http-0123456789";
const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };

describe("sec-10: whoever holds the operator's token", () => {
  let registry: V1StatefulSet;
  let service: V1Service;
  let http: V1Secret;

  beforeAll(async () => {
    await until(() => setNamed("real"), "the StatefulSet");
    // Labels and the names of its Service and its Secrets name the cache.
    const made = forged(await setNamed("real"), "forged");
    const renamed = JSON.stringify(made)
      .replaceAll('"real"', '"forged"')
      .replaceAll("real-key-", "forged-key-")
      .replaceAll(`"real${names.exportSecretSuffix}"`, `"forged${names.exportSecretSuffix}"`);
    registry = JSON.parse(renamed) as V1StatefulSet;
    const real = await read<V1Service>(resources.services, "real");
    service = changed(forged(real, "forged"), "spec.selector", { [names.cacheLabel]: "forged" });
    const cache = await read<StoredOrasCache>(resources.orasCaches, "real");
    const { name = "" } = httpSecretReference(cache as StoredOrasCache);
    http = forged(await read<V1Secret>(resources.secrets, name), httpName);
    await admin.request({
      method: "POST",
      path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
      body: {
        metadata: { name: "stolen" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
        subjects: [
          { kind: "ServiceAccount", name: names.serviceAccount, namespace: names.operatorNamespace },
        ],
      },
    });
    await until(() => stolen.request({ path: "/api/v1/namespaces/kube-system/secrets" }), "its rights");
  });

  function create(
    resource: Resource,
    object: object,
    where: string | undefined = namespace,
  ): Promise<unknown> {
    const path = pathOf(resource, resource.namespaced ? { namespace: where } : {});
    const body = { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
    return stolen.request({ method: "POST", path, query: { dryRun: "All" }, body });
  }
  const refused = (write: Promise<unknown>) => refusalBy(/^oras-operator-[a-z-]+-only$/, write);

  /** What is put where in the Pod's template: a last `-` appends, undefined removes. */
  const podCases: Change[] = [
    ["a privileged container", "containers.0.securityContext", { privileged: true }],
    ["privilege escalation", "containers.0.securityContext.allowPrivilegeEscalation", true],
    ["no security context", "containers.0.securityContext", undefined],
    ["a capability", "containers.0.securityContext.capabilities.add", ["NET_RAW"]],
    ["root", "containers.0.securityContext.runAsUser", 0],
    ["root in the Pod", "securityContext.runAsUser", 0],
    ["any user in the Pod", "securityContext.runAsNonRoot", undefined],
    ["unconfined seccomp", "securityContext.seccompProfile", { type: "Unconfined" }],
    [
      "unconfined seccomp of the container",
      "containers.0.securityContext.seccompProfile",
      { type: "Unconfined" },
    ],
    ["unconfined AppArmor", "securityContext.appArmorProfile", { type: "Unconfined" }],
    ["a sysctl", "securityContext.sysctls", [{ name: "kernel.shm_rmid_forced", value: "0" }]],
    ["SELinux options", "containers.0.securityContext.seLinuxOptions", { type: "spc_t" }],
    ["the node's filesystem", "volumes.-", { name: "node", hostPath: { path: "/" } }],
    [
      "a projected token",
      "volumes.-",
      { name: "t", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
    ],
    ["a Secret as a volume", "volumes.-", { name: "s", secret: { secretName: "somebodys" } }],
    ["an ephemeral volume", "volumes.-", { name: "e", ephemeral: { volumeClaimTemplate: { spec: claim } } }],
    ["somebody's claim", "volumes.-", { name: "c", persistentVolumeClaim: { claimName: "somebodys" } }],
    ["a CSI volume", "volumes.-", { name: "c", csi: { driver: "secrets-store.csi.k8s.io" } }],
    ["the node's network", "hostNetwork", true],
    ["the node's processes", "hostPID", true],
    ["the node's IPC", "hostIPC", true],
    ["shared processes", "shareProcessNamespace", true],
    ["a token", "automountServiceAccountToken", true],
    ["the default token", "automountServiceAccountToken", undefined],
    ["a node", "nodeName", "control-plane"],
    ["an init container", "initContainers", [{ name: "init", image: "x" }]],
    ["a keeper with privileges", "initContainers", [{ name: names.keeperInitContainer, image: "x" }]],
    ["a keeper as a container", "containers.-", { name: names.keeperInitContainer, image: "x" }],
    ["privileges of the keeper", "containers.1.securityContext", { privileged: true }],
    ["a hook of the keeper", "containers.1.lifecycle", { postStart: { exec: { command: ["sh"] } } }],
    ["a port of the node for the keeper", "containers.1.ports.0.hostPort", 5001],
    [
      "a Secret that is not the registry's environment",
      "volumes.-",
      { name: names.registryEnvironmentVolume, secret: { secretName: "somebodys" } },
    ],
    ["another cache's key", "volumes.-", { name: "k", secret: { secretName: "other-key-0123456789" } }],
    ["a second container", "containers.-", { name: "second", image: "x" }],
    ["a command", "containers.0.command", ["sh", "-c", "sleep 600"]],
    ["arguments", "containers.0.args", ["x"]],
    ["a hook", "containers.0.lifecycle", { postStart: { exec: { command: ["sh"] } } }],
    ["a probe that executes", "containers.0.livenessProbe", { exec: { command: ["sh"] } }],
    ["a probe of another host", "containers.0.livenessProbe.httpGet.host", "169.254.169.254"],
    ["a port of the node", "containers.0.ports.0.hostPort", 5000],
    [
      "two Secrets as environment",
      "containers.0.envFrom",
      [{ secretRef: { name: "a" } }, { secretRef: { name: "b" } }],
    ],
    ["a ConfigMap as environment", "containers.0.envFrom", [{ configMapRef: { name: "a" } }]],
    ["Windows nodes", "nodeSelector", { "kubernetes.io/os": "windows" }],
    ["a runtime class", "runtimeClassName", "kata"],
    ["another scheduler", "schedulerName", "theirs"],
    ["other hosts", "hostAliases", [{ ip: "192.0.2.1", hostnames: ["x"] }]],
    ["another host name", "hostname", "x"],
    ["the node's DNS", "dnsPolicy", "Default"],
    ["other DNS servers", "dnsConfig", { nameservers: ["192.0.2.1"] }],
    ["a scheduling gate", "schedulingGates", [{ name: "example.com/x" }]],
    ["a terminal", "containers.0.tty", true],
    ["a working directory", "containers.0.workingDir", "/"],
    [
      "unconfined AppArmor of the container",
      "containers.0.securityContext.appArmorProfile",
      { type: "Unconfined" },
    ],
    ["root of the container", "containers.0.securityContext.runAsNonRoot", false],
  ];

  const annotationCases = [
    [`${names.prefix}input-uri`, "a/b:c"],
    ["container.apparmor.security.beta.kubernetes.io/registry", "unconfined"],
    ["kubectl.kubernetes.io/default-container", "other"],
  ] as const;
  /** What is put where in the spec of the StatefulSet. */
  const setCases: Change[] = [
    ["a hundred thousand replicas", "replicas", 100_000],
    ["a finalizer of its Pods", "template.metadata.finalizers", ["example.com/x"]],
    ["a label of cluster DNS", "template.metadata.labels.k8s-app", "kube-dns"],
    ...annotationCases.map(
      ([key, value]): Change => [`the annotation ${key}`, "template.metadata.annotations", { [key]: value }],
    ),
  ];
  /** Of any object that the operator writes. */
  const metadataCases: Change[] = [
    ["a finalizer", "finalizers", ["example.com/x"]],
    [
      "an owner that is gone",
      "ownerReferences.-",
      { apiVersion: "v1", kind: "ConfigMap", name: "gone", uid: "11111111-1111-1111-1111-111111111111" },
    ],
    [
      "an order to another controller",
      "annotations",
      { "external-dns.alpha.kubernetes.io/hostname": "corp.example" },
    ],
  ];

  test("may still run a registry for a cache that does not exist: docs/security.md says so", async () => {
    await create(resources.statefulSets, registry);
  });

  /** Fields of an OrasCache that a policy cannot compare with it. */
  const free: Change[] = [
    ["a priority", "spec.priorityClassName", "high"],
    ["tolerations", "spec.tolerations", [{ operator: "Exists" }]],
    ["a ServiceAccount without its token", "spec.serviceAccountName", "powerful"],
    ["credentials of images", "spec.imagePullSecrets", [{ name: "somebodys" }]],
    [
      "a variable from a Secret",
      "spec.containers.0.env.-",
      { name: "A", valueFrom: { secretKeyRef: { name: "a", key: "b" } } },
    ],
    ["a label", "metadata.labels.app", "theirs"],
    [
      "a claim",
      "spec.volumes.0",
      { name: names.registryDataVolume, persistentVolumeClaim: { claimName: "somebodys" } },
    ],
  ];

  test.each(free)("may give a registry %s: docs/security.md says so", async (_, path, value) => {
    await create(resources.statefulSets, changed(registry, `spec.template.${path}`, value));
  });

  describe("a claim", () => {
    const metadata = {
      name: "forged-data",
      namespace,
      labels: { [names.cacheLabel]: "forged" },
      ownerReferences: [
        {
          apiVersion: names.apiVersion,
          kind: names.kind,
          name: "forged",
          uid: "11111111-1111-1111-1111-111111111111",
        },
      ],
    };
    const made = { metadata, spec: claim } as KubeObject & { spec: typeof claim };
    const cases: Change[] = [
      ["another name", "metadata.name", "somebodys"],
      ["no label", "metadata.labels", {}],
      ["a finalizer", "metadata.finalizers", ["example.com/x"]],
      ["an annotation", "metadata.annotations", { "volume.kubernetes.io/selected-node": "control-plane" }],
      [
        "another owner",
        "metadata.ownerReferences",
        [{ apiVersion: "v1", kind: "ConfigMap", name: "gone", uid: "11111111-1111-1111-1111-111111111111" }],
      ],
      ["somebody's volume", "spec.volumeName", "pv"],
      ["somebody's data", "spec.dataSource", { kind: "PersistentVolumeClaim", name: "somebodys" }],
      ["a selection of volumes", "spec.selector", { matchLabels: { a: "b" } }],
      [
        "a block device of a snapshot",
        "spec.dataSourceRef",
        { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "x" },
      ],
    ];

    test("of a registry may be made", async () => {
      await create(resources.persistentVolumeClaims, made);
    });

    test.each(cases)("with %s cannot be made", async (_, path, value) => {
      await refused(create(resources.persistentVolumeClaims, changed(made, path, value)));
    });

    test("of a registry may become larger and get an owner, and that is all; nobody else's is touched", async () => {
      const resource = resources.persistentVolumeClaims;
      const post = (name: string, labels: object) =>
        admin.request({
          method: "POST",
          path: pathOf(resource, { namespace }),
          body: { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name, labels }, spec: claim },
        });
      await post("kept-data", { [names.cacheLabel]: "kept" });
      await post("somebodys", {});
      const bound = {
        status: { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] },
      };
      await admin.request({
        method: "PATCH",
        path: pathOf(resource, { namespace, name: "kept-data", subresource: "status" }),
        contentType: "application/merge-patch+json",
        body: bound,
      });
      const owner = { apiVersion: names.apiVersion, kind: names.kind, name: "kept", uid: "u" };
      await patch(stolen, resource, "kept-data", { metadata: { ownerReferences: [owner] } }, true);
      await refused(
        patch(stolen, resource, "kept-data", { metadata: { labels: { [names.cacheLabel]: "other" } } }, true),
      );
      await refused(patch(stolen, resource, "kept-data", { metadata: { finalizers: ["a/b"] } }, true));
      await refused(patch(stolen, resource, "kept-data", { spec: { volumeName: "pv" } }, true));
      await refused(
        patch(
          stolen,
          resource,
          "somebodys",
          { metadata: { labels: { [names.cacheLabel]: "somebodys" } } },
          true,
        ),
      );
      for (const name of ["kept-data", "somebodys"]) {
        const path = pathOf(resource, { namespace, name });
        await refused(stolen.request({ method: "DELETE", path, query: { dryRun: "All" }, body: {} }));
      }
    });
  });

  test.each(podCases)("cannot create a StatefulSet with %s, nor add it to one", async (_, path, value) => {
    const at = `spec.template.spec.${path}`;
    await refused(create(resources.statefulSets, changed(registry, at, value)));
    const body = changed(await setNamed("real"), at, value);
    const where = pathOf(resources.statefulSets, { namespace, name: "real" });
    await refused(stolen.request({ method: "PUT", path: where, query: { dryRun: "All" }, body }));
  });

  test.each(setCases)("cannot create a StatefulSet with %s, nor change one so", async (_, path, value) => {
    await refused(create(resources.statefulSets, changed(registry, `spec.${path}`, value)));
    const body = changed(await setNamed("real"), `spec.${path}`, value);
    const where = pathOf(resources.statefulSets, { namespace, name: "real" });
    await refused(stolen.request({ method: "PUT", path: where, query: { dryRun: "All" }, body }));
  });

  test.each(metadataCases)("cannot write an object with %s", async (_, path, value) => {
    await refused(create(resources.statefulSets, changed(registry, `metadata.${path}`, value)));
    await refused(create(resources.services, changed(service, `metadata.${path}`, value)));
    await refused(create(resources.secrets, changed(http, `metadata.${path}`, value)));
    for (const resource of [resources.statefulSets, resources.services]) {
      const body = changed(await read<KubeObject>(resource, "real"), `metadata.${path}`, value);
      const where = pathOf(resource, { namespace, name: "real" });
      await refused(stolen.request({ method: "PUT", path: where, query: { dryRun: "All" }, body }));
    }
  });

  test("cannot change an OrasCache, but for its status and the operator's finalizer", async () => {
    const real = (change: object) => patch(stolen, resources.orasCaches, "real", change, true);
    await refused(real({ spec: { image: "registry:other" } }));
    await refused(real({ metadata: { finalizers: ["example.com/other"] } }));
    await refused(real({ metadata: { annotations: { other: "value" } } }));
    await real({ metadata: { finalizers: [names.emptyFinalizer] } });
  });

  test("cannot make Pods that Services of others select", async () => {
    const [selector, labels] = ["spec.selector.matchLabels", "spec.template.metadata.labels"];
    for (const theirs of [
      { "k8s-app": "kube-dns" },
      { "app.kubernetes.io/name": names.operatorName },
      { [names.cacheLabel]: "real" },
    ]) {
      await refused(
        create(resources.statefulSets, changed(changed(registry, selector, theirs), labels, theirs)),
      );
    }
  });

  test("cannot make registries or their Secrets in its own namespace", async () => {
    const here = <T extends KubeObject>(object: T) =>
      changed(object, "metadata.namespace", names.operatorNamespace);
    expect(await refused(create(resources.statefulSets, here(registry), names.operatorNamespace))).toContain(
      "create the OrasCache in another",
    );
    await refused(create(resources.services, here(service), names.operatorNamespace));
    await refused(create(resources.secrets, here(http), names.operatorNamespace));
  });

  test("cannot give a registry another Secret for an export than that of its name", async () => {
    const volumes = registry.spec?.template.spec?.volumes ?? [];
    const others = volumes.filter(({ name }) => name !== names.exportVolume);
    const theirs = { name: names.exportVolume, secret: { secretName: "somebodys" } };
    await refused(
      create(resources.statefulSets, changed(registry, "spec.template.spec.volumes", [...others, theirs])),
    );
  });

  test("cannot change an OrasCache, but for its own finalizer and the status", async () => {
    const resource = resources.orasCaches;
    const write = (change: object) => patch(stolen, resource, "real", change, true);
    await write({ metadata: { finalizers: [names.exportFinalizer] } });
    for (const change of [
      { spec: { drainSeconds: 7 } },
      { metadata: { finalizers: ["example.com/other"] } },
      { metadata: { annotations: { [names.exportAnnotation]: "oci://ghcr.io" } } },
      { metadata: { labels: { a: "b" } } },
    ])
      expect(await refused(write(change))).toContain("the status and the finalizer");
    await refused(create(resource, { metadata: { name: "another" }, spec: {} }));
    const path = pathOf(resource, { namespace, name: "real" });
    await refused(stolen.request({ method: "DELETE", path, query: { dryRun: "All" }, body: {} }));
  });

  test("is told which fields and which policy to look at", async () => {
    const other = changed(registry, "spec.template.spec.runtimeClassName", "kata");
    expect(await refused(create(resources.statefulSets, other))).toContain(
      "but not runtimeClassName. If a mutating policy",
    );
    const privileged = changed(registry, "spec.template.spec.containers.0.securityContext.capabilities.add", [
      "NET_RAW",
    ]);
    expect(await refused(create(resources.statefulSets, privileged))).toContain("it drops ALL and adds none");
  });

  const profiles = ["RuntimeDefault", "Localhost"].map((type) => ({
    type,
    ...(type === "Localhost" && { localhostProfile: "x" }),
  }));
  test.each(
    ["securityContext", "containers.0.securityContext"].flatMap((at) =>
      ["seccompProfile", "appArmorProfile"].flatMap((field) =>
        profiles.map(
          (profile): Change => [
            `${at}.${field} ${profile.type}`,
            `spec.template.spec.${at}.${field}`,
            profile,
          ],
        ),
      ),
    ),
  )("a policy of the cluster may set %s", async (_, path, value) => {
    await create(resources.statefulSets, changed(registry, path, value));
  });

  const owner = "metadata.ownerReferences.0";
  test.each<Change>([
    ["another Service", "spec.serviceName", "theirs"],
    ["no owner", "metadata.ownerReferences", undefined],
    ["an owner of another kind", `${owner}.kind`, "Deployment"],
    ["an owner of another group", `${owner}.apiVersion`, "example.com/v1"],
    ["an owner of another name", `${owner}.name`, "other"],
    ["an owner that does not control it", `${owner}.controller`, false],
    ["a template of claims", "spec.volumeClaimTemplates", [{ metadata: { name: "x" }, spec: claim }]],
  ])("cannot create a StatefulSet with %s", async (_, path, value) => {
    await refused(create(resources.statefulSets, changed(registry, path, value)));
  });

  test.each([resources.statefulSets, resources.services])(
    "cannot touch somebody's $kind",
    async (resource) => {
      const theirs = structuredClone(resource === resources.services ? service : registry) as KubeObject;
      theirs.metadata = { name: "theirs", namespace };
      const path = pathOf(resource, { namespace });
      await admin.request({ method: "POST", path, body: theirs }).catch(() => {});
      const owner = {
        ownerReferences: [
          { apiVersion: names.apiVersion, kind: names.kind, name: "theirs", uid: "1", controller: true },
        ],
      };
      for (const metadata of [
        { labels: { a: "b" } },
        owner,
        { ...owner, labels: { [names.cacheLabel]: "theirs" } },
      ]) {
        await refused(patch(stolen, resource, "theirs", { metadata }, true));
      }
      await refused(stolen.request({ method: "DELETE", path: `${path}/theirs`, query: { dryRun: "All" } }));
      await refused(stolen.request({ method: "DELETE", path, query: { dryRun: "All" } }));
    },
  );

  const selector = { [names.cacheLabel]: "forged" };
  test.each<Change>([
    ["an address of the cluster", "spec", { selector, ports: [{ port: 5000 }] }],
    ["an external address", "spec.externalIPs", ["192.0.2.1"]],
    ["a load balancer", "spec", { type: "LoadBalancer", selector, ports: [{ port: 5000 }] }],
    ["another name", "spec", { type: "ExternalName", externalName: "evil.example", selector }],
    ["somebody's Pods", "spec.selector", { app: "theirs" }],
    ["no selector", "spec.selector", undefined],
  ])("cannot create a Service with %s", async (_, path, value) => {
    await create(resources.services, service);
    await refused(create(resources.services, changed(service, path, value)));
  });

  test.each<Change>([
    ["for all Pods", "spec.podSelector", {}],
    ["for somebody's Pods", "spec.podSelector", { matchLabels: { app: "theirs" } }],
    ["that cuts Pods off", "spec.policyTypes", ["Ingress", "Egress"]],
    ["without an owner", "metadata.ownerReferences", undefined],
  ])("cannot create a NetworkPolicy %s", async (_, path, value) => {
    const { apiVersion, kind, metadata } = service;
    const spec = { podSelector: { matchLabels: { [names.cacheLabel]: "forged" } }, policyTypes: ["Ingress"] };
    const closed = { apiVersion, kind, metadata, spec } as KubeObject;
    await create(resources.networkPolicies, closed);
    await refused(create(resources.networkPolicies, changed(closed, path, value)));
  });

  test.each<Change>([
    ["for somebody's Pods", "spec.selector", { matchLabels: { app: "theirs" } }],
    ["for all Pods", "spec.selector", {}],
    ["by which none may end", "spec", { selector: { matchLabels: selector }, maxUnavailable: 0 }],
    ["that wants more than there are", "spec", { selector: { matchLabels: selector }, minAvailable: 9 }],
    ["without an owner", "metadata.ownerReferences", undefined],
  ])("cannot create a PodDisruptionBudget %s", async (_, path, value) => {
    const { apiVersion, kind, metadata } = service;
    const spec = { selector: { matchLabels: selector }, maxUnavailable: 1 };
    const budget = { apiVersion, kind, metadata, spec } as KubeObject;
    await create(resources.podDisruptionBudgets, budget);
    await refused(create(resources.podDisruptionBudgets, changed(budget, path, value)));
  });

  test("can create the second Service of a cache, with an address, and none of another one", async () => {
    const second = changed(service, "metadata.name", "forged-registry");
    const ready = changed(second, "spec", { selector, ports: [{ port: 5000 }] });
    await create(resources.services, ready);
    await refused(create(resources.services, changed(ready, "metadata.name", "other-registry")));
    await refused(create(resources.services, changed(ready, "spec.type", "NodePort")));
  });

  test.each<Change>([
    ["under another name", "metadata.name", "forged"],
    ["with something else", "data", { "ca.crt": "a", other: "b" }],
    ["with bytes", "binaryData", { other: "YQ==" }],
    ["without an owner", "metadata.ownerReferences", undefined],
  ])("cannot create a ConfigMap %s", async (_, path, value) => {
    const { apiVersion, metadata } = service;
    const ca = { apiVersion, kind: "ConfigMap", metadata: { ...metadata, name: "forged-ca" } };
    const published = { ...ca, data: { "ca.crt": "a", "of-secret.crt": "b" } } as KubeObject;
    await create(resources.configMaps, published);
    await refused(create(resources.configMaps, changed(published, path, value)));
  });

  const account = (name: string) => ({ annotations: { "kubernetes.io/service-account.name": name } });
  test.each<[string, object, string?]>([
    [
      "for any ServiceAccount",
      {
        type: "kubernetes.io/service-account-token",
        metadata: { name: "token", ...account("clusterrole-aggregation-controller") },
      },
      "kube-system",
    ],
    [
      "for a ServiceAccount, in a cache's name",
      {
        type: "kubernetes.io/service-account-token",
        metadata: { ...account("default"), name: httpName },
      },
    ],
    ["without an owner", { metadata: { name: httpName } }],
    [
      "for nodes that join",
      { type: "bootstrap.kubernetes.io/token", metadata: { name: "bootstrap-token-abcdef" } },
      "kube-system",
    ],
    [
      "like its certificate, elsewhere",
      {
        type: "kubernetes.io/tls",
        metadata: { name: names.webhookSecret },
        data: { "tls.crt": "", "tls.key": "" },
      },
    ],
    ["of its own namespace, of another name", { metadata: { name: "somebodys" } }, names.operatorNamespace],
    ["like a cache's key, with more in it", { named: "forged-key-0123456789", data: { key: "", more: "" } }],
    [
      "like a cache's login, of another type",
      { named: "forged-credentials-0123456789", data: { username: "" } },
    ],
    ["like the key of the caches, elsewhere", { metadata: { name: names.cacheKeySecret } }],
  ])("cannot create a Secret %s", async (_, { named, ...change }: { named?: string }, where) => {
    await create(resources.secrets, http);
    const secret = { ...http, ...change };
    const metadata = { ...secret.metadata, ...(named && { name: named }), namespace: where ?? namespace };
    await refused(create(resources.secrets, { ...secret, metadata }, where));
  });

  test("cannot change the key of the caches, or delete it", async () => {
    const place = { namespace: names.operatorNamespace, name: names.cacheKeySecret };
    const key = await get<V1Secret & KubeObject>(admin, resources.secrets, place);
    const path = pathOf(resources.secrets, place);
    const body = changed(key, "metadata.labels", { a: "b" });
    await refused(stolen.request({ method: "PUT", path, query: { dryRun: "All" }, body }));
    await refused(stolen.request({ method: "DELETE", path, query: { dryRun: "All" } }));
  });

  test("cannot change or read somebody's Secret by patching it", async () => {
    const path = pathOf(resources.secrets, { namespace });
    await admin.request({
      method: "POST",
      path,
      body: { metadata: { name: "somebodys" }, stringData: { key: "rs-somebodys-secret" } },
    });
    const owner = {
      ownerReferences: [
        { apiVersion: names.apiVersion, kind: names.kind, name: "somebodys", uid: "1", controller: true },
      ],
    };
    for (const change of [
      { metadata: { labels: { a: "b" } } },
      { metadata: owner },
      { stringData: { key: "x" } },
    ]) {
      expect(await refused(patch(stolen, resources.secrets, "somebodys", change, true))).not.toContain(
        "rs-somebodys",
      );
    }
    await refused(stolen.request({ method: "DELETE", path: `${path}/somebodys`, query: { dryRun: "All" } }));
  });

  const everything = { apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*"] };
  const evil = {
    name: "evil.example.com",
    rules: [everything],
    clientConfig: { url: "https://attacker.example/x" },
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
  };
  test.each<Change>([
    ["a webhook for everything", "webhooks.-", evil],
    ["rules for everything", "webhooks.0.rules", [everything]],
    ["another address", "webhooks.0.clientConfig", evil.clientConfig],
    ["another Service", "webhooks.0.clientConfig.service.namespace", "attackers"],
    ["another failure policy", "webhooks.0.failurePolicy", "Ignore"],
    ["no conditions", "webhooks.0.matchConditions", []],
    ["another namespace selector", "webhooks.0.namespaceSelector", {}],
    ["another timeout", "webhooks.0.timeoutSeconds", 30],
    ["one webhook less", "webhooks.1", undefined],
  ])("cannot give its webhook configuration %s", async (_, path, value) => {
    const resource = resources.mutatingWebhookConfigurations;
    const live = await read(resource, names.webhookConfiguration, undefined);
    const { webhooks } = changed(live as { webhooks: object[] } & KubeObject, path, value);
    const change = { webhooks: webhooks.filter((webhook) => webhook !== undefined) };
    await refused(patch(stolen, resource, names.webhookConfiguration, change, true));
  });

  test.each(metadataCases)(
    "cannot give its webhook configuration, Lease or certificate %s",
    async (_, path, value) => {
      const field = path.replace(".-", "");
      const change = { metadata: { [field]: path === field ? value : [value] } };
      const configurations = resources.mutatingWebhookConfigurations;
      await refused(patch(stolen, configurations, names.webhookConfiguration, change, true));
      if (field === "annotations") return;
      for (const [resource, name] of [
        [resources.leases, names.lease],
        [resources.secrets, names.webhookSecret],
      ] as const) {
        const write = {
          method: "PATCH",
          path: pathOf(resource, { namespace: names.operatorNamespace, name }),
          contentType: "application/merge-patch+json",
          query: { dryRun: "All" },
          body: change,
        } as const;
        await refused(stolen.request(write));
      }
    },
  );

  test("cannot label its webhook configuration", async () => {
    const change = { metadata: { labels: { x: "y" } } };
    await refused(
      patch(stolen, resources.mutatingWebhookConfigurations, names.webhookConfiguration, change, true),
    );
  });

  const event = {
    metadata: { name: "real.0123456789abcdef" },
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingController: names.group,
    reportingInstance: "x",
    type: "Normal",
    reason: "Created",
    action: "Create",
    note: "Created.",
    regarding: { apiVersion: names.apiVersion, kind: names.kind, name: "real", namespace },
  };
  test.each<Change>([
    ["of another component", "reportingController", "kubelet"],
    ["about a node", "regarding", { apiVersion: "v1", kind: "Node", name: "real" }],
    ["about an object elsewhere", "regarding.namespace", "kube-system"],
    ["about another object than it is named after", "regarding.name", "other"],
    [
      "with an owner",
      "metadata.ownerReferences",
      [{ apiVersion: "v1", kind: "ConfigMap", name: "gone", uid: "1" }],
    ],
    ["with a finalizer", "metadata.finalizers", ["example.com/x"]],
  ])("cannot write an Event %s", async (_, path, value) => {
    await create(resources.events, event);
    await refused(create(resources.events, changed(event, path, value)));
  });

  test.each<[string, string, unknown]>([
    ["of another name", "metadata.name", "forged-http-config"],
    ["of a name with a digest in the middle", "metadata.name", "forged-http-x-http-0123456789"],
    ["with other keys", "data", { password: "" }],
    ["that can be changed", "immutable", false],
  ])("cannot create an HTTP secret %s", async (_, path, value) => {
    await refused(create(resources.secrets, changed(http, path, value)));
  });

  test("cannot make or delete a webhook configuration", async () => {
    const resource = resources.mutatingWebhookConfigurations;
    await refused(create(resource, { metadata: { name: "evil" }, webhooks: [] }));
    const path = pathOf(resource, { name: names.webhookConfiguration });
    await refused(stolen.request({ method: "DELETE", path, query: { dryRun: "All" } }));
  });

  test("cannot take another Lease", async () => {
    const lease = { metadata: { name: "kube-scheduler" }, spec: { holderIdentity: "x" } };
    await refused(create(resources.leases, lease, "kube-system"));
    await refused(create(resources.leases, lease, names.operatorNamespace));
  });
});

test("the policies have nothing to say to others", async () => {
  const body = { metadata: { name: "ordinary" }, stringData: { a: "b" } };
  await admin.request({ method: "POST", path: pathOf(resources.secrets, { namespace }), body });
});
