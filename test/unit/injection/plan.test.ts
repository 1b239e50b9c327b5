import type { V1Container, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { applyPatch } from "rfc6902";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import type { AnnotationName } from "../../../src/annotations/table.ts";
import { describeWarning } from "../../../src/annotations/warning.ts";
import type { Answers } from "../../../src/injection/admission-types.ts";
import { cacheOf } from "../../support/builders.ts";
import { admit, createRequest } from "../../support/pods.ts";

type Step = Partial<Record<AnnotationName, string>>;

const amounts = { cpu: "1", memory: "1Gi" };

function pod(step: Step, spec: Partial<V1PodSpec> = {}, container: Partial<V1Container> = {}): V1Pod {
  const annotations = Object.fromEntries(
    Object.entries(step).map(([name, value]) => [`${names.prefix}${name}`, value ?? ""]),
  );
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "step", annotations },
    spec: {
      restartPolicy: "Never",
      containers: [{ name: "main", image: "busybox", command: ["run"], ...container }],
      ...spec,
    },
  };
}

function injected(object: V1Pod, around: Answers = {}): V1Pod & { spec: V1PodSpec } {
  const verdict = admit(createRequest(object), around);
  if (verdict.kind === "denied") throw new Error(verdict.message);
  const copy = structuredClone(object);
  applyPatch(copy, [...(verdict.patch ?? [])]);
  return copy as V1Pod & { spec: V1PodSpec };
}

/** The containers of an injected Pod by name, init containers among them. */
function containersOf({ spec }: { spec: V1PodSpec }): Record<string, V1Container> {
  const all = [...spec.containers, ...(spec.initContainers ?? [])];
  return Object.fromEntries(all.map((container) => [container.name, container]));
}

const output: Step = { "output-uri": "a/b:c", "output-path": "out" };
const registry = "http://oras-0.oras.default.svc.cluster.local:5000";
const keeper = "oras-0.oras.default.svc.cluster.local:5002";

describe("what a step asks for reaches the containers", () => {
  it("that do it, and what it does not say is not said", () => {
    const {
      main,
      oras,
      ["oras-pull"]: pull,
    } = containersOf(injected(pod({ ...output, "input-uri": "d:e" })));
    expect(main?.command).toEqual(["/mnt/oras/agent", "exec"]);
    expect(main?.args).toEqual(
      "--share=/mnt/oras --input-path=. --pushes --output-path=out -- run".split(" "),
    );
    expect(pull?.command).toEqual(["/agent", "pull"]);
    expect(pull?.args).toEqual(
      `--share=/mnt/oras --containers=1 --input=${registry}/d:e --output=${registry}/a/b:c --keeper=${keeper} --timeout=300`.split(
        " ",
      ),
    );
    expect(oras?.command).toEqual(["/agent", "push"]);
    expect(oras?.args).toEqual(
      `--share=/mnt/oras --output=${registry}/a/b:c --policy={"restart":"Never"} --image=busybox --timeout=300`.split(
        " ",
      ),
    );
  });

  it.each<[Step, Record<string, string>]>([
    [{ unpack: "false", "input-uri": "d:e" }, { "oras-pull": "--unpack=false" }],
    [{ compression: "zstd" }, { oras: "--compression=zstd" }],
    [{ format: "image" }, { oras: "--format=image" }],
    [{ "push-on": "always" }, { main: "--push-on=always", oras: "--push-on=always" }],
    [{ timeout: "1h" }, { oras: "--timeout=3600", "oras-pull": "--timeout=3600" }],
    [{ debug: "true" }, { main: "--debug", oras: "--debug", "oras-pull": "--debug" }],
    [
      { "oras-env": "secret" },
      {
        oras: `--credentials=${names.credentialsPath} --credentials-host=oras-0.`,
        "oras-pull": "--plain-login-host=oras-0.",
      },
    ],
  ])("%j", (step, said) => {
    const containers = containersOf(injected(pod({ ...output, ...step })));
    for (const [name, words] of Object.entries(said))
      expect(containers[name]?.args?.join(" ")).toContain(words);
  });

  it.each<Step>([
    { "input-uri": "d:e" },
    { "output-uri": "oci://ghcr.io/a/b:c", "output-path": "out" },
    { ...output, registry: "ghcr.io" },
  ])("no keeper is asked for room in a registry that is not the operator's: %j", (step) => {
    const { ["oras-pull"]: pull } = containersOf(injected(pod(step)));
    expect(pull?.args?.join(" ")).not.toContain("--keeper");
  });

  it("the program's termination message stays where it is", () => {
    const { main } = containersOf(injected(pod(output, {}, { terminationMessagePath: "/dev/other" })));
    expect(main?.args?.join(" ")).toContain("--message-path=/dev/other");
  });
});

