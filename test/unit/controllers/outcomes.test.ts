import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import { leftOf, outcomesOf, pushesOf } from "../../../src/controllers/outcomes.ts";

function ended(name: string, exitCode: number, message?: string): V1ContainerStatus {
  const terminated = { exitCode, finishedAt: new Date(0), ...(message === undefined ? {} : { message }) };
  return { name, containerID: `containerd://${name}`, state: { terminated } } as V1ContainerStatus;
}

/** A Pod whose containers all mount the share, as injected ones do. */
function podOf(...containerStatuses: V1ContainerStatus[]): V1Pod {
  const volumeMounts = [{ name: names.shareVolume, mountPath: names.sharePath }];
  return {
    metadata: { name: "step", namespace: "work", labels: { [names.usesCacheLabel]: "shared" } },
    spec: { containers: containerStatuses.map(({ name }) => ({ name, volumeMounts })) },
    status: { containerStatuses },
  };
}

const told = (...containerStatuses: V1ContainerStatus[]) =>
  outcomesOf(podOf(...containerStatuses)).map(({ note, pushed }) => ({ ...note, pushed }));

const digest = `sha256:${"a".repeat(64)}`;
const earlier = `sha256:${"b".repeat(64)}`;
const message = (more: object = {}) =>
  JSON.stringify({ artifact: "ghcr.io/a/b:1", digest, bytes: 10, seconds: 2, ...more });
const pushed = (more?: object) => told(ended(names.pushContainer, 0, message(more)));

