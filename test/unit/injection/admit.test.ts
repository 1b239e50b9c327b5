import type { V1Container, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { applyPatch } from "rfc6902";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { describeWarning } from "../../../src/annotations/warning.ts";
import type { Answers, Installation, KnownImage, Verdict } from "../../../src/injection/admission-types.ts";
import { cacheOf } from "../../support/builders.ts";
import { admit, createRequest, installation } from "../../support/pods.ts";

type Around = Answers & Partial<Installation>;

const p = names.prefix;
const output = { [`${p}output-uri`]: "dinosaur/hello-world:pancakes", [`${p}output-path`]: "out" };

function pod(
  annotations: Record<string, string>,
  spec: Partial<V1PodSpec> = {},
  container: Partial<V1Container> = {},
): V1Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "step", annotations },
    spec: {
      restartPolicy: "Never",
      containers: [{ name: "main", image: "busybox", command: ["true"], ...container }],
      ...spec,
    },
  };
}

function job(annotations: Record<string, string>, template: V1Pod, spec: object = {}): object {
  const { metadata, spec: podSpec } = template;
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "step", annotations },
    spec: {
      ...spec,
      template: {
        metadata: { ...(metadata?.annotations ? { annotations: metadata.annotations } : {}) },
        spec: podSpec,
      },
    },
  };
}

function ask(object: object, around: Around = {}): Verdict {
  return admit(createRequest(object), around);
}

function denial(object: object, around: Around = {}): string {
  const verdict = ask(object, around);
  if (verdict.kind !== "denied") throw new Error("allowed");
  return verdict.message;
}

function injected<T extends object>(object: T, around: Around = {}): T & { spec: V1PodSpec } {
  const verdict = ask(object, around);
  if (verdict.kind === "denied") throw new Error(verdict.message);
  const copy = structuredClone(object);
  applyPatch(copy, [...(verdict.patch ?? [])]);
  return copy as T & { spec: V1PodSpec };
}

describe("a problem that only follows from another is not told", () => {
  const hostNetwork = { hostNetwork: true };
  it.each([
    ["I3: the registry is refused", { registry: "ftp://x" }, hostNetwork],
    ["I3: the registry is misspelled", { registri: "ghcr.io" }, hostNetwork],
    ["the cache is refused", { "oras-cache": "No" }, hostNetwork],
    ["the container is refused", { container: "No" }, {}],
    ["one of two containers is refused", { container: "main", container_1: "No" }, {}],
    ["the output's path is refused", { "output-path": "a\nb" }, {}],
  ])("%s", (_, wrong, spec) => {
    const map = Object.fromEntries(Object.entries(wrong).map(([name, value]) => [p + name, value]));
    const message = denial(pod({ [`${p}output-uri`]: "a/b:c", ...map }, spec, { workingDir: "/" }));
    const others = "container" in wrong || "output-path" in wrong ? [] : ["OutputIsRoot"];
    expect(message.match(/\((\w+)\)$/gm)).toHaveLength(1 + others.length);
  });
});