describe("what is added", () => {
  it("may do nothing that Pod Security restricted forbids, and writes to volumes only", () => {
    const { spec } = injected(pod({ ...output, "input-uri": "d:e", "oras-container": "example.com/oras:1" }));
    const added = [...(spec.initContainers ?? []), ...spec.containers.slice(1)];
    expect(added).toHaveLength(3);
    for (const { securityContext } of added) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        runAsUser: names.uid,
        runAsGroup: names.uid,
        seccompProfile: { type: "RuntimeDefault" },
      });
    }
  });

  it("is a share of which the program sees its part, and can remove nothing but inputs that nobody needs again", () => {
    const part = { name: names.shareVolume, mountPath: names.sharePath, subPath: "0", readOnly: true };
    const inputs = { name: names.shareVolume, mountPath: `${names.sharePath}/inputs`, subPath: "0/inputs" };
    const mounts = (step: Step, spec: Partial<V1PodSpec> = {}, container: Partial<V1Container> = {}) =>
      containersOf(injected(pod({ ...output, ...step }, spec, container)))["main"]?.volumeMounts;
    const input = { "input-uri": "d:e" };
    const rule = (action: string) => ({
      restartPolicy: "Never",
      restartPolicyRules: [{ action, exitCodes: { operator: "In", values: [42] } }],
    });
    expect(mounts({})).toEqual([part]);
    expect(mounts(input)).toEqual([part, inputs]);
    expect(mounts(input, { restartPolicy: "OnFailure" })).toEqual([part]);
    expect(mounts(input, {}, rule("Restart"))).toEqual([part]);
    // Then the init container pulls again.
    expect(mounts(input, {}, rule("RestartAllContainers"))).toEqual([part, inputs]);
  });

  it("is a startup probe where inputs are unpacked and the author has none", () => {
    const probeOf = (step: Step, container: Partial<V1Container> = {}) =>
      containersOf(injected(pod(step, {}, container)))["main"]?.startupProbe;
    const input = { "input-uri": "d:e" };
    expect(probeOf(input)?.exec?.command).toEqual(["/mnt/oras/agent", "started", "--share=/mnt/oras"]);
    expect(probeOf(output)).toBeUndefined();
    const own = { exec: { command: ["true"] } };
    expect(probeOf(input, { startupProbe: own })).toEqual(own);
    expect(probeOf({ ...input, entrypoint: "https://example.com/e.sh" })).toBeUndefined();
  });

  it("drops what a round before has handed over where all containers may be restarted", () => {
    const rule = (action: string) => ({
      restartPolicyRules: [{ action, exitCodes: { operator: "In", values: [42] } }],
    });
    const pull = (container: Partial<V1Container>) =>
      containersOf(injected(pod(output, {}, container)))["oras-pull"]?.args;
    expect(pull(rule("RestartAllContainers"))).toContain("--forget-outputs");
    expect(pull(rule("Restart"))).not.toContain("--forget-outputs");
  });

  it("says how the kubelet restarts the program", () => {
    const restartPolicyRules = [
      { action: "Restart", exitCodes: { operator: "In", values: [42, 43] } },
      { action: "RestartAllContainers", exitCodes: { operator: "NotIn", values: [0] } },
    ];
    const { oras } = containersOf(injected(pod(output, {}, { restartPolicy: "Never", restartPolicyRules })));
    const rules = [{ codes: [42, 43] }, { codes: [0], except: true, all: true }];
    expect(oras?.args).toContain(`--policy=${JSON.stringify({ restart: "Never", rules })}`);
  });

  it("leaves mounts of Secrets out of the output", () => {
    const volumes = [
      { name: "keys", secret: { secretName: "keys" } },
      { name: "data", emptyDir: {} },
    ];
    const volumeMounts = [
      { name: "data", mountPath: "/out" },
      { name: "keys", mountPath: "/out/.keys" },
    ];
    const { main } = containersOf(
      injected(pod({ ...output, "output-path": "/out" }, { volumes }, { volumeMounts })),
    );
    expect(main?.args?.filter((word) => word.startsWith("--leave-out"))).toEqual([
      '--leave-out={"path":"/out/.keys","what":"a Secret"}',
    ]);
  });

  it("knows how much room the share has", () => {
    const { "oras-pull": pull } = containersOf(
      injected(pod({ "input-uri": "d:e", "share-size-limit": "1.5Gi" })),
    );
    expect(pull?.args).toContain(`--limit=${1.5 * 2 ** 30}`);
    // Beside a script of the author's, the container oras pulls.
    const entrypoint = "https://example.com/e.sh";
    const { oras } = containersOf(
      injected(pod({ "input-uri": "d:e", "share-size-limit": "1.5Gi", entrypoint })),
    );
    expect(oras?.args).toContain(`--limit=${1.5 * 2 ** 30}`);
  });

  it("marks the Pod by a label, which a watch can select", () => {
    const labels = { [names.injectedLabel]: "true" };
    expect(injected(pod({ ...output, registry: "ghcr.io" })).metadata?.labels).toEqual(labels);
    // Where it uses a registry in the cluster, which one: for NetworkPolicies, and for people.
    expect(injected(pod(output)).metadata?.labels).toEqual({ ...labels, [names.usesCacheLabel]: "oras" });
  });

  it("gives a sidecar script of the original's protocol its credentials, and how the registry is spoken to", () => {
    const { oras } = containersOf(
      injected(pod({ ...output, "oras-entrypoint": "https://example.com/s.sh", "oras-env": "secret" })),
    );
    expect(oras?.envFrom).toEqual([{ secretRef: { name: "secret" } }]);
    expect(oras?.env).toContainEqual({
      name: "ORAS_OPERATOR_PLAIN_HTTP_HOST",
      value: "oras-0.oras.default.svc.cluster.local:5000",
    });
  });

  it("keeps its place on the Pod's own mounts", () => {
    const volumeMounts = [{ name: "data", mountPath: "/mnt" }];
    const { main, oras } = containersOf(injected(pod(output, {}, { volumeMounts })));
    expect(main?.volumeMounts).toEqual([
      ...volumeMounts,
      { name: names.shareVolume, mountPath: "/oras", subPath: "0", readOnly: true },
    ]);
    expect(oras?.volumeMounts?.[0]?.mountPath).toBe(names.sharePath);
  });
});

