import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import { lostNode, mayHoldArtifacts, refusedPod, together, troubleOf } from "../../../src/cache/trouble.ts";

const pod = (status: V1Pod["status"]): V1Pod => ({ metadata: { name: "oras-0" }, ...(status && { status }) });
const container = (status: Partial<V1ContainerStatus>): V1Pod =>
  pod({ containerStatuses: [{ name: "registry", image: "registry:x", ...status } as V1ContainerStatus] });
const waiting = (reason: string, message?: string) =>
  container({ state: { waiting: { reason, ...(message && { message }) } } });

test("an init container that cannot run is in the way, in its own words", () => {
  const waiting = { reason: "CrashLoopBackOff", message: "back-off 10s restarting" };
  const terminated = { exitCode: 195, message: "REGISTRY_AUTH is not allowed\n" };
  const init = { name: "keeper-init", image: "agent", imageID: "", ready: false, restartCount: 1 };
  const initContainerStatuses = [{ ...init, state: { waiting }, lastState: { terminated } }];
  expect(troubleOf({ metadata: { name: "oras-0" }, status: { initContainerStatuses } })).toEqual({
    reason: "CrashLoopBackOff",
    message:
      "Pod oras-0: container keeper-init: it ends again and again (last exit code 195): REGISTRY_AUTH is not allowed",
  });
});

test("variables of the author's that decide what the operator decides have a reason of their own", () => {
  const waiting = { reason: "CrashLoopBackOff", message: "back-off 10s restarting" };
  const message = "the Secret of secrets.orasEnv has REGISTRY_AUTH (exit code 191)";
  const terminated = { exitCode: exitCodes.envConflicts.code, message: `${message}\n` };
  const init = { name: "keeper-init", image: "agent", imageID: "", ready: false, restartCount: 1 };
  const initContainerStatuses = [{ ...init, state: { waiting }, lastState: { terminated } }];
  expect(troubleOf({ metadata: { name: "oras-0" }, status: { initContainerStatuses } })).toEqual({
    reason: "EnvConflicts",
    message: `Pod oras-0: ${message}`,
  });
});