describe("bounds of admission", () => {
  it.each(["/".repeat(28), "/.".repeat(50_000), "/".repeat(100_000), "/a/..".repeat(20_000)])(
    "sec-01: judges a path of many separators at once (%#)",
    (path) => {
      expect(ask(pod({ ...output, [`${p}output-path`]: `${path.slice(0, 4000)}x` })).kind).toBe("allowed");
      expect(denial(pod({ [`${p}output-uri`]: "a/b:c" }, {}, { workingDir: path }))).toContain(
        "(OutputIsRoot)",
      );
    },
  );

  it("sec-01: tells twenty problems and counts the others", () => {
    const wrong = Object.fromEntries(Array.from({ length: 77 }, (_, i) => [`${p}input-uri_${i + 1}`, "A"]));
    const message = denial(pod(wrong));
    expect(message).toMatch(/^77 problems:\n/);
    expect(message).toMatch(/\nand 57 more\.$/);
    expect(message.split("\n")).toHaveLength(22);
  });

  it("sec-01: wraps 64 containers, not one more", () => {
    const many = (count: number) => {
      const containers = Array.from({ length: count }, (_, i) => ({
        name: `c${i}`,
        image: "i",
        command: ["x"],
      }));
      const keys = containers.map(({ name }, i) => [i === 0 ? `${p}container` : `${p}container_${i}`, name]);
      return pod({ [`${p}input-uri`]: "a/b:c", ...Object.fromEntries(keys) }, { containers });
    };
    expect(ask(many(64)).kind).toBe("allowed");
    expect(denial(many(65))).toContain("found 65 containers; allowed are 64.");
    expect(denial(many(500)).split("\n")).toHaveLength(1);
  });

  it("sec-01: refuses annotations that the API server would refuse for their length", () => {
    const long = { [`${p}input-uri`]: "a/b:c", note: "x".repeat(256 * 1024) };
    expect(denial(pod(long))).toContain("(AnnotationsTooLong)");
    expect(denial(pod({ ...long, [`${p}input-url`]: "x" })).split("\n")).toHaveLength(1);
  });

  it("sec-01: cuts what it quotes", () => {
    const long = "x".repeat(200_000);
    const map = {
      [`${p}input-uri`]: long,
      [`${p}${long.slice(0, 1000)}`]: "x",
      [`${p}output-uri_${long.slice(0, 9000)}`]: "x",
    };
    expect(denial(pod(map)).length).toBeLessThan(2500);
  });
});

describe("refusals", () => {
  it("tells every problem at once, of the annotations and of the Pod", () => {
    const message = denial(
      pod({ [`${p}output-uri`]: "No", [`${p}unpck`]: "x" }, { os: { name: "windows" } }, { command: [] }),
    );
    expect(message).toMatch(/^4 problems:/);
    for (const code of ["InvalidValue", "UnknownAnnotation", "WindowsPod", "NoCommand"])
      expect(message).toContain(code);
  });

  it("says what to add when the container has no command", () => {
    expect(denial(pod(output, {}, { command: [] }))).toBe(
      'spec.containers[0].command: container "main" has none. Set the container\'s command to the ENTRYPOINT of the image, and its args, if it has none, to the CMD of the image. (NoCommand)',
    );
  });

  it("names the containers that there are", () => {
    expect(denial(pod({ ...output, [`${p}container`]: "other" }))).toContain(
      'found "other"; allowed are the Pod\'s containers: main.',
    );
  });

  it.each(["/", "//", "/.", "/./"])("refuses the working directory %s as the output", (workingDir) => {
    expect(denial(pod({ [`${p}output-uri`]: "a/b:c" }, {}, { workingDir }))).toContain("(OutputIsRoot)");
  });

  it("refuses the host's network without cluster DNS, but only with a cache in the cluster", () => {
    const spec = { hostNetwork: true };
    expect(denial(pod(output, spec))).toContain("(NoClusterDns)");
    expect(ask(pod(output, { ...spec, dnsPolicy: "ClusterFirstWithHostNet" })).kind).toBe("allowed");
    expect(ask(pod({ ...output, [`${p}registry`]: "ghcr.io" }, spec)).kind).toBe("allowed");
  });

  it("refuses different values on a Job and on its template, and takes equal ones", () => {
    const other = { ...output, [`${p}output-path`]: "elsewhere" };
    expect(denial(job(output, pod(other)))).toContain(
      `${p}output-path: found "out" on the Job and "elsewhere" on its Pod template.`,
    );
    expect(ask(job(output, pod(output)))).toMatchObject({ kind: "allowed", outcome: "injected" });
  });

  it("judges annotations that stand on a Job's template alone, and leaves the Job as it is, but for a label", () => {
    expect(denial(job({}, pod({ [`${p}input-url`]: "a/b:c" })))).toContain("did you mean");
    const labels = { [names.injectedLabel]: names.injectedPods };
    expect(ask(job({}, pod(output)))).toEqual({
      kind: "allowed",
      warnings: expect.any(Array),
      outcome: "labelled",
      patch: [{ op: "add", path: "/metadata/labels", value: labels }],
    });
  });

  it("refuses a cache that has no registry", () => {
    const cache = (spec: object) => ({ cache: cacheOf("oras", spec) });
    expect(denial(pod(output), cache({ deploy: false }))).toContain("(CacheWithoutRegistry)");
    const step = injected(pod(output), cache({ deploy: false, registry: "http://far:5000" }));
    expect(step.spec.containers.at(-1)?.args).toContain(
      "--output=http://far:5000/dinosaur/hello-world:pancakes",
    );
  });
});