describe("outcomes of a step", () => {
  it("an artifact that was pushed", () => {
    expect(told(ended("main", 0), ended(names.pushContainer, 0, message()))).toEqual([
      {
        type: "Normal",
        reason: "Pushed",
        action: "Push",
        note: `Pushed ghcr.io/a/b:1 (${digest}), 10 bytes in 2 s.`,
        occasion: `containerd://${names.pushContainer}`,
        pushed: { bytes: 10, seconds: 2 },
      },
    ]);
  });

  it.each([
    [
      "I9: as its author wrote it",
      "oras-0.oras.work.svc.cluster.local:5000/dinosaur/hello:x",
      "dinosaur/hello:x",
    ],
    ["with another domain", "my-cache-0.my-cache.work.svc.example.org:5000/a:b", "a:b"],
    ["of several Pods of its cache", "shared-registry.work.svc.cluster.local:5000/a:b", "a:b"],
    ["of a Service that is no cache's", "docker-registry.work.svc.cluster.local:5000/a:b", undefined],
    ["of another namespace", "oras-0.oras.other.svc.cluster.local:5000/a:b", undefined],
    ["of another port", "oras-0.oras.work.svc.cluster.local:80/a:b", undefined],
    ["of a remote registry", "ghcr.io/oras-0.oras.work.svc.cluster.local:5000/a:b", undefined],
  ])("the name %s", (_, artifact, written) => {
    expect(pushed({ artifact })[0]?.note).toContain(`Pushed ${written ?? artifact} (`);
  });

  it("I9: a tag that moved, from where to where and by whom", () => {
    expect(pushed({ replaced: earlier })).toMatchObject([
      { reason: "Pushed" },
      {
        type: "Warning",
        reason: "TagMoved",
        note: `ghcr.io/a/b:1 moved from ${earlier} to ${digest}, pushed by Pod step.`,
      },
    ]);
    expect(pushed({ replaced: digest })).toHaveLength(1);
  });

  it("a step that is run again moves its tag, and nobody is warned of it", () => {
    const pod = podOf(ended(names.pushContainer, 0, message({ replaced: earlier })));
    expect(outcomesOf(pod, () => true).map(({ note }) => note)).toMatchObject([
      {
        type: "Normal",
        reason: "Pushed",
        note: `Pushed ghcr.io/a/b:1 (${digest}), 10 bytes in 2 s, instead of ${earlier}, which this step made before.`,
      },
    ]);
    expect(pushed({ replaced: "\u001b[31m" })).toHaveLength(1);
  });

  it.each([
    [0, "less than a second"],
    [0.04, "less than a second"],
    [0.312, "0.3 s"],
    [1, "1 s"],
    [2.34, "2.3 s"],
    [125.4, "125 s"],
  ])("a push of %s s", (seconds, spoken) => {
    expect(pushed({ seconds })).toMatchObject([
      { note: `Pushed ghcr.io/a/b:1 (${digest}), 10 bytes in ${spoken}.`, pushed: { seconds } },
    ]);
  });

  it("a push of one byte", () => {
    expect(pushed({ bytes: 1 })).toMatchObject([{ note: expect.stringContaining(" 1 byte in ") as string }]);
  });

  it("an attempt whose container was started again, each by itself", () => {
    const { code } = exitCodes.pushFailed;
    const text = `push of a/b:1: 503 (exit code ${code})`;
    const end = (id: string, message: string, exitCode: number) => ({
      terminated: { exitCode, message, finishedAt: new Date(0), containerID: id } as object,
    });
    const of = (containerID: string, state: object, lastState: object) =>
      told({ name: names.pushContainer, containerID, state, lastState } as V1ContainerStatus).map(
        ({ reason, occasion }) => [reason, occasion],
      );
    const first = end("one", text, code);
    const failed = ["PushFailed", "one"];
    expect(of("one", first, {})).toEqual([failed]);
    expect(of("one", { waiting: { reason: "CrashLoopBackOff" } }, first)).toEqual([failed]);
    expect(of("two", { running: {} }, first)).toEqual([failed]);
    expect(of("two", end("two", text, code), first)).toEqual([failed, ["PushFailed", "two"]]);
    expect(of("two", end("two", message(), 0), first)).toEqual([failed, ["Pushed", "two"]]);
  });

  it("under another name, where the Pod has a container of that name already", () => {
    expect(told(ended(`${names.pushContainer}-1`, 0, message()))).toMatchObject([{ reason: "Pushed" }]);
  });

  it("without an init container a failure of the inputs, which both containers tell, once", () => {
    const { code } = exitCodes.inputNotFound;
    const text = `a/b:1: the registry has no repository a/b (exit code ${code})`;
    const oras = ended(names.pushContainer, code, text);
    const state = { running: { startedAt: new Date(0) } };
    const waiting = { waiting: { reason: "ImagePullBackOff" } };
    const lastState = ended("main", code, text).state;
    const again = {
      ...ended("main", code, text),
      state: { waiting: { reason: "CrashLoopBackOff" } },
      lastState,
    };
    const toldOf = (main: object, serves = true) =>
      outcomesOf({ ...podOf(main as V1ContainerStatus, oras), parts: { serves } }).map(
        ({ note }) => note.occasion,
      );
    expect(toldOf(ended("main", code, text))).toEqual(["containerd://main"]);
    expect(toldOf({ name: "main", state }), "main ends in a moment").toEqual([]);
    expect(toldOf(again), "main is started again").toEqual(["containerd://main"]);
    expect(toldOf({ name: "main", state: waiting }), "main cannot tell it").toEqual(["containerd://oras"]);
    expect(toldOf(ended("main", 3, "other"))).toEqual(["containerd://oras"]);
    expect(toldOf({ name: "main", state }, false)).toEqual(["containerd://oras"]);
  });

  it("nothing was to be pushed", () => {
    const text = "nothing pushed: the program ended with exit code 3 and left nothing to push";
    expect(told(ended("main", 3), ended(names.pushContainer, 0, text))).toMatchObject([
      { type: "Normal", reason: "NotPushed", note: text },
    ]);
  });

  it("nothing was to be pushed, and what the failed step has left was", () => {
    const text = `nothing pushed: the program ended with exit code 3; what it left was pushed to`;
    const left = `a/b:failed (sha256:${"a".repeat(64)})`;
    expect(
      told(ended(names.pushContainer, 0, `${text} oras-0.oras.work.svc.cluster.local:5000/${left}`)),
    ).toMatchObject([{ type: "Normal", reason: "NotPushed", note: `${text} ${left}` }]);
    expect(told(ended(names.pushContainer, 0, `${text} ghcr.io/${left}`))).toMatchObject([
      { note: `${text} ghcr.io/${left}` },
    ]);
  });

  describe("an output that was pushed although the step failed, and what it has left", () => {
    const host = "oras-0.oras.work.svc.cluster.local:5000";
    const artifact = `${host}/a/b:failed`;
    const pushedText = `Pushed ghcr.io/a/b:1 (${digest}), 10 bytes in 2 s`;

    it("are both named", () => {
      expect(pushed({ left: { artifact, digest: earlier } })).toMatchObject([
        { reason: "Pushed", note: `${pushedText}; what it left was pushed to a/b:failed (${earlier}).` },
      ]);
      const pod = podOf(ended(names.pushContainer, 0, message({ left: { artifact, digest: earlier } })));
      expect(leftOf(pod)).toEqual([{ artifact, digest: earlier, finishedAt: new Date(0) }]);
      expect(pushesOf(pod)).toMatchObject([{ artifact: "ghcr.io/a/b:1", digest }]);
    });

    it("are both named, where the second could not be pushed", () => {
      expect(pushed({ left: { artifact } })).toMatchObject([
        {
          note: `${pushedText}; what it left cannot be pushed to a/b:failed, as the log of its container oras says.`,
        },
      ]);
      expect(leftOf(podOf(ended(names.pushContainer, 0, message({ left: { artifact } }))))).toEqual([]);
    });

    it.each([
      [
        "where the output could not be pushed",
        exitCodes.pushFailed.code,
        "push to ghcr.io/a/b:1: 403 DENIED",
      ],
      ["where the Pod was deleted", 143, "nothing pushed: the Pod was deleted before its programs had ended"],
    ])("the second is named %s", (_, code, why) => {
      const left = (at: string) =>
        `${why}; what it left was pushed to ${at} (${earlier}) (exit code ${code})`;
      const status = ended(names.pushContainer, code, left(artifact));
      expect(leftOf(podOf(status))).toMatchObject([{ artifact, digest: earlier }]);
      if (code !== 143)
        expect(told(status)).toMatchObject([{ reason: "PushFailed", note: left("a/b:failed") }]);
      expect(leftOf(podOf({ ...status, name: "main" }))).toEqual([]);
    });

    it.each([
      ["nothing", null],
      ["text", "x"],
      ["another digest", { artifact, digest: "sha256:a" }],
      ["a name of two lines", { artifact: "a\nb", digest }],
    ])("the first alone, where the other is %s", (_, left) => {
      expect(pushed({ left })).toMatchObject([{ note: `${pushedText}.` }]);
      expect(leftOf(podOf(ended(names.pushContainer, 0, message({ left }))))).toEqual([]);
    });
  });

  it("what a failed step has left is no push", () => {
    const left = "a/b:failed";
    const digest = `sha256:${"a".repeat(64)}`;
    const text = `nothing pushed: the program ended with exit code 3; what it left was pushed to `;
    const of = (message: string, name: string = names.pushContainer) =>
      leftOf(podOf(ended(name, 0, message))).map((one) => [one.artifact, one.digest]);
    expect(of(`${text}${left} (${digest})`)).toEqual([[left, digest]]);
    expect(pushesOf(podOf(ended(names.pushContainer, 0, `${text}${left} (${digest})`)))).toEqual([]);
    for (const none of [
      text,
      `${text}${left}`,
      `${text}${left} (sha256:a)`,
      `${text}${left} (${digest}) x`,
      "x",
    ])
      expect(of(none)).toEqual([]);
    expect(of(`; what it left was pushed to ${left} (${digest})`)).toEqual([]);
    expect(of(`${text}${left} (${digest})`, "main")).toEqual([]);
  });

  it.each(Object.entries(exitCodes))("%s, by its code and message", (name, { code }) => {
    const text = `what went wrong (exit code ${code})`;
    expect(told(ended("any", code, text))).toMatchObject([
      { type: "Warning", reason: name[0]?.toUpperCase() + name.slice(1), note: text },
    ]);
    // A program that happens to end with one of these codes.
    expect(told(ended("any", code)), "no message").toEqual([]);
    expect(told(ended("any", code, "its own words"))).toEqual([]);
  });

  it("what the operator did not write is not told", () => {
    expect(told(ended("main", 0, message()), ended(names.pushContainer, 0, "{"))).toEqual([]);
    expect(told(ended(names.pushContainer, 0, '{"artifact":1}'), ended("main", 1, "failed"))).toEqual([]);
    expect(outcomesOf({})).toEqual([]);
  });
});

