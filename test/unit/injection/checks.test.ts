import type { V1Container, V1Pod, V1PodSpec, V1Volume } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { describeWarning } from "../../../src/annotations/warning.ts";
import type { Answers, Installation, KnownImage, Verdict } from "../../../src/injection/admission-types.ts";
import { cacheOf, jobOf, keyOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { created } from "../../support/patched.ts";
import { admit, createRequest } from "../../support/pods.ts";

const input: StepAnnotations = { "input-uri": "a/b:c" };
const output: StepAnnotations = { "output-uri": "a/b:c", "output-path": "out" };
const secret: StepAnnotations = { ...output, "oras-env": "login" };

interface Given extends Answers, Partial<Installation> {
  readonly container?: Partial<V1Container>;
  readonly spec?: Partial<V1PodSpec>;
}

function ask(map: StepAnnotations, { container, spec, ...around }: Given = {}): Verdict {
  return admit(createRequest(podOf("step", map, "true", container, spec)), around);
}

/** The warnings, as kubectl prints them. */
function told(map: StepAnnotations, given: Given = {}): string[] {
  return ask(map, given).warnings.map(describeWarning);
}

/** The codes of the problems, each once. */
function codes(verdict: Verdict): string[] {
  if (verdict.kind === "allowed") return [];
  return [...verdict.message.matchAll(/\((\w+)\)$/gm)].map(([, code]) => code ?? "");
}

function known(program: { workingDir?: string; user?: string }): Map<string, KnownImage> {
  return new Map([["busybox:1.36", { program: { entrypoint: ["/e"], cmd: [], ...program } }]]);
}

describe("D: processes that see each other, beside a Secret", () => {
  const shared = { shareProcessNamespace: true };
  const confined = { allowPrivilegeEscalation: false };
  const as = (uid: number, more: object = {}) => ({
    securityContext: { runAsUser: uid, ...confined, ...more },
  });
  const adding = (...add: string[]) => as(1000, { capabilities: { add } });

  it.each<[string, Given]>([
    ["inj-36: as the user of the added container", { container: as(names.uid), spec: shared }],
    ["inj-36: with the host's processes", { container: as(names.uid), spec: { hostPID: true } }],
    ["sec-06: as nobody knows whom", { spec: shared }],
    ["as the Pod's user, the same one", { spec: { ...shared, ...as(names.uid) } }],
    ["as root, which can become any user", { container: as(0), spec: shared }],
    ["privileged", { container: as(1000, { privileged: true }), spec: shared }],
    ["that may trace", { container: as(1000, { capabilities: { add: ["CAP_SYS_PTRACE"] } }), spec: shared }],
    [
      "that a setuid file may make another user",
      { container: as(1000, { allowPrivilegeEscalation: undefined }), spec: shared },
    ],
    [
      "that a setuid file may make another user, said twice",
      { container: as(1000, { allowPrivilegeEscalation: true }), spec: shared },
    ],
    [
      "root without capabilities, which a setuid file may make another user",
      { container: { securityContext: { runAsUser: 0, capabilities: { drop: ["ALL"] } } }, spec: shared },
    ],
    [
      "root that drops a capability and adds it again",
      { container: as(0, { capabilities: { drop: ["ALL"], add: ["SETUID"] } }), spec: shared },
    ],
    ...[
      "SYS_ADMIN",
      "SYS_MODULE",
      "SYS_RAWIO",
      "DAC_READ_SEARCH",
      "BPF",
      "PERFMON",
      "cap_sys_ptrace",
      "NEW_ONE",
      "ALL",
    ].map((name): [string, Given] => [
      `root with ${name} alone`,
      { container: as(0, { capabilities: { drop: ["all"], add: ["NET_RAW", name] } }), spec: shared },
    ]),
    ["that adds SYS_ADMIN", { container: adding("SYS_ADMIN"), spec: shared }],
    ["on OpenShift, where all have one user", { container: as(1000), spec: shared, openshift: true }],
    [
      "of another container of the Pod",
      {
        container: as(1000),
        spec: { ...shared, initContainers: [{ name: "proxy", image: "p", restartPolicy: "Always" }] },
      },
    ],
    [
      "of an image that runs as the same user",
      { container: { command: [] }, spec: shared, images: known({ user: String(names.uid) }) },
    ],
    [
      "of an image whose user has a name",
      { container: { command: [] }, spec: shared, images: known({ user: "app" }) },
    ],
  ])("refuses a program %s", (_, given) => {
    expect(
      codes(ask(secret, { ...given, ...(given.images ? { images: inDirectory(given.images) } : {}) })),
    ).toEqual(["ProcessesShared"]);
  });

  it.each<[string, StepAnnotations, Given]>([
    ["another user", secret, { container: as(1000), spec: shared }],
    [
      "the Pod's user",
      secret,
      { container: { securityContext: confined }, spec: { ...shared, securityContext: { runAsUser: 1000 } } },
    ],
    ["another user that may bind low ports", secret, { container: adding("NET_BIND_SERVICE"), spec: shared }],
    [
      "root that redirects traffic, as a mesh's",
      secret,
      { container: as(0, { capabilities: { drop: ["ALL"], add: ["NET_ADMIN", "NET_RAW"] } }), spec: shared },
    ],
    [
      "root without capabilities",
      secret,
      { container: as(0, { capabilities: { drop: ["ALL"] } }), spec: shared },
    ],
    [
      "an image's user",
      secret,
      {
        container: { command: [], securityContext: confined },
        spec: shared,
        images: known({ user: "1000:1000", workingDir: "/w" }),
      },
    ],
    ["no Secret", output, { container: as(names.uid), spec: shared }],
    ["no shared processes", secret, { container: as(names.uid) }],
  ])("accepts %s", (_, map, given) => {
    expect(codes(ask(map, given))).toEqual([]);
  });

  it("names the field, what to set, and the containers", () => {
    const side = { name: "side", image: "s", ...as(0) };
    const verdict = ask(secret, { spec: { ...shared, initContainers: [side] } });
    expect(verdict).toMatchObject({
      message: expect.stringMatching(
        /^spec\.shareProcessNamespace: .* has allowPrivilegeEscalation: false \(main\), a runAsUser, another one than 65532 \(main\), capabilities\.drop: \["ALL"\] or a runAsUser other than 0 \(side\)\. /,
      ),
    });
  });

  describe("is looked at again in what was injected already, because webhooks that come later add containers:", () => {
    const given: Given = { container: as(1000), spec: shared };
    const injected = created(podOf("step", secret, "true", given.container, given.spec));
    const job = {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: injected.metadata ?? {},
      spec: { template: { metadata: {}, spec: injected.spec } },
    };
    const later = (pod: V1Pod, ...containers: object[]): V1Pod => ({
      ...pod,
      spec: { ...pod.spec, containers: [...(pod.spec?.containers ?? []), ...(containers as V1Container[])] },
    });
    const ofJob: V1Pod = {
      ...injected,
      metadata: {
        labels: injected.metadata?.labels ?? {},
        ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name: "j", uid: "1", controller: true }],
      },
    };
    const bad = { name: "proxy", image: "p" };
    const good = { name: "proxy", image: "p", ...as(2000) };

    it.each<[string, V1Pod]>([
      ["a Pod", injected],
      ["a Pod of an injected Job", ofJob],
    ])("%s", (_, pod) => {
      expect(codes(admit(createRequest(pod)))).toEqual([]);
      expect(codes(admit(createRequest(later(pod, good))))).toEqual([]);
      for (const added of [
        bad,
        { ...bad, ...as(names.uid) },
        { ...bad, ...as(0) },
        { ...good, ...adding("SYS_ADMIN") },
      ]) {
        const verdict = admit(createRequest(later(pod, added)));
        expect(codes(verdict)).toEqual(["ProcessesShared"]);
        expect(verdict).toMatchObject({ message: expect.stringContaining("(proxy)") });
      }
    });

    it("a Job", () => {
      expect(codes(admit(createRequest(job)))).toEqual([]);
      const { template } = job.spec;
      const spec = later({ spec: template.spec as V1PodSpec }, bad).spec;
      const verdict = admit(
        createRequest({ ...job, spec: { template: { ...template, spec } } } as typeof job),
      );
      expect(verdict).toMatchObject({
        message: expect.stringMatching(/^spec\.template\.spec\.shareProcessNamespace: .*\(proxy\)/),
      });
    });

    it("processes that are shared only then", () => {
      const { shareProcessNamespace, ...alone } = injected.spec as V1PodSpec;
      const pod = { ...injected, spec: alone };
      expect(codes(admit(createRequest(later(pod, bad))))).toEqual([]);
      const hostPID = { ...pod, spec: { ...alone, hostPID: true } };
      expect(codes(admit(createRequest(later(hostPID, bad))))).toEqual(["ProcessesShared"]);
    });

    it("without a Secret nothing is refused", () => {
      const plain = created(podOf("step", output, "true", {}, shared));
      expect(codes(admit(createRequest(later(plain, bad))))).toEqual([]);
    });

    it("an image's user that was known when its container was wrapped counts still", () => {
      const images = inDirectory(known({ user: "1000" }));
      const pod = created(podOf("step", secret, "true", { command: [], securityContext: confined }, shared), {
        images,
      });
      expect(codes(admit(createRequest(pod)))).toEqual([]);
    });
  });
});