describe("resources", () => {
  const resourcesOf = (container: Partial<V1Container>, spec: object = {}) =>
    containersOf(injected(pod(output, spec, container)))["oras"]?.resources;

  it.each([
    ["none where the Pod has none", {}, undefined],
    [
      "of a guaranteed Pod, limits that are requests",
      { limits: amounts },
      { limits: { cpu: "250m", memory: "128Mi" }, requests: { cpu: "250m", memory: "128Mi" } },
    ],
    [
      "requests alone where the Pod has those alone",
      { requests: { cpu: "1" } },
      { requests: { cpu: "10m" } },
    ],
    [
      "as much local storage as the launcher, whose limit the share counts against",
      { limits: { "ephemeral-storage": "2Gi" } },
      { limits: { "ephemeral-storage": "2Gi" }, requests: { "ephemeral-storage": "0" } },
    ],
  ])("%s", (_, resources, expected) => {
    expect(resourcesOf({ resources })).toEqual(expected);
  });

  it.each([
    ["raised to the least", { min: { cpu: "0.3", memory: "200Mi" } }, { cpu: "0.3", memory: "200Mi" }],
    ["lowered to the most", { max: { cpu: "200m", memory: "1e8" } }, { cpu: "200m", memory: "1e8" }],
    [
      "as they are in between",
      { min: { cpu: "1m" }, max: { memory: "1Gi" } },
      { cpu: "250m", memory: "128Mi" },
    ],
  ])("%s that a LimitRange of the namespace allows a container", (_, range, expected) => {
    const submitted = pod(output, {}, { resources: { limits: amounts } });
    const ranges = [
      { type: "Container", ...range },
      { type: "PersistentVolumeClaim", max: { cpu: "1m" } },
    ];
    const limitRanges = [{ spec: { limits: ranges } }];
    const verdict = admit(createRequest(submitted), { limitRanges });
    const copy = structuredClone(submitted);
    applyPatch(copy, [...((verdict.kind === "allowed" && verdict.patch) || [])]);
    const { resources } = containersOf(copy as V1Pod & { spec: V1PodSpec })["oras"] ?? {};
    expect(resources).toEqual({ limits: expected, requests: expected });
  });

  it("none where the Pod as a whole has some", () => {
    expect(
      resourcesOf({ resources: { limits: amounts } }, { resources: { limits: amounts } }),
    ).toBeUndefined();
  });
});