describe("Pods of a controller", () => {
  const owned = (object: V1Pod): V1Pod => ({
    ...object,
    metadata: {
      ...object.metadata,
      ownerReferences: [{ apiVersion: "v1", kind: "X", name: "x", uid: "x", controller: true }],
    },
  });

  it("are left alone without a container of the name, with a warning", () => {
    expect(ask(owned(pod({ ...output, [`${p}container`]: "launcher" })))).toEqual({
      kind: "allowed",
      outcome: "skipped",
      warnings: [
        { code: "NotInjected", path: "", message: expect.stringContaining("(NoSuchContainer)") as string },
      ],
    });
  });

  it("are refused for anything else", () => {
    expect(denial(owned(pod({ ...output, [`${p}container`]: "launcher", [`${p}debug`]: "x" })))).toContain(
      "2 problems",
    );
  });
});

describe("warnings", () => {
  it("are given for what is unwise", () => {
    const always = pod(
      output,
      { restartPolicy: "Always" },
      { livenessProbe: { exec: { command: ["true"] } } },
    );
    const warnings = ask(always).warnings.map(describeWarning);
    expect(warnings).toEqual([
      expect.stringContaining('OrasCache "oras" is not there yet in namespace "default"'),
      expect.stringContaining("restartPolicy: Always"),
      expect.stringContaining("livenessProbe"),
    ]);
    expect(warnings.join("").length).toBeLessThan(4096);
  });

  it("say that the last push wins", () => {
    expect(ask(job(output, pod({}), { completions: 3 })).warnings.map(describeWarning)).toContainEqual(
      expect.stringContaining("the last push wins"),
    );
  });
});

const host = "oras-0.oras.default.svc.cluster.local:5000";

function wordsOf(container: V1Container | undefined): string {
  return [...(container?.command ?? []), ...(container?.args ?? [])].join(" ");
}

/** What a container with a script of the author's sees of the share. */
const scripts = [
  { name: "oras-share", mountPath: "/mnt/oras", subPath: "scripts" },
  { name: "oras-share", mountPath: "/mnt/oras/operator", subPath: "0", readOnly: true },
];