describe("why a registry Pod does not run", () => {
  test("lif-31: an image that is not there, in one reason and the same words however the kubelet puts it", () => {
    const cause = "rpc error: code = NotFound desc = failed to pull: not found";
    const first = troubleOf(waiting("ErrImagePull", cause));
    expect(first).toEqual({
      reason: "ImagePullFailed",
      message: `Pod oras-0: image registry:x cannot be pulled: ${cause}`,
    });
    const backOff = `Back-off pulling image "registry:x": ErrImagePull: ${cause}`;
    expect(troubleOf(waiting("ImagePullBackOff", backOff))).toEqual(first);
    expect(troubleOf(waiting("ImagePullBackOff", 'Back-off pulling image "registry:x"'))?.message).toContain(
      "ImagePullBackOff",
    );
    expect(troubleOf(waiting("InvalidImageName", "bad"))?.reason).toBe("ImagePullFailed");
  });

  const digest = `sha256:${"1c".repeat(32)}`;
  const input = `198.18.0.1:30555/models/m@${digest}`;
  /** As a kubelet of 1.36 and containerd 2.4 tell it. */
  const notFound = (image: string) =>
    `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;
  const withVolumes = (reason: string, message: string, references: Record<string, string>): V1Pod => {
    const state = { waiting: { reason, message } };
    return {
      metadata: { name: "p" },
      spec: {
        containers: [
          {
            name: "main",
            image: "busybox:1.37",
            volumeMounts: Object.keys(references).map((name) => ({ name, mountPath: `/${name}` })),
          },
        ],
        volumes: [
          ...Object.entries(references).map(([name, reference]) => ({ name, image: { reference } })),
          { name: "unused", image: { reference: `${input}-of-another-container` } },
          { name: "scratch", emptyDir: {} },
        ],
      },
      status: {
        containerStatuses: [{ name: "main", image: "busybox:1.37", state } as unknown as V1ContainerStatus],
      },
    };
  };

  test.each<[string, string, string, Record<string, string>, string | undefined]>([
    ["a volume", "ErrImagePull", notFound(input), { in: input }, "in"],
    [
      "a volume, while the kubelet waits",
      ...([
        "ImagePullBackOff",
        `Back-off pulling image "${input}": ErrImagePull: ${notFound(input)}`,
      ] as const),
      ...([{ in: input }, "in"] as const),
    ],
    [
      "a volume, of which nothing but the name is told",
      ...(["ImagePullBackOff", `Back-off pulling image "${input}"`, { in: input }, "in"] as const),
    ],
    ["one of several", "ErrImagePull", notFound(input), { a: "reg/other:1", in: input }, "in"],
    [
      "one whose reference is longer than that of another",
      ...(["ErrImagePull", notFound("reg/m:10"), { a: "reg/m:1", b: "reg/m:10" }, "b"] as const),
    ],
    [
      "one whose reference is longer than the container's image",
      ...(["ErrImagePull", notFound("reg/busybox:1.37"), { in: "reg/busybox:1.37" }, "in"] as const),
    ],
    [
      "the container, though it has a volume",
      "ErrImagePull",
      notFound("busybox:1.37"),
      { in: input },
      undefined,
    ],
    [
      "the container, whose image has the volume's reference in it",
      ...([
        "ErrImagePull",
        notFound("docker.io/library/busybox:1.37"),
        { in: "busybox" },
        undefined,
      ] as const),
    ],
    ["nobody", "ErrImagePull", "no answer", { in: input }, undefined],
  ])("an image that cannot be pulled is that of %s", (_, reason, message, references, volume) => {
    const found = troubleOf(withVolumes(reason, message, references));
    expect(found?.reason).toBe("ImagePullFailed");
    const image = volume === undefined ? "busybox:1.37" : `${references[volume]} of the volume ${volume}`;
    expect(found?.message).toContain(`Pod p: image ${image} cannot be pulled: `);
    expect(found?.volume?.name).toBe(volume);
  });

  test.each([
    ["CreateContainerError", "ImageVolumeMountFailed: mismatched image rootfs and manifest layers"],
    ["ImageVolumeMountFailed", "mismatched image rootfs and manifest layers"],
  ])("an artifact that is no image cannot be mounted: %s", (reason, message) => {
    expect(troubleOf(withVolumes(reason, message, { in: input }))).toEqual({
      reason,
      message: `Pod p: image ${input} of the volume in cannot be mounted: ${message}`,
      volume: { name: "in", reference: input },
    });
  });

  test("a Secret that is not there, in the kubelet's words", () => {
    const message = 'secret "env" not found';
    expect(troubleOf(waiting("CreateContainerConfigError", message))).toEqual({
      reason: "CreateContainerConfigError",
      message: `Pod oras-0: container registry: ${message}`,
    });
  });

  test("a registry that ends again and again; the message does not count the seconds", () => {
    const crashed = container({
      state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s restarting failed container" } },
      lastState: { terminated: { exitCode: 2, reason: "Error" } },
    });
    expect(troubleOf(crashed)).toEqual({
      reason: "CrashLoopBackOff",
      message: "Pod oras-0: container registry: it ends again and again (last exit code 2, Error)",
    });
  });

  test("no node, and a Pod that was evicted", () => {
    const conditions = [
      { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes are available" },
    ];
    expect(troubleOf(pod({ conditions }))).toEqual({
      reason: "Unschedulable",
      message: "Pod oras-0: 0/1 nodes are available",
    });
    expect(troubleOf(pod({ phase: "Failed", reason: "Evicted", message: "disk pressure" }))).toEqual({
      reason: "Evicted",
      message: "Pod oras-0 failed: disk pressure",
    });
  });

  test("one that starts or runs has none", () => {
    expect(troubleOf(pod(undefined))).toBeUndefined();
    expect(troubleOf(waiting("ContainerCreating"))).toBeUndefined();
    expect(troubleOf(container({ state: { running: {} } }))).toBeUndefined();
  });
});

describe("why a StatefulSet has no Pod", () => {
  const note = (text: string) => `create Pod oras-0 in StatefulSet oras failed error: ${text}`;
  test.each([
    [
      "lif-03: a quota",
      'pods "oras-0" is forbidden: exceeded quota: pods, requested: pods=1',
      "QuotaExceeded",
    ],
    [
      "lif-03: a quota on what the Pod does not set",
      'pods "oras-0" is forbidden: failed quota: compute: must specify limits.cpu for: registry',
      "ResourcesNotSet",
    ],
    [
      "a quota on all containers",
      'pods "oras-0" is forbidden: failed quota: q: must specify limits.memory for: keeper,keeper-init,registry; requests.ephemeral-storage for: registry',
      "ResourcesNotSet",
    ],
    [
      "no quota for what must have one",
      'pods "oras-0" is forbidden: insufficient quota to match these scopes: [{PriorityClass In [high]}]',
      "QuotaExceeded",
    ],
    [
      "a LimitRange's default below the request",
      'Pod "oras-0" is invalid: spec.containers[0].resources.requests: Invalid value: "64Mi": must be less than or equal to memory limit of 32Mi',
      "LimitRangeViolation",
    ],
    [
      "a LimitRange's maximum",
      'pods "oras-0" is forbidden: maximum memory usage per Container is 32Mi, but limit is 64Mi',
      "LimitRangeViolation",
    ],
    [
      "a LimitRange's maximum without a limit",
      'pods "oras-0" is forbidden: [maximum cpu usage per Pod is 1, but no limit is specified, minimum memory usage per Container is 1Gi, but request is 64Mi]',
      "LimitRangeViolation",
    ],
    [
      "a LimitRange's ratio",
      'pods "oras-0" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 50.000000',
      "LimitRangeViolation",
    ],
    [
      "a value that no LimitRange is about",
      'Pod "oras-0" is invalid: spec.tolerations[0].operator: Invalid value: "x": must be less',
      "PodRefused",
    ],
    [
      "Pod Security",
      'pods "oras-0" is forbidden: violates PodSecurity "restricted:latest"',
      "PodSecurityViolation",
    ],
    ["a webhook", 'admission webhook "x" denied the request: no', "PodRefused"],
  ])("%s", (_, text, reason) => {
    expect(refusedPod(note(text))).toEqual({ reason, message: text });
  });
});

describe("a Pod may hold artifacts that are lost with it", () => {
  test("once its container has run", () => {
    expect(mayHoldArtifacts(pod(undefined))).toBe(false);
    expect(mayHoldArtifacts(waiting("ErrImagePull"))).toBe(false);
    expect(mayHoldArtifacts(container({ state: { running: {} } }))).toBe(true);
    expect(mayHoldArtifacts(container({ state: { terminated: { exitCode: 1 } } }))).toBe(true);
    const crashed = { state: { waiting: {} }, lastState: { terminated: { exitCode: 1 } } };
    expect(mayHoldArtifacts(container(crashed))).toBe(true);
  });

  test("whatever the keeper does: with an image that is not there the next one replaces the Pod", () => {
    const keeper = { name: "keeper", image: "agent", imageID: "", ready: true, restartCount: 0 };
    const registry = { ...keeper, name: "registry", state: { waiting: { reason: "ErrImagePull" } } };
    const containerStatuses = [registry, { ...keeper, state: { running: {} } }];
    expect(mayHoldArtifacts(pod({ containerStatuses }))).toBe(false);
  });

  test("unless they are on a volume", () => {
    const data = (volume: object) => ({
      ...container({ state: { running: {} } }),
      spec: { containers: [], volumes: [{ name: names.registryDataVolume, ...volume }] },
    });
    expect(mayHoldArtifacts(data({ persistentVolumeClaim: { claimName: "oras-data" } }))).toBe(false);
    expect(mayHoldArtifacts(data({ emptyDir: {} }))).toBe(true);
  });
});

describe("a Pod whose node does not answer", () => {
  const now = Date.parse("2026-01-01T00:10:00Z");
  const ending = (deletionTimestamp: string | undefined, more: object = {}): V1Pod => ({
    metadata: {
      name: "oras-0",
      namespace: "work",
      ...(deletionTimestamp ? { deletionTimestamp: deletionTimestamp as unknown as Date } : {}),
      ...more,
    },
    spec: { containers: [], nodeName: "node-1" },
  });

  test("is told a minute after the end of its grace period, with what a person can do", () => {
    expect(lostNode(ending("2026-01-01T00:09:30Z"), now)).toBe(30_000);
    expect(lostNode(ending("2026-01-01T00:11:00Z"), now)).toBe(120_000);
    expect(lostNode(ending("2026-01-01T00:09:00Z"), now)).toMatchObject({
      reason: "NodeLost",
      message: expect.stringMatching(
        /kubectl taint node node-1 node\.kubernetes\.io\/out-of-service=nodeshutdown:NoExecute, or kubectl delete pod --namespace work oras-0 --force/,
      ),
    });
  });

  test("is none that does not end, nor one that others hold", () => {
    expect(lostNode(ending(undefined), now)).toBeUndefined();
    expect(lostNode(ending("2026-01-01T00:00:00Z", { finalizers: ["x/y"] }), now)).toBeUndefined();
  });
});

describe("several problems", () => {
  const trouble = (reason: string, message: string) => ({ reason, message });
  const [one, two] = [trouble("NameTaken", "spec.a: taken"), trouble("VolumeNotWritable", "No space.")];

  test("are one, with the reason of the first and all messages", () => {
    expect(together([undefined, one, undefined, two])).toEqual(
      trouble("NameTaken", "spec.a: taken. Also VolumeNotWritable: No space."),
    );
    expect(together([one])).toBe(one);
    expect(together([undefined])).toBeUndefined();
  });

  test("that say the same are one", () => {
    expect(together([one, { ...one }, trouble("Other", "taken")])).toEqual(one);
    expect(together([together([one, two]), two])).toEqual(together([one, two]));
  });

  test("are counted where they are many", () => {
    const many = Array.from({ length: 100 }, (_, i) => trouble("R", `number ${i};`));
    expect(together(many)?.message).toMatch(/^number 0;\. Also R: .*Also R: number 5;\. And 94 more\.$/);
  });

  test("of the containers of a Pod are all told", () => {
    const waits = (name: string, reason: string, message: string) => ({
      ...{ name, image: `${name}:x`, imageID: "", ready: false, restartCount: 0 },
      state: { waiting: { reason, message } },
    });
    const containerStatuses = [
      waits("registry", "ErrImagePull", "not found"),
      waits("keeper", "CreateContainerConfigError", 'secret "key" not found'),
    ];
    expect(troubleOf(pod({ containerStatuses }))).toEqual({
      reason: "ImagePullFailed",
      message:
        "Pod oras-0: image registry:x cannot be pulled: not found. " +
        'Also CreateContainerConfigError: container keeper: secret "key" not found.',
    });
  });
});