describe("checks", () => {
  const messages = (object: V1Pod) => {
    const verdict = admit(createRequest(object));
    return verdict.kind === "denied" ? verdict.message : verdict.warnings.map(describeWarning).join("\n");
  };

  it("refuse Windows by its node selector too", () => {
    expect(messages(pod(output, { nodeSelector: { "kubernetes.io/os": "windows" } }))).toContain(
      'spec.nodeSelector["kubernetes.io/os"]: found "windows"',
    );
  });

  it("leave the host's network alone where the Pod says itself how names are found", () => {
    const dnsConfig = { nameservers: ["10.0.0.10"] };
    expect(messages(pod(output, { hostNetwork: true, dnsPolicy: "None", dnsConfig }))).not.toContain("Dns");
  });

  it("warn of probes by what takes time: the operator's startup probe holds others back while inputs are unpacked", () => {
    const probe = { exec: { command: ["true"] } };
    const warned = (step: Step, container: Partial<V1Container>) => messages(pod(step, {}, container));
    const input = { "input-uri": "d:e" };
    expect(warned(input, { livenessProbe: probe })).not.toContain("Probe");
    expect(warned({ ...input, ...output }, { livenessProbe: probe })).toContain("that packing outputs takes");
    expect(warned({ ...input, ...output }, { livenessProbe: probe, startupProbe: probe })).toContain(
      "livenessProbe: it must allow for the time that unpacking inputs and packing outputs take",
    );
    expect(warned(input, { startupProbe: probe })).toContain("that unpacking inputs takes");
  });

  it("warn of names that the node would resolve, and of every probe that may end the step", () => {
    expect(messages(pod(output, { dnsPolicy: "Default" }))).toContain("spec.dnsPolicy: Default");
    const probe = { exec: { command: ["true"] } };
    expect(messages(pod(output, {}, { startupProbe: probe }))).toContain("spec.containers[0].startupProbe");
  });

  it("tell nothing twice: a misspelled name may be the missing output", () => {
    const misspelled = { ...pod({ "output-path": "x" }) };
    Object.assign(misspelled.metadata?.annotations ?? {}, { [`${names.prefix}output-url`]: "a/b:c" });
    expect(messages(misspelled)).toMatch(/^\S+output-url: /);
  });
});