describe("what is injected", () => {
  it("uses the cache's own host name", () => {
    const args = injected(pod(output)).spec.containers.at(-1)?.args;
    expect(args).toContain(
      "--output=http://oras-0.oras.default.svc.cluster.local:5000/dinosaur/hello-world:pancakes",
    );
  });

  it("chooses the named container, else kubectl's default, else the first", () => {
    const containers = ["a", "b", "c"].map((name) => ({ name, image: "x", command: ["true"] }));
    const wrapped = (annotations: Record<string, string>) =>
      injected(pod({ ...output, ...annotations }, { containers })).spec.containers.find((c) => c.args)?.name;
    const kubectl = { "kubectl.kubernetes.io/default-container": "b" };
    expect(wrapped({})).toBe("a");
    expect(wrapped(kubectl)).toBe("b");
    expect(wrapped({ ...kubectl, [`${p}container`]: "c" })).toBe("c");
    expect(wrapped({ "kubectl.kubernetes.io/default-container": "gone" })).toBe("a");
  });

  it("gives credentials to its own containers only, and never as an argument", () => {
    const { spec } = injected(pod({ ...output, [`${p}oras-env`]: "my-secret" }));
    const [launcher, push] = spec.containers;
    expect(spec.volumes).toContainEqual({ name: "oras-credentials", secret: { secretName: "my-secret" } });
    expect(launcher?.volumeMounts?.map((m) => m.name)).toEqual(["oras-share"]);
    expect(push?.volumeMounts?.map((m) => m.name)).toContain("oras-credentials");
    expect(JSON.stringify(push?.args)).not.toContain("my-secret");
  });

  it("keeps its containers without the ServiceAccount's token", () => {
    const path = "/var/run/secrets/kubernetes.io/serviceaccount";
    expect(injected(pod(output)).spec.containers.at(-1)?.volumeMounts).toContainEqual({
      name: "oras-share",
      mountPath: path,
      readOnly: true,
    });
  });

  it("uses another image to pull and push, and its own to bring the agent", () => {
    const { spec } = injected(pod({ ...output, [`${p}oras-container`]: "example.com/oras:1" }));
    expect(spec.initContainers?.map((c) => [c.name, c.image])).toEqual([
      ["oras-install", installation.agentImage],
      ["oras-pull", "example.com/oras:1"],
    ]);
    expect(spec.containers.at(-1)?.image).toBe("example.com/oras:1");
  });

  it("shows no credentials to the container that only brings the agent", () => {
    const secret = {
      [`${p}oras-env`]: "login",
      [`${p}input-uri`]: "a/b:c",
      [`${p}oras-container`]: "example.com/oras:1",
    };
    const { spec } = injected(pod({ ...output, ...secret }));
    const mounts = (spec.initContainers ?? []).map((c) => c.volumeMounts?.map(({ name }) => name));
    expect(mounts[0]).toEqual(["oras-share", "oras-share"]);
    expect(mounts[1]).toContain("oras-credentials");
  });

  it("sets no user on OpenShift", () => {
    const { spec } = injected(pod(output), { openshift: true });
    expect(spec.containers.at(-1)?.securityContext).not.toHaveProperty("runAsUser");
  });

  it("fails the Pod when the pull fails, where Kubernetes has the field for it", () => {
    const onFailure = pod(output, { restartPolicy: "OnFailure" });
    expect(injected(onFailure).spec.initContainers?.[0]?.restartPolicy).toBe("Never");
    expect(injected(onFailure, { kubernetesMinor: 34 }).spec.initContainers?.[0]).not.toHaveProperty(
      "restartPolicy",
    );
    expect(injected(pod(output)).spec.initContainers?.[0]).not.toHaveProperty("restartPolicy");
  });

  it("means a dollar sign in a path as it is written", () => {
    const { spec } = injected(pod({ ...output, [`${p}output-path`]: "a$b" }));
    expect(spec.containers[0]?.args).toContain("--output-path=a$$b");
  });

  it("says every setting when asked to", () => {
    expect(ask(pod({ ...output, [`${p}debug`]: "true" }))).toMatchObject({
      debug: { launchers: ["main"], settings: { debug: true } },
    });
  });

  it("speaks the original's protocol with scripts of the author's own", () => {
    const { spec } = injected(
      pod(
        { ...output, [`${p}entrypoint`]: "https://example.com/e.sh", [`${p}input-uri`]: "a/b:c" },
        {},
        { command: ["echo", "hi"] },
      ),
    );
    expect(wordsOf(spec.containers[0])).toBe(
      "/mnt/oras/operator/agent exec --share=/mnt/oras/operator --pushes -- /mnt/oras/operator/entrypoint.sh NA NA out echo hi",
    );
    expect(spec.containers[0]?.volumeMounts).toEqual(scripts);
    expect(wordsOf(spec.containers.at(-1))).toBe(
      `/agent sidecar --share=/mnt/oras --input=http://${host}/a/b:c --output=http://${host}/dinosaur/hello-world:pancakes --policy={"restart":"Never"} --image=busybox --timeout=300`,
    );
  });

  it("runs a sidecar script of the author's own in an image that has a shell, which sees its own folder", () => {
    const own = { [`${p}oras-entrypoint`]: "https://example.com/s.sh", [`${p}input-uri`]: "a/b:c" };
    const { spec } = injected(pod({ ...output, ...own }, {}, { command: ["echo", "hi"] }));
    const oras = spec.containers.at(-1);
    expect(wordsOf(spec.initContainers?.[0])).toBe(
      "/agent install --share=/mnt/oras --containers=1 --oras-entrypoint=https://example.com/s.sh",
    );
    expect(wordsOf(spec.containers[0])).toBe(
      "/mnt/oras/operator/agent application --share=/mnt/oras --output-path=out -- echo hi",
    );
    expect(spec.containers[0]?.volumeMounts).toEqual(scripts);
    expect(oras?.image).toBe(installation.scriptsImage);
    expect(wordsOf(oras)).toBe(
      `/mnt/oras/operator/oras-entrypoint.sh ${host}/dinosaur/hello-world:pancakes true ${host}/a/b:c`,
    );
    expect(oras?.volumeMounts?.slice(0, 2)).toEqual(scripts);
  });
});