/** Where images work does not matter. */
function inDirectory(images: ReadonlyMap<string, KnownImage>): Map<string, KnownImage> {
  return new Map(
    [...images].map(([name, image]) => [
      name,
      "program" in image ? { program: { workingDir: "/w", ...image.program } } : image,
    ]),
  );
}

describe("H: a password in plain HTTP", () => {
  const remote = (registry: string): Answers["cache"] =>
    ({ spec: { deploy: false, registry } }) as NonNullable<Answers["cache"]>;

  it.each<[string, StepAnnotations, Given]>([
    ["registry", { ...secret, registry: "http://registry:5000" }, {}],
    ["registry with a path", { ...secret, registry: "http://10.0.0.1:5000/team" }, {}],
    ["OrasCache", secret, { cache: remote("http://registry:5000") }],
    ["cache by a name that may lead outside", { ...secret, registry: "http://oras-0.oras.dev:5000" }, {}],
    ["name that only ends alike", { ...secret, registry: "http://a.svc.cluster.local.evil.example" }, {}],
    ["name that only ends alike", { ...secret, registry: "http://evilsvc.cluster.local" }, {}],
    [
      "registry that a URI names again",
      { ...secret, registry: "http://r:5000", "input-uri": "oci://r:5000/a:b" },
      {},
    ],
  ])("is refused for a %s", (_, map, given) => {
    const verdict = ask(map, given);
    expect(codes(verdict)).toEqual(["PasswordInPlainHttp"]);
    expect(verdict).toMatchObject({
      message: expect.stringMatching(/^\S+\/oras-env: found "login".*http:\/\//),
    });
  });

  it.each<[string, StepAnnotations, Given]>([
    ["the step's own cache", secret, {}],
    [
      "the cache of another namespace",
      { ...secret, registry: "http://oras-0.oras.other.svc.cluster.local:5000" },
      {},
    ],
    ["another Service", { ...secret, registry: "http://registry.other.svc.cluster.local" }, {}],
    ["it in upper case", { ...secret, registry: "http://Registry.other.SVC.cluster.local" }, {}],
    ["HTTPS", { ...secret, registry: "registry:5000" }, {}],
    ["an OrasCache with HTTPS", secret, { cache: remote("ghcr.io/acme") }],
    ["no Secret", { ...output, registry: "http://registry:5000" }, {}],
    ["a host of a URI, which is asked in HTTPS", { ...secret, "input-uri": "oci://ghcr.io/a:b" }, {}],
  ])("is none with %s", (_, map, given) => {
    expect(codes(ask(map, given))).toEqual([]);
  });
});

describe("H: inputs in the root of the filesystem", () => {
  const image = { command: [], workingDir: "" };
  it.each<[string, StepAnnotations, Given]>([
    ["sec-02-consumer: /", input, { container: { workingDir: "/" } }],
    ["//", input, { container: { workingDir: "//" } }],
    ["/tmp/..", input, { container: { workingDir: "/tmp/.." } }],
    ["an image's /", input, { container: image, images: known({ workingDir: "/" }) }],
    ["an image's, which names none", input, { container: image, images: known({ workingDir: "" }) }],
  ])("are refused where the working directory is %s", (_, map, given) => {
    expect(codes(ask(map, given))).toEqual(["InputIsRoot"]);
  });

  it("are reported together with the output", () => {
    const verdict = ask({ ...input, "output-uri": "d/e:f" }, { container: { workingDir: "/" } });
    expect(codes(verdict)).toEqual(["OutputIsRoot", "InputIsRoot"]);
  });

  it.each<[string, StepAnnotations, Given]>([
    ["/ is written", { ...input, "input-path": "/" }, { container: { workingDir: "/" } }],
    ["another directory is written", { ...input, "input-path": "data" }, { container: { workingDir: "/" } }],
    ["nobody knows the working directory", input, { container: { workingDir: "" } }],
    ["the image has one", input, { container: image, images: known({ workingDir: "/app" }) }],
    ["there is no input", output, { container: { workingDir: "/" } }],
  ])("are accepted where %s", (_, map, given) => {
    expect(codes(ask(map, given))).toEqual([]);
  });
});

describe("warnings", () => {
  const codesOf = (map: StepAnnotations, given: Given = {}) =>
    ask(map, given).warnings.map(({ code }) => code);
  const cache = cacheOf();

  it("a registry and an OrasCache: only the registry is used", () => {
    const both: StepAnnotations = { ...output, registry: "ghcr.io", "oras-cache": "oras" };
    expect(told(both)).toEqual([
      `${keyOf("oras-cache")}: OrasCache "oras" is not used, because ${keyOf("registry")} names a registry. (CacheNotUsed)`,
    ]);
    expect(codesOf({ ...output, "oras-cache": "oras" }, { cache })).toEqual([]);
    expect(codesOf({ ...output, registry: "ghcr.io" })).toEqual([]);
  });

  const elsewhere: StepAnnotations = { ...output, "output-uri": "oci://ghcr.io/a/b:c" };
  const remote = cacheOf("oras", { deploy: false, registry: "http://r:5000" });

  it("a registry or an OrasCache that no artifact is in", () => {
    expect(told({ ...elsewhere, "oras-cache": "oras" })).toEqual([
      `${keyOf("oras-cache")}: OrasCache "oras" is not used, because each artifact names its own registry. (CacheNotUsed)`,
    ]);
    expect(told({ ...elsewhere, registry: "quay.io/acme" })).toEqual([
      `${keyOf("registry")}: "quay.io" is not used, because each artifact names another registry. (RegistryNotUsed)`,
    ]);
    expect(codesOf({ ...elsewhere, registry: "ghcr.io" })).toEqual([]);
    expect(codesOf({ ...elsewhere, ...input, "oras-cache": "oras" }, { cache })).toEqual([]);
    expect(codesOf({ ...elsewhere, "oras-cache": "oras" }, { cache: remote })).toEqual([]);
  });

  it("none about the cache, where each artifact names its own registry", () => {
    expect(codesOf(elsewhere)).toEqual([]);
    expect(codesOf({ ...elsewhere, ...input })).toEqual(["CacheNotFound"]);
    const verdict = ask(elsewhere, { spec: { hostNetwork: true } });
    expect(codes(verdict)).toEqual([]);
    expect(codesOf(elsewhere, { spec: { dnsPolicy: "Default" } })).toEqual([]);
    expect(verdict).toMatchObject({ kind: "allowed" });
    expect(JSON.stringify(verdict)).not.toContain(names.usesCacheLabel);
  });

  it("the registry of another namespace's OrasCache, without a Secret with its password", () => {
    for (const end of [".svc.cluster.local:5000", ".svc:5000", ":5000", ""]) {
      expect(told({ ...output, registry: `http://oras-0.oras.other${end}` })).toEqual([
        expect.stringMatching(
          /OrasCache "oras" of namespace "other", .*spec\.networkPolicy\.from.*\(CacheOfOthers\)$/,
        ),
      ]);
    }
    for (const host of [
      "http://oras-0.oras.default.svc.cluster.local:5000",
      "http://oras-0.other.other.svc.cluster.local:5000",
      "http://oras.other.svc.cluster.local:5000",
      "oras-0.oras.example.com",
    ])
      expect(codesOf({ ...output, registry: host })).toEqual([]);
    const login = { ...output, "oras-env": "login" };
    expect(codesOf({ ...login, registry: "http://oras-0.oras.other.svc.cluster.local:5000" })).toEqual([]);
  });

  describe("an OrasCache whose registry may not be there in time", () => {
    const persistentVolumeClaim = { size: "1Gi" } as const;
    const onVolume = (more: object) => ({
      cache: cacheOf("oras", { storage: { persistentVolumeClaim }, ...more }),
    });

    it("because it is suspended", () => {
      expect(told(output, onVolume({ suspend: true }))).toEqual([
        `${keyOf("oras-cache")}: OrasCache "oras" is suspended: the step waits for its registry, for 300 s at most. (CacheSuspended)`,
      ]);
      expect(codesOf(output, onVolume({ suspend: false }))).toEqual([]);
      expect(codesOf({ ...output, registry: "ghcr.io" }, onVolume({ suspend: true }))).toEqual([]);
    });

    it("because its restart takes longer than the step waits", () => {
      expect(told({ ...output, timeout: "179s" }, onVolume({ drainSeconds: 60 }))).toEqual([
        `${keyOf("timeout")}: a restart of the registry of OrasCache "oras" can take 180 s: it drains for 60 s and its volume moves. (TimeoutTooShort)`,
      ]);
      expect(codesOf({ ...output, timeout: "3m" }, onVolume({ drainSeconds: 60 }))).toEqual([]);
      expect(codesOf(output, onVolume({ drainSeconds: 181 }))).toEqual(["TimeoutTooShort"]);
      expect(codesOf({ ...output, timeout: "1s" }, { cache })).toEqual([]);
    });
  });

  it("a compression of a file", () => {
    const compression: StepAnnotations = { "output-uri": "a/b:c", "output-pipe": "log", compression: "zstd" };
    expect(told(compression, { cache })).toEqual([
      `${keyOf("compression")}: the output is the file of output-pipe, and only directories are compressed. (CompressionNotUsed)`,
    ]);
    expect(codesOf({ ...compression, "output-path": "out" }, { cache })).toEqual([]);
    expect(codesOf({ "output-uri": "a/b:c", compression: "zstd" }, { cache })).toEqual([]);
  });

  it.each<[string, StepAnnotations]>([
    ["by the same words", { "input-uri": "a/b:c" }],
    ["with a variable", { "input-uri": "x/$(POD_NAME):c", "output-uri": "x/$(POD_NAME):c" }],
    [
      "of the step's registry, by its host",
      { registry: "ghcr.io/acme", "input-uri": "oci://ghcr.io/acme/a/b:c", "output-uri": "a/b:c" },
    ],
    ["of another registry", { "input-uri": "oci://ghcr.io/a:b", "output-uri": "oci://ghcr.io/a:b" }],
  ])("an artifact that is input and output: %s", (_, map) => {
    const warnings = told({ ...output, ...map }, { cache });
    expect(warnings).toEqual([expect.stringContaining("is an input of this step, too")]);
    expect(warnings[0]).toMatch(/output-uri: .* \(OutputIsInput\)$/);
  });

  it.each<[string, StepAnnotations]>([
    ["another tag", { "input-uri": "a/b:d" }],
    ["a digest", { "input-uri": `a/b@sha256:${"0".repeat(64)}` }],
    ["another registry", { "input-uri": "oci://ghcr.io/a/b:c" }],
  ])("no artifact that is input and output: %s", (_, map) => {
    expect(codesOf({ ...output, ...map }, { cache })).toEqual([]);
  });

  const two = {
    spec: {
      containers: ["a", "b"].map((name) => ({ name, image: "x", command: ["x"], workingDir: "/w" })),
    },
    cache,
  };
  it.each<[string, Record<string, string>, string[]]>([
    ["the second", { "input-path_1": "/data" }, ["container_2"]],
    ["the first", { "input-path_2": "/data" }, ["container_1"]],
    ["none", {}, []],
    ["neither", { "input-path_1": "/data", "input-path_2": "/data" }, []],
  ])("inputs that one of two containers unpacks in its working directory: %s", (_, paths, expected) => {
    const map = { ...input, container_1: "a", container_2: "b", ...paths };
    const { warnings } = ask(map as StepAnnotations, two);
    expect(warnings.map(({ path }) => path)).toEqual(expected.map((name) => names.prefix + name));
    for (const { code } of warnings) expect(code).toBe("InputInWorkingDirectory");
  });

  it.each<[string, Record<string, string>, string[]]>([
    ["named by nobody: the first makes it", {}, ["container_2"]],
    ["of the first", { "output-path_1": "out" }, ["container_2"]],
    ["of the second", { "output-pipe_2": "log" }, ["container_1"]],
    ["of both", { "output-path_1": "out", "output-pipe_2": "log" }, []],
    ["of the first, and inputs for both", { "output-path_1": "out", ...input }, []],
    ["named by nobody, and inputs for both", input as Record<string, string>, ["container_2"]],
  ])("an output of two containers: %s", (_, more, expected) => {
    const map = { "output-uri": "x/y:z", container_1: "a", container_2: "b", ...more };
    const { warnings } = ask(map as StepAnnotations, two);
    expect(warnings.map(({ path }) => path)).toEqual(expected.map((name) => names.prefix + name));
    for (const { code } of warnings) expect(code).toBe("ContainerWithoutOutput");
  });

  it.each([
    ["art-26: a glob", { "output-path": "out/*.txt" }, "output-path", "*"],
    ["art-26: a home directory", { "output-path": "~/out" }, "output-path", "~"],
    ["art-26: a variable of a shell", { "output-path": "$HOME/out" }, "output-path", "$HOME"],
    ["a variable in braces", { "output-path": `/data/$${"{USER}"}` }, "output-path", `$${"{USER}"}`],
    ["a glob for one character", { "output-pipe": "log?" }, "output-pipe", "?"],
    ["a glob of some characters", { "output-path": "out[0-9]" }, "output-path", "[0-9]"],
    ["a glob of inputs", { "input-uri": "a/b:c", "input-path": "/data/*" }, "input-path", "*"],
  ])("%s is taken as it is", (_, map, name, word) => {
    const warnings = told({ ...output, "output-path": undefined as never, ...map } as StepAnnotations);
    expect(warnings.join("\n")).toContain(`${keyOf(name)}: ${JSON.stringify(word)} is taken as it is`);
  });

  it.each(["out", "a~b", "/data/$(POD_NAME)", "a]b[c", "100%", "$"])("%s is an ordinary path", (path) => {
    const warnings = told({ ...output, "output-path": path });
    expect(warnings.filter((warning) => warning.includes("taken as it is"))).toEqual([]);
  });

  const volumes: V1Volume[] = [
    { name: "secret", secret: { secretName: "s" } },
    { name: "token", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } },
    { name: "mixed", projected: { sources: [{ configMap: { name: "c" } }, { secret: { name: "s" } }] } },
    { name: "plain", projected: { sources: [{ configMap: { name: "c" } }] } },
  ];
  const mounted = (name: string, mountPath: string, map: StepAnnotations): readonly string[] =>
    told(
      { ...output, ...map },
      {
        container: { workingDir: "/work", volumeMounts: [{ name, mountPath }] },
        spec: { volumes, automountServiceAccountToken: false },
      },
    ).filter((warning) => warning.includes("is left out of the artifact"));

  it.each<[string, string, StepAnnotations]>([
    ["secret", "/work/out/keys", {}],
    ["secret", "/work/out", {}],
    ["token", "/work/out/a/b", { "output-path": "/work/./out/" }],
    ["mixed", "/work/x", { "output-path": "." }],
    ["secret", "/work/x/../out", {}],
  ])("art-29: a volume %s at %s is left out", (name, path, map) => {
    expect(mounted(name, path, map)).toHaveLength(1);
  });

  it.each<[string, string, StepAnnotations]>([
    ["plain", "/work/out/keys", {}],
    ["secret", "/work/other", {}],
    ["secret", "/work/output", {}],
    ["secret", "/work/out", { "output-path": "/work/out/data" }],
  ])("art-29: a volume %s at %s is not", (name, path, map) => {
    expect(mounted(name, path, map)).toEqual([]);
  });

  it("art-29, art-30: the ServiceAccount's own token too", () => {
    const warnings = told({ ...output, "output-path": "/var/run" });
    expect(warnings).toContainEqual(expect.stringContaining("ServiceAccount token"));
    expect(told({ ...output, "output-path": "/var/lib" }).join()).not.toContain("token");
  });

  it.each(["entrypoint", "oras-entrypoint"] as const)("sec-08: a script that is not pinned: %s", (name) => {
    const url = "https://example.com/x.sh";
    const withUrl = (value: string) => told({ "input-uri": "a/b:c", [name]: value }).join();
    expect(withUrl(url)).toContain(`${keyOf(name)}: without #sha256=…`);
    expect(withUrl(`${url}#sha256=${"a".repeat(64)}`)).not.toContain("#sha256");
  });
});