describe("what is injected already", () => {
  it("is left alone: a Job by its marker", () => {
    const { metadata, spec } = pod(output);
    const job = { apiVersion: "batch/v1", kind: "Job", metadata, spec: { template: { spec } } };
    const first = admit(createRequest(job));
    if (first.kind === "denied") throw new Error(first.message);
    const marked = structuredClone(job);
    applyPatch(marked, [...(first.patch ?? [])]);
    expect(admit(createRequest(marked))).toMatchObject({ outcome: "untouched", warnings: [] });
  });

  it("is not warned about later annotations: a policy of the installation does that", () => {
    const stored = injected(pod(output));
    const changed = structuredClone(stored);
    Object.assign(changed.metadata?.annotations ?? {}, { [`${names.prefix}output-path`]: "other" });
    const request = { ...createRequest(changed), operation: "UPDATE" as const, oldObject: stored };
    expect(admit(request).warnings).toEqual([]);
  });
});

const ca = {
  configMap: { name: "oras-ca", optional: true, items: [{ key: "ca.crt", path: "ca.crt" }] },
};

describe("the login of the step's cache", () => {
  const around: Answers = { cacheLogin: "oras-credentials-0123456789" };
  const mountsOf = ({ volumeMounts = [] }: V1Container) =>
    volumeMounts.filter(({ name }) => name.startsWith("oras-cache-login"));
  const speakers = (object: V1Pod, more: Answers = {}) =>
    Object.values(containersOf(injected(object, { ...around, ...more })))
      .filter((container) => mountsOf(container).length > 0)
      .map(({ name }) => name);
  const both: Step = { ...output, "input-uri": "d:e" };

  it("is mounted where the registry is spoken to, read-only, and not where the program runs", () => {
    expect(speakers(pod(both))).toEqual(["oras", "oras-pull"]);
    expect(speakers(pod(both), { hookShape: true })).toEqual(["oras"]);
    expect(speakers(pod({ ...both, entrypoint: "https://example.com/a.sh" }))).toEqual(["oras"]);
    expect(speakers(pod({ ...both, "oras-container": "tools" }))).toEqual(["oras", "oras-pull"]);
  });

  it("may come later than the step", () => {
    const { spec } = injected(pod(both), around);
    const items = [{ key: ".dockerconfigjson", path: "config.json" }];
    expect(spec.volumes?.find(({ name }) => name === "oras-cache-login")?.projected).toEqual({
      sources: [{ secret: { name: "oras-credentials-0123456789", optional: true, items } }, ca],
    });
    const { oras } = containersOf({ spec });
    expect(oras?.args).toContain("--cache-credentials=/var/run/oras/cache");
    expect(oras?.args).toContain("--plain-login-host=oras-0.oras.default.svc.cluster.local:5000");
  });

  it("is not mounted by steps of another registry, nor where the cache asks for none", () => {
    const elsewhere = [{ ...both, registry: "https://ghcr.io" }, { "output-uri": "oci://ghcr.io/a/b:c" }];
    for (const step of elsewhere) expect(speakers(pod({ ...step, "output-path": "out" }))).toEqual([]);
    expect(speakers(pod(both), { cacheLogin: undefined })).toEqual([]);
  });

  describe("is copied for a script of the author's that pushes,", () => {
    const script: Step = { ...both, "oras-entrypoint": "https://example.com/s.sh" };
    const scripted = (step: Step, more: Answers = {}) =>
      containersOf(injected(pod(step), { ...around, ...more }));
    const placesOf = (container: V1Container | undefined) =>
      (container?.volumeMounts ?? []).flatMap(({ mountPath, readOnly }) =>
        mountPath.startsWith("/var/run/oras/") ? [`${mountPath}${readOnly ? " ro" : ""}`] : [],
      );
    const copy = { name: "DOCKER_CONFIG", value: "/var/run/oras/docker" };

    it("into a folder of its own that it may write to, and which no other container has", () => {
      const { oras, main, "oras-pull": install } = scripted(script);
      expect(placesOf(install)).toEqual(["/var/run/oras/cache ro", "/var/run/oras/docker"]);
      expect(install?.args).toEqual(
        expect.arrayContaining([
          "--docker-config=/var/run/oras/docker",
          "--cache-credentials=/var/run/oras/cache",
          "--plain-login-host=oras-0.oras.default.svc.cluster.local:5000",
          "--timeout=300",
        ]),
      );
      expect(placesOf(oras)).toEqual(["/var/run/oras/docker"]);
      expect(oras?.env).toContainEqual(copy);
      expect(placesOf(main)).toEqual([]);
      expect(main?.env ?? []).not.toContainEqual(copy);
    });

    it("and not for one that is the program", () => {
      const { oras, main } = scripted({ ...both, entrypoint: "https://example.com/e.sh" });
      expect([placesOf(oras), placesOf(main)]).toEqual([["/var/run/oras/cache ro"], []]);
      const two = scripted({ ...script, entrypoint: "https://example.com/e.sh" });
      expect([placesOf(two["oras"]), placesOf(two["main"])]).toEqual([["/var/run/oras/docker"], []]);
    });

    it("together with those of its own Secret, which may be all there are", () => {
      const own = scripted({ ...script, "oras-env": "login" });
      expect(placesOf(own["oras"])).toEqual(["/var/run/oras/credentials ro", "/var/run/oras/docker"]);
      expect(own["oras-pull"]?.args).toContain("--credentials=/var/run/oras/credentials");
      const open = scripted({ ...script, "oras-env": "login" }, { cacheLogin: undefined });
      expect(placesOf(open["oras-pull"])).toEqual(["/var/run/oras/credentials ro", "/var/run/oras/docker"]);
      expect(open["oras-pull"]?.args?.join(" ")).not.toMatch(/cache-credentials|plain-login-host/);
    });

    it("and where there is none, nothing is", () => {
      const { oras, "oras-pull": install } = scripted(script, { cacheLogin: undefined });
      expect([placesOf(oras), placesOf(install)]).toEqual([[], []]);
      expect(oras?.env?.map(({ name }) => name)).not.toContain("DOCKER_CONFIG");
    });

    it("which does not wait for it where it names no artifact", () => {
      const { "oras-pull": install } = scripted({ "oras-entrypoint": "https://example.com/s.sh" });
      expect(install?.args).toContain("--cache-credentials=/var/run/oras/cache");
      expect(install?.args?.join(" ")).not.toContain("--plain-login-host");
    });
  });

  it("is no reason to refuse a Pod whose containers see each other: its namespace may read it", () => {
    const shared = pod(both, { shareProcessNamespace: true });
    expect(speakers(shared)).toEqual(["oras", "oras-pull"]);
  });
});