describe("sec-12: forged Pods", () => {
  it("a container that is not part of an injection is not told of, whatever its message", () => {
    const statuses = [ended("anything", 190, "hacked (exit code 190)"), ended("oras", 0, message())];
    const pod = podOf(...statuses);
    for (const container of pod.spec?.containers ?? []) delete container.volumeMounts;
    expect(outcomesOf(pod)).toEqual([]);
  });

  it.each([
    ["a size that is no finite number", message().replace("10", "1e999")],
    ["a size below nothing", message({ bytes: -1 })],
    ["a size beyond all disks", message({ bytes: 1e30 })],
    ["a time of a million years", message({ seconds: 1e15 })],
    ["a size as text", message({ bytes: "10" })],
    ["an artifact with a line break", message({ artifact: "a\nb" })],
    ["an artifact with an escape code", message({ artifact: "\u001b[31ma" })],
    ["an artifact without end", message({ artifact: "a".repeat(10_000) })],
    ["no digest", message({ digest: "sha256:abc" })],
    ["an array", "[]"],
    ["null", "null"],
  ])("%s", (_, text) => {
    expect(told(ended(names.pushContainer, 0, text))).toEqual([]);
  });

  it("escape codes and lines in a failure's message", () => {
    const text = "hacked\n\u001b[31mrun curl x | sh\u001b[0m (exit code 190)";
    expect(told(ended("main", 190, text))[0]?.note).toBe("hacked run curl x | sh (exit code 190)");
  });

  it("a Pod of any shape throws nothing and gives finite numbers", () => {
    const anyStatus = fc.record(
      {
        name: fc.constantFrom("oras", "main"),
        state: fc.option(
          fc.record({
            terminated: fc.record(
              {
                exitCode: fc.oneof(fc.constantFrom(0, 181, 190), fc.integer()),
                message: fc.oneof(fc.json(), fc.string(), fc.constant(message())),
                finishedAt: fc.oneof(
                  fc.constant("garbage"),
                  fc.date({ noInvalidDate: true }).map((d) => d.toISOString()),
                ),
              },
              { requiredKeys: [] },
            ),
          }),
          { nil: undefined },
        ),
      },
      { requiredKeys: ["name"] },
    ) as unknown as fc.Arbitrary<V1ContainerStatus>;
    fc.assert(
      fc.property(fc.array(anyStatus, { maxLength: 4 }), (statuses) => {
        for (const { note, pushed } of outcomesOf(podOf(...statuses))) {
          expect(note.note).toMatch(/^[^\p{Cc}]*$/u);
          if (pushed) expect(Number.isFinite(pushed.bytes) && Number.isFinite(pushed.seconds)).toBe(true);
        }
      }),
    );
  });
});