describe("several launchers", () => {
  const two = (annotations: Record<string, string>) =>
    pod(
      {
        [`${p}output-uri`]: "a/b:c",
        [`${p}container`]: "main",
        [`${p}container_1`]: "helper",
        ...annotations,
      },
      {
        containers: [
          { name: "main", image: "one", command: ["main"] },
          { name: "helper", image: "two", command: ["helper"], restartPolicy: "OnFailure" },
        ],
      },
    );

  it("wraps each with its own paths, and pushes what they make together", () => {
    const { spec } = injected(two({ [`${p}output-path`]: "/a", [`${p}output-pipe_1`]: "/b/log" }));
    const [main, helper, oras] = spec.containers;
    expect(wordsOf(main)).toBe("/mnt/oras/agent exec --share=/mnt/oras --pushes --output-path=/a -- main");
    expect(wordsOf(helper)).toBe(
      "/mnt/oras/agent exec --share=/mnt/oras --pushes --output-path=/b/log --output-pipe=/b/log -- helper",
    );
    expect(spec.containers.map((c) => c.volumeMounts?.[0]?.subPath)).toEqual(["0", "1", undefined]);
    expect(wordsOf(oras)).toContain(
      '--policy={"restart":"Never"} --policy={"restart":"OnFailure"} --image=one --image=two',
    );
    expect(spec.initContainers?.[0]?.args).toContain("--containers=2");
  });

  it("one that names no output only tells how it ended", () => {
    const { spec } = injected(two({ [`${p}output-path_1`]: "/b" }));
    expect(wordsOf(spec.containers[0])).toBe("/mnt/oras/agent exec --share=/mnt/oras --pushes -- main");
  });

  it.each([
    [{ [`${p}container_1`]: "main" }, "ContainerTwice"],
    [{ [`${p}container_2`]: "nobody" }, "NoSuchContainer"],
    [{ [`${p}output-path`]: "/x/data", [`${p}output-path_1`]: "/y/data/" }, "OutputTwice"],
  ])("refuses %j: %s", (annotations, code) => {
    expect(denial(two(annotations))).toContain(`(${code})`);
  });
});