describe("a cache that serves TLS", () => {
  const both: Step = { ...output, "input-uri": "d:e" };
  const tls = cacheOf("oras", { tls: { selfIssued: true } });
  const host = "oras-0.oras.default.svc.cluster.local:5000";
  const stepOf = (step: Step, answers: Answers) => {
    const { spec } = injected(pod(step), answers);
    const { oras, "oras-pull": pull } = containersOf({ spec });
    return { volume: spec.volumes?.find(({ name }) => name === "oras-cache-login"), oras, pull };
  };

  it("is spoken to over TLS, and trusted by its ConfigMap, also where it asks for no password", () => {
    const { volume, oras, pull } = stepOf(both, { cache: tls });
    expect(volume?.projected).toEqual({ sources: [ca] });
    for (const { args } of [oras, pull].flatMap((one) => one ?? [])) {
      expect(args?.join(" ")).toContain(`=https://${host}/`);
      expect(args).toContain("--cache-credentials=/var/run/oras/cache");
      expect(args).toContain(`--cache-host=${host}`);
      // No password is shown to who pretends to be a registry without TLS.
      expect(args?.join(" ")).not.toContain("--plain-login-host");
    }
  });

  it("is looked for again where its Pod was not replaced yet", () => {
    const plain = { ...tls, status: { url: `http://${host}` } };
    const { volume, oras } = stepOf(both, { cache: plain, cacheLogin: "oras-credentials-0123456789" });
    expect(volume?.projected?.sources).toContainEqual(ca);
    expect(oras?.args).toContain(`--plain-login-host=${host}`);
    expect(oras?.args?.join(" ")).toContain(`=http://${host}/`);
  });

  it("is trusted by a script of the author's that pushes", () => {
    const script = { ...both, "oras-entrypoint": "https://example.com/s.sh" };
    const { oras } = stepOf(script, { cache: tls });
    expect(oras?.env).toContainEqual({
      name: "SSL_CERT_DIR",
      value: "/etc/ssl/certs:/var/run/oras/docker",
    });
    expect(oras?.env?.map(({ name }) => name)).not.toContain("ORAS_OPERATOR_PLAIN_HTTP_HOST");
  });
});

