import type { V1Container, V1Job, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { annotations } from "../../../generated/annotations.ts";
import { names } from "../../../schema/names.ts";
import layouts from "../../support/layouts/0.1.0.json" with { type: "json" };
import { created, updated } from "../../support/patched.ts";
import { admit, createRequest } from "../../support/pods.ts";

const output = {
  [annotations["output-uri"].key]: "a/b:c",
  [annotations["output-path"].key]: "/tmp/$(POD_NAME)",
  [annotations["oras-env"].key]: "login",
};
const main: V1Container = { name: "main", image: "busybox:1.36", command: ["sleep"], args: ["60"] };
const token = { name: "kube-api-access", projected: { sources: [] } };
const tokenMount = { name: "kube-api-access", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" };

/** A Pod with parts of every kind. */
const pod: V1Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "step", labels: { app: "step" }, annotations: output },
  spec: {
    restartPolicy: "Never",
    volumes: [token],
    initContainers: [{ name: "first", image: "busybox:1.36", command: ["true"] }],
    containers: [
      { ...main, env: [{ name: "A", value: "b" }], volumeMounts: [tokenMount] },
      { name: "side", image: "busybox:1.36", command: ["sleep", "5"] },
    ],
  },
};
const template = { metadata: { labels: { "job-name": "step" } }, spec: pod.spec };
const job = {
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name: "step", annotations: output },
  spec: { template },
} as V1Job;
const both = {
  ...job,
  spec: { template: { ...template, metadata: { ...template.metadata, annotations: output } } },
} as V1Job;

const objects: [string, V1Pod | V1Job][] = [
  ["Pod", pod],
  ["Job", job],
  ["Job whose template is annotated too", both],
];

function specOf(object: V1Pod | V1Job): V1PodSpec {
  const spec = object.spec && "template" in object.spec ? object.spec.template.spec : object.spec;
  return spec as V1PodSpec;
}

/** What kubectl apply sends: where the manifest says something, that, and what it does not say as it is stored. */
function applied<T extends V1Pod | V1Job>(manifest: T, stored: T): T {
  const copy = structuredClone(stored);
  for (const { name, command, args } of specOf(manifest).containers) {
    const container = specOf(copy).containers.find((c) => c.name === name);
    Object.assign(container ?? {}, command && { command }, args && { args });
  }
  return copy;
}

describe("an injected object is restored", () => {
  it.each(objects)("when a %s is applied again", (_, manifest) => {
    const stored = created(manifest);
    expect(updated(stored, applied(manifest, stored))).toEqual(stored);
  });

  it.each(objects)(
    "whole, when a %s is replaced by what it was (kubectl replace, Argo CD Replace=true)",
    (_, manifest) => {
      const stored = created(manifest);
      expect(updated(stored, structuredClone(manifest))).toEqual(stored);
    },
  );

  it.each(objects)("when a client drops fields of a %s that it does not know", (_, manifest) => {
    const stored = created(manifest);
    const dropped = structuredClone(stored);
    for (const container of specOf(dropped).initContainers ?? []) {
      delete container.env;
      delete container.securityContext;
    }
    delete specOf(dropped).containers[0]?.volumeMounts;
    delete specOf(dropped).containers[0]?.env;
    expect(JSON.stringify(updated(stored, dropped))).toContain('"mountPath":"/mnt/oras","subPath":"0"');
    const restored = updated(stored, dropped);
    expect(specOf(restored).initContainers).toEqual(specOf(stored).initContainers);
  });

  it.each(objects)("when somebody takes the label or the marker off a %s", (_, manifest) => {
    const stored = created(manifest);
    const bare = structuredClone(stored);
    delete bare.metadata?.labels?.[names.injectedLabel];
    delete bare.metadata?.labels?.[names.usesCacheLabel];
    delete bare.metadata?.annotations?.[names.markerAnnotation];
    expect(updated(stored, bare)).toEqual(stored);
    delete bare.metadata?.labels;
    expect(updated(stored, bare).metadata?.labels).toEqual({
      [names.injectedLabel]: "true",
      [names.usesCacheLabel]: "oras",
    });
  });

  it("with what Kubernetes lets people change as they change it", () => {
    const stored = created(pod);
    const changed = structuredClone(stored);
    const last = changed.spec?.containers.at(-1);
    Object.assign(last ?? {}, { image: "other:1", resources: { limits: { cpu: "1" } } });
    Object.assign(changed.spec ?? {}, { activeDeadlineSeconds: 5 });
    const request = { ...createRequest(changed), operation: "UPDATE" as const, oldObject: stored };
    expect(admit(request)).toMatchObject({ outcome: "untouched" });
    // The same where the manifest is applied.
    expect(updated(stored, applied(pod, changed))).toEqual(changed);
  });

  it.each([
    ["no args", { command: ["sleep", "60"], args: undefined }],
    ["no command", { command: undefined, args: ["60"] }],
    ["neither", { command: undefined, args: undefined }],
    ["words like the operator's own", { command: ["--", "--share"], args: ["--", "x", "--"] }],
  ])("whose program has %s", (_, program) => {
    const images = new Map([["app", { program: { entrypoint: ["/app", "$(X)"], cmd: ["$$"] } }]]);
    const manifest = JSON.parse(
      JSON.stringify({ ...pod, spec: { containers: [{ name: "main", image: "app", ...program }] } }),
    ) as V1Pod;
    const stored = created(manifest, { images });
    expect(updated(stored, applied(manifest, stored))).toEqual(stored);
    expect(updated(stored, structuredClone(manifest))).toEqual(stored);
  });
});