describe("variables", () => {
  const uri = { [`${p}output-uri`]: "runs/$(JOB_NAME):$(JOB_COMPLETION_INDEX)" };
  const env = (name: string, fieldPath: string) => ({
    name: `ORAS_OPERATOR_${name}`,
    valueFrom: { fieldRef: { fieldPath } },
  });

  it("are left to the kubelet, from an environment that only those containers have which need it", () => {
    const indexed = job(
      { ...uri, [`${p}output-path`]: "/tmp/$(POD_NAME)$x" },
      pod({}, {}, { env: [{ name: "POD_NAME", value: "theirs" }] }),
      { completionMode: "Indexed", completions: 20, parallelism: 20 },
    );
    const verdict = ask(indexed);
    expect(verdict.warnings.map(describeWarning).join()).not.toContain("spec.completions");
    const spec = (injected(indexed) as unknown as { spec: { template: V1Pod } }).spec.template.spec;
    const [main, oras] = spec?.containers ?? [];
    expect(main?.args).toContain("--output-path=/tmp/$(ORAS_OPERATOR_POD_NAME)$$x");
    // The launcher takes it away again before it runs the program.
    expect(main?.args?.join(" ")).toContain("--variable=ORAS_OPERATOR_POD_NAME");
    expect(main?.env).toEqual([{ name: "POD_NAME", value: "theirs" }, env("POD_NAME", "metadata.name")]);
    expect(oras?.args?.join(" ")).toContain(
      "/runs/$(ORAS_OPERATOR_JOB_NAME):$(ORAS_OPERATOR_JOB_COMPLETION_INDEX)",
    );
    expect(oras?.env).toEqual([
      { name: names.requestVariable, value: "1" },
      env("JOB_NAME", "metadata.labels['batch.kubernetes.io/job-name']"),
      env("JOB_COMPLETION_INDEX", "metadata.annotations['batch.kubernetes.io/job-completion-index']"),
    ]);
  });

  it("are refused where a Pod has no value for them", () => {
    const message = denial(pod(uri));
    expect(message).toContain("$(JOB_NAME), which only Pods of a Job have");
    expect(message).toContain("$(JOB_COMPLETION_INDEX), which only Pods of an Indexed Job have");
    expect(denial(job(uri, pod({})))).toContain("(VariableNotThere)");
  });

  it("keep the outputs of a Job's Pods apart; without one there is a warning", () => {
    const many = (tag: string, spec: object) =>
      ask(job({ [`${p}output-uri`]: `runs/x:${tag}` }, pod({}), { completions: 3, ...spec }))
        .warnings.map(describeWarning)
        .join();
    expect(many("latest", {})).toContain("$(POD_NAME) in output-uri keeps them apart");
    expect(many("latest", { completionMode: "Indexed" })).toContain("$(JOB_COMPLETION_INDEX) in output-uri");
    expect(many("$(POD_UID)", {})).not.toContain("keeps them apart");
  });
});

describe("credentials", () => {
  const hosts = (annotations: Record<string, string>) => {
    const args =
      injected(pod({ ...annotations, [`${p}oras-env`]: "secret" })).spec.containers.at(-1)?.args ?? [];
    const option = "--credentials-host=";
    return args.find((word) => word.startsWith(option))?.slice(option.length);
  };

  it("are shown to one registry: the step's own, else the first that a URI names", () => {
    const uris = {
      [`${p}input-uri`]: "oci://in.example.com/a/b:c",
      [`${p}output-uri`]: "oci://out.example.com/a:b",
    };
    expect(hosts({ ...uris, [`${p}registry`]: "ghcr.io" })).toBe("ghcr.io");
    expect(hosts(uris)).toBe("out.example.com");
    expect(hosts({ ...uris, [`${p}output-uri`]: "a:b" })).toBe("in.example.com");
    expect(hosts({ [`${p}output-uri`]: "a:b" })).toBe("oras-0.oras.default.svc.cluster.local:5000");
    const failure = { [`${p}output-uri`]: "a:b", [`${p}failure-uri`]: "oci://left.example.com/a:b" };
    expect(hosts(failure)).toBe("left.example.com");
  });
});