describe("outputs in the root of the filesystem", () => {
  const at = (path: string): StepAnnotations => ({ "output-uri": "a/b:c", "output-path": path });
  const image = { command: [], workingDir: "" };
  it.each<[string, StepAnnotations, Given]>([
    ["/", at("/"), {}],
    ["/a/..", at("/a/.."), {}],
    [". in /", at("."), { container: { workingDir: "/" } }],
    [".. in a directory below it", at(".."), { container: { workingDir: "/data" } }],
    ["./ in an image's /", at("./"), { container: image, images: known({ workingDir: "" }) }],
    ["none", { "output-uri": "a/b:c" }, { container: { workingDir: "/" } }],
  ])("are refused: %s, and nothing is said of what lies there", (_, map, given) => {
    const verdict = ask(map, given);
    expect(codes(verdict)).toEqual(["OutputIsRoot"]);
    expect(verdict.warnings.map(({ code }) => code)).not.toContain("SecretInOutput");
  });

  it("are not suspected where nobody knows the working directory", () => {
    expect(codes(ask(at(".."), { container: { workingDir: "" } }))).toEqual([]);
  });

  it("nothing is said of a working directory where the path was refused", () => {
    const container = { workingDir: "/var/run" };
    expect(told(at("out\u0007"), { container }).join()).not.toContain("SecretInOutput");
    expect(told({ "output-uri": "a/b:c" }, { container }).join()).toContain("SecretInOutput");
  });
});