describe("a cache whose registry redirects to an object storage", () => {
  const both: Step = { ...output, "input-uri": "d:e" };
  const s3 = { endpoint: "https://s3.example.com", bucket: "artifacts", secretRef: { name: "s3-keys" } };
  const redirecting = (more: object) => cacheOf("oras", { storage: { s3: { ...s3, ...more } } });
  const caSecretRef = { name: "s3-ca", key: "root.pem" };
  const sourcesOf = (spec: V1PodSpec) =>
    spec.volumes?.find(({ name }) => name === "oras-cache-login")?.projected?.sources ?? [];
  const storageCa = {
    secret: { name: "s3-ca", optional: true, items: [{ key: "root.pem", path: "storage-ca.crt" }] },
  };

  it.each([
    ["with a password", "oras-credentials-0123456789"],
    ["without one", undefined],
  ])("gives its steps the CA of that, %s", (_, cacheLogin) => {
    const cache = redirecting({ redirect: true, caSecretRef });
    const { spec } = injected(pod(both), { cache, cacheLogin });
    expect(sourcesOf(spec)).toContainEqual(storageCa);
    const { oras, main } = containersOf({ spec });
    expect(oras?.args).toContain("--cache-credentials=/var/run/oras/cache");
    expect(main?.volumeMounts?.map(({ name }) => name)).not.toContain("oras-cache-login");
  });

  it("takes it by the key that a Secret mostly has", () => {
    const cache = redirecting({ redirect: true, caSecretRef: { name: "s3-ca" } });
    const [source] = sourcesOf(injected(pod(both), { cache }).spec).slice(-1);
    expect(source?.secret?.items).toEqual([{ key: "ca.crt", path: "storage-ca.crt" }]);
  });

  it.each([
    ["it does not redirect", { caSecretRef }],
    ["everybody trusts that", { redirect: true }],
  ])("gives them none where %s", (_, more) => {
    const { spec } = injected(pod(both), {
      cache: redirecting(more),
      cacheLogin: "oras-credentials-0123456789",
    });
    expect(JSON.stringify(sourcesOf(spec))).not.toContain("storage-ca.crt");
    expect(sourcesOf(injected(pod(both), { cache: redirecting(more) }).spec)).toEqual([]);
  });

  it("is trusted by a script of the author's", () => {
    const script = { ...both, "oras-entrypoint": "https://example.com/s.sh" };
    const { oras } = containersOf(
      injected(pod(script), { cache: redirecting({ redirect: true, caSecretRef }) }),
    );
    expect(oras?.env).toContainEqual({ name: "SSL_CERT_DIR", value: "/etc/ssl/certs:/var/run/oras/docker" });
  });
});