describe("sec-16: another program is not smuggled in, and nothing is said to be done that is not", () => {
  const marker = JSON.stringify({ hash: "x", containers: ["c"] });
  const bare = (command: string[], map: Record<string, string> = {}): V1Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", annotations: map },
    spec: { restartPolicy: "Never", containers: [{ name: "c", image: "busybox:1.36", command }] },
  });
  const marked = { [names.markerAnnotation]: marker };

  it("a marked object that is annotated is injected", () => {
    expect(created(bare(["sleep", "60"], { ...marked, ...output })).spec?.containers).toHaveLength(2);
  });

  it("a marked object with a wrong annotation is refused", () => {
    const wrong = { ...marked, [annotations["output-uri"].key]: "NOT VALID" };
    expect(admit(createRequest(bare(["sleep", "60"], wrong)))).toMatchObject({ kind: "denied" });
  });

  const change = (stored: V1Pod, submitted: V1Pod) =>
    admit({ ...createRequest(submitted), operation: "UPDATE", oldObject: stored });

  it("a marker in what is submitted changes nothing: the stored object has none", () => {
    const stored = bare(["sleep", "60"]);
    expect(change(stored, bare(["echo", "smuggled"], marked))).toMatchObject({ outcome: "untouched" });
  });

  it.each([
    ["without a marker", {}],
    ["with a forged one", marked],
    [
      "with a forged one of today",
      { [names.markerAnnotation]: created(pod).metadata?.annotations?.[names.markerAnnotation] ?? "" },
    ],
  ])("a stored command that looks like an injection is not put back, %s", (_, map) => {
    const stored = bare(["sh", "-c", "sleep 60", "--", "sleep", "61"], map);
    expect(change(stored, bare(["sleep", "61"], marked))).toMatchObject({ outcome: "untouched" });
    // Nor one that looks still more like it: it mounts no share.
    const start = [
      "/mnt/oras/bin/tini",
      "-s",
      "-g",
      "--",
      "/mnt/oras/bin/busybox",
      "sh",
      "/mnt/oras/bin/launch.sh",
    ];
    const close = bare([...start, "--", "sleep", "61"], map);
    expect(change(close, bare(["sleep", "61"], marked))).toMatchObject({ outcome: "untouched" });
  });

  it.each([
    ["another word", (words: string[]) => words.with(-1, "smuggled")],
    ["a word more", (words: string[]) => [...words, "smuggled"]],
    ["a word less", (words: string[]) => words.slice(0, -1)],
    ["the operator's options alone", (words: string[]) => words.slice(0, words.indexOf("--") + 1)],
    ["other options", (words: string[]) => words.map((word) => (word === "true" ? "false" : word))],
  ])("%s in the wrapped program is left to the API server, which refuses it", (_, change) => {
    const stored = created(pod);
    const submitted = structuredClone(stored);
    const [container] = submitted.spec?.containers ?? [];
    if (container) container.args = change(container.args ?? []);
    expect(updated(stored, submitted)).toEqual(submitted);
  });

  it.each([
    ["the end of the program alone", { command: ["60"] }],
    ["the program in another order", { command: ["60"], args: ["sleep"] }],
    ["the program with a word before it", { command: ["nice", "sleep"], args: ["60"] }],
    ["another program with its args", { command: ["rest"], args: ["60"] }],
  ])("%s is not taken for the program", (_, program) => {
    const stored = created(pod);
    const submitted = structuredClone(stored);
    Object.assign(submitted.spec?.containers[0] ?? {}, program);
    expect(updated(stored, submitted)).toEqual(submitted);
  });
});

describe("what version 0.1.0 injected", () => {
  const cases = layouts as unknown as { name: string; manifest: V1Pod | V1Job; stored: V1Pod | V1Job }[];
  const named = cases.map(({ name, manifest, stored }) => [name, manifest, stored] as const);

  it.each(named)("%s: is restored when its manifest is applied again", (_, manifest, stored) => {
    expect(updated(stored, applied(manifest, stored))).toEqual(stored);
  });

  it.each(named.filter(([name]) => !name.includes("ENTRYPOINT")))(
    "%s: is restored whole when it is replaced by its manifest",
    (_, manifest, stored) => {
      expect(updated(stored, structuredClone(manifest))).toEqual(stored);
    },
  );

  it.each(named)("%s: another program is left to the API server", (_, _manifest, stored) => {
    const other = structuredClone(stored);
    Object.assign(specOf(other).containers[0] ?? {}, { command: ["another"], args: ["program"] });
    expect(updated(stored, other)).toEqual(other);
  });

  it.each(named)("%s: is injected again when it is created again", (_, manifest, stored) => {
    const images = new Map([["busybox:1.36", { program: { entrypoint: ["/bin/app"], cmd: [] } }]]);
    const again = created(stored, { images });
    const fresh = created(manifest, { images });
    expect(specOf(again).initContainers).toHaveLength(specOf(fresh).initContainers?.length ?? 0);
    // Command and args of the program are one list now, which runs the same.
    expect(specOf(again).containers.map((c) => c.args)).toEqual(specOf(fresh).containers.map((c) => c.args));
    expect(specOf(again).volumes).toEqual(specOf(fresh).volumes);
  });
});