describe("a step that is started again each time it ends", () => {
  const always = { restartPolicy: "Always" };
  const owned = (kind: string) => {
    const pod = podOf("step", output, "true", {}, always);
    const ownerReferences = [{ apiVersion: "apps/v1", kind, name: "x", uid: "1", controller: true }];
    return { ...pod, metadata: { ...pod.metadata, ownerReferences } };
  };
  const withoutPolicy = jobOf("step", output);
  delete withoutPolicy.spec?.template.spec?.restartPolicy;
  const said = (object: object) =>
    admit(createRequest(object)).warnings.filter(({ code }) => code === "RepeatedStep");

  it.each<[string, object, Partial<V1Container>, string]>([
    ["a Pod with Always", always, {}, "spec.restartPolicy"],
    ["a Pod without one", { restartPolicy: undefined }, {}, "spec.restartPolicy"],
    ["a container with Always", { restartPolicy: "Never" }, always, "spec.containers[0].restartPolicy"],
  ])("is warned about: %s", (_, spec, container, path) => {
    const [warning] = said(podOf("step", output, "true", container, spec));
    expect(warning).toMatchObject({ path, message: expect.stringContaining("the default of a Pod") });
  });

  it.each<[string, object]>([
    ["a Deployment, which allows nothing else", owned("ReplicaSet")],
    ["a StatefulSet", owned("StatefulSet")],
    ["a Job without one, which the API server refuses", withoutPolicy],
  ])("is not warned about in %s", (_, object) => {
    expect(said(object)).toEqual([]);
  });
});