describe("resources of the author's", () => {
  it("stand instead of those that are derived, resource by resource", () => {
    const amounts = { cpu: "1", memory: "1Gi" };
    const guaranteed = pod(
      { ...output, [`${p}limits-memory`]: "64Mi", [`${p}requests-ephemeral-storage`]: "1Gi" },
      {},
      { resources: { limits: amounts, requests: amounts } },
    );
    expect(injected(guaranteed).spec.containers.at(-1)?.resources).toEqual({
      limits: { cpu: "250m", memory: "64Mi" },
      requests: { cpu: "250m", "ephemeral-storage": "1Gi" },
    });
  });
});

describe("a launcher without a command", () => {
  const bare = (args?: string[]) => {
    const { metadata, spec, ...rest } = pod(output);
    const containers = [{ name: "main", image: "app:1", ...(args ? { args } : {}) }];
    return { ...rest, metadata, spec: { ...spec, containers } } as V1Pod;
  };
  const around = (entrypoint: string[], cmd: string[]): Around => ({
    images: new Map([["app:1", { program: { entrypoint, cmd } }]]),
  });
  const words = (object: V1Pod, known: Around) => {
    const args = injected(object, known).spec.containers[0]?.args ?? [];
    return args.slice(args.indexOf("--") + 1);
  };

  it("runs what its image says: ENTRYPOINT, then its own arguments or else CMD", () => {
    expect(words(bare(), around(["/app"], ["-x", "$(Y)"]))).toEqual(["/app", "-x", "$$(Y)"]);
    // The runtime runs an image's words as they are: what the kubelet would make of dollar signs is escaped.
    const dollars = around(["/app", "$$", "$$(X)"], ["$HOME", "a$", "$$$(Y)"]);
    expect(words(bare(), dollars)).toEqual(["/app", "$$$$", "$$$$(X)", "$$HOME", "a$$", "$$$$$$(Y)"]);
    expect(words(bare(["a", "$(B)"]), around(["/app"], ["-x"]))).toEqual(["/app", "a", "$(B)"]);
    expect(words(bare(["/own", "b"]), around([], ["-x"]))).toEqual(["/own", "b"]);
  });

  it("is refused with the reason when that is not known", () => {
    const unknown = new Map<string, KnownImage>([["app:1", { unknown: "ghcr.io answers with status 404" }]]);
    expect(denial(bare())).toContain('container "main" has none. Set the container\'s command');
    expect(denial(bare(), { images: unknown })).toContain(
      "could not be found out: ghcr.io answers with status 404. Set",
    );
    expect(denial(bare(), around([], []))).toContain("its image has neither ENTRYPOINT nor CMD");
  });

  it("is restored when the same manifest is applied again", () => {
    const known = around(["/app"], []);
    const stored = injected(bare(["a"]), known);
    const applied = structuredClone(stored);
    if (applied.spec.containers[0]) applied.spec.containers[0].args = ["a"];
    const request = { ...createRequest(applied), operation: "UPDATE" as const, oldObject: stored };
    const verdict = admit(request, known);
    if (verdict.kind === "denied") throw new Error(verdict.message);
    applyPatch(applied, [...(verdict.patch ?? [])]);
    expect(applied).toEqual(stored);
  });
});

describe("objects that are not valid yet", () => {
  it("without containers are left to the API server, which says so", () => {
    const empty = pod(output, { containers: null as unknown as [] });
    expect(ask(empty)).toEqual({ kind: "allowed", warnings: [], outcome: "untouched" });
    expect(ask(job(output, { ...empty, metadata: {} }))).toMatchObject({ outcome: "untouched" });
  });

  it.each(["/", "//", "/."])("an output path of %s is refused", (path) => {
    expect(denial(pod({ ...output, [`${p}output-path`]: path }))).toContain("(OutputIsRoot)");
  });
});
