import { resolve } from "node:path/posix";
import type { V1Container, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import fc from "fast-check";
import { annotations } from "../../src/annotations/table.ts";
import type {
  AdmissionRequest,
  Answers,
  Installation,
  Verdict,
} from "../../src/injection/admission-types.ts";
import { decide } from "../../src/injection/decide.ts";
import { prepare } from "../../src/injection/prepare.ts";
import { validAnnotations } from "./arbitraries.ts";

/** A plain installation. */
export const installation: Installation = {
  clusterDomain: "cluster.local",
  agentImage: "example.com/agent:1",
  scriptsImage: "example.com/scripts:1",
  kubernetesMinor: 36,
  openshift: false,
  workflow: true,
};

/** Admission from end to end: with answers that are there already, in an installation that differs. */
export function admit(request: AdmissionRequest, around: Answers & Partial<Installation> = {}): Verdict {
  const prepared = prepare(request, { ...installation, ...around });
  return prepared.settled ?? decide(prepared, around);
}

/** A request for the creation of an object. */
export function createRequest(object: { kind?: string }, namespace = "default"): AdmissionRequest {
  const kind = object.kind ?? "Pod";
  return {
    uid: "1",
    kind: { group: kind === "Job" ? "batch" : "", version: "v1", kind },
    operation: "CREATE",
    namespace,
    object,
  };
}

const name = fc.stringMatching(/^[a-z]([-a-z0-9]{0,8}[a-z0-9])?$/);
/** Names that collide with the operator's, and others. */
const containerName = fc.oneof(name, fc.constantFrom("oras", "oras-pull", "oras-1", "oras-tools"));
const volumeName = fc.oneof(
  name,
  fc.constantFrom("oras-share", "oras-share-1", "oras-credentials", "oras-private"),
);
const mountPath = fc.oneof(
  name.map((n) => `/data/${n}`),
  fc.constantFrom("/mnt/oras", "/mnt", "/mnt/oras/bin", "/mnt/oras-1", "/oras", "/tmp/x/"),
);
/** Words that shells, kubelets and option parsers like to change. */
const word = fc.oneof(
  fc.string({ unit: "grapheme" }).filter((s) => !s.includes("\u0000")),
  fc.constantFrom(
    "",
    " ",
    "--",
    "-c",
    "$(HOME)",
    "$$(X)",
    "a\nb",
    "'",
    '"',
    "\\",
    "*",
    "--share",
    "é",
    "a=b",
  ),
);

/** Environment variables of which hundreds must not matter. */
const env = fc.uniqueArray(fc.record({ name: fc.stringMatching(/^[A-Z_]{1,12}$/), value: fc.string() }), {
  maxLength: 5,
  selector: (e) => e.name,
});

const quantity = fc.constantFrom("100m", "1", "2");
const memory = fc.constantFrom("64Mi", "1Gi");
const resources = fc.oneof(
  fc.constant(undefined),
  fc.record({ limits: fc.record({ cpu: quantity, memory }) }),
  fc.record({ requests: fc.record({ cpu: fc.constant("10m") }), limits: fc.record({ memory }) }),
  fc.record({ limits: fc.record({ "ephemeral-storage": fc.constantFrom("1Gi", "2Gi") }) }),
);

const container = (volumes: string[]): fc.Arbitrary<V1Container> =>
  fc
    .record({
      name: containerName,
      image: fc.constantFrom("busybox", "example.com/a:1"),
      command: fc
        .array(word, { minLength: 1, maxLength: 4 })
        .map(([first, ...rest]) => [first || "true", ...rest]),
      args: fc.option(fc.array(word, { maxLength: 4 }), { nil: undefined }),
      env,
      resources,
      workingDir: fc.constantFrom(undefined, "/work"),
      tty: fc.constantFrom(undefined, true),
      stdin: fc.constantFrom(undefined, true),
      terminationMessagePath: fc.constantFrom(undefined, "/dev/other"),
      mounts: fc.uniqueArray(mountPath, { maxLength: 3 }),
      securityContext: fc.constantFrom(undefined, { runAsUser: 0 }, { readOnlyRootFilesystem: true }),
      lifecycle: fc.constantFrom(undefined, { preStop: { exec: { command: ["true"] } } }),
      readinessProbe: fc.constantFrom(undefined, { exec: { command: ["true"] } }),
      startupProbe: fc.constantFrom(undefined, undefined, { exec: { command: ["true"] } }),
      restarts: fc.constantFrom(
        {},
        {},
        ...["Restart", "RestartAllContainers"].map((action) => ({
          restartPolicy: "Never",
          restartPolicyRules: [{ action, exitCodes: { operator: "In", values: [42] } }],
        })),
      ),
    })
    .map(
      ({ mounts, restarts, ...rest }) =>
        withoutUndefined<object>({
          ...rest,
          ...restarts,
          ...(volumes[0] === undefined
            ? {}
            : { volumeMounts: mounts.map((path) => ({ name: volumes[0] as string, mountPath: path })) }),
        }) as V1Container,
    );

/** Specs of Pods that an API server accepts. */
export const podSpec: fc.Arbitrary<V1PodSpec> = fc
  .uniqueArray(volumeName, { maxLength: 3 })
  .chain((volumes) =>
    fc.record({
      volumes: fc.constant(volumes.map((n) => ({ name: n, emptyDir: {} }))),
      all: fc.uniqueArray(container(volumes), { minLength: 1, maxLength: 5, selector: (c) => c.name }),
      split: fc.nat(4),
      restartPolicy: fc.constantFrom("Never", "OnFailure"),
      securityContext: fc.constantFrom(undefined, { runAsUser: 0 }, { runAsUser: 1234, fsGroup: 5 }),
      automountServiceAccountToken: fc.constantFrom(undefined, false),
      subdomain: fc.constantFrom(undefined, "mine"),
      terminationGracePeriodSeconds: fc.constantFrom(undefined, 5),
      nodeSelector: fc.constantFrom(undefined, { disk: "ssd" }),
      shareProcessNamespace: fc.constantFrom(undefined, true),
    }),
  )
  .map(({ all: drawn, split, ...rest }) => {
    // Beside a Secret, processes are shared only with containers whose user is another one and stays so.
    const all = rest.shareProcessNamespace
      ? drawn.map((c) => ({
          ...c,
          securityContext: { ...c.securityContext, runAsUser: 1234, allowPrivilegeEscalation: false },
        }))
      : drawn;
    const initCount = Math.min(split, all.length - 1);
    const initContainers = all
      .slice(0, initCount)
      .map(({ readinessProbe, startupProbe, lifecycle, restartPolicy, restartPolicyRules, ...c }) => c);
    return withoutUndefined({
      ...rest,
      ...(initCount > 0 ? { initContainers } : {}),
      containers: all.slice(initCount),
    }) as unknown as V1PodSpec;
  });

/** Pods without the operator's annotations. */
export const pod: fc.Arbitrary<V1Pod> = fc
  .tuple(name, podSpec, fc.dictionary(name, name, { maxKeys: 3 }))
  .map(([n, spec, labels]) => ({ apiVersion: "v1", kind: "Pod", metadata: { name: n, labels }, spec }));

/**
 * The same for steps that need no init container: everything runs in one container that is wrapped, beside native sidecars,
 * and no probe sees when its program starts.
 */
export const plainSpec: fc.Arbitrary<V1PodSpec> = podSpec.map((spec) => {
  const [main, ...others] = spec.containers.map(
    ({ startupProbe, restartPolicy, restartPolicyRules, ...c }) => c,
  );
  const sidecars = others.map((c) => ({ ...c, restartPolicy: "Always" }));
  const initContainers = [...(spec.initContainers ?? []), ...sidecars];
  return { ...spec, containers: main ? [main] : [], ...(initContainers.length > 0 && { initContainers }) };
});

function withoutUndefined<T extends object>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/**
 * Annotations whose container the Pod might not have, those whose output no Pod can hand over, and those that would send
 * a password in plain HTTP, are left out.
 */
export const stepAnnotations = validAnnotations.filter(
  (map) =>
    !(map[annotations["oras-env"].key] && map[annotations.registry.key]?.startsWith("http://")) &&
    !Object.entries(map).some(
      ([key, value]) =>
        key.startsWith(annotations.container.key) ||
        (key.startsWith(annotations["output-path"].key) && resolve("/", value) === "/"),
    ),
);

/** The same without amounts of the author's, which may change the QoS class as they say. */
export function withoutAmounts(map: Record<string, string>): Record<string, string> {
  return without(map, /\/(requests|limits)-/);
}

/** The same without scripts and images of the author's, which need an init container. */
export const plainAnnotations = stepAnnotations.map((map) =>
  without(map, /\/(oras-)?(entrypoint|container)$/),
);

function without(map: Record<string, string>, keys: RegExp): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !keys.test(key)));
}
