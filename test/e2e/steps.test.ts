import { describe, expect } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { endOf, jobOf, podOf, pullerOf } from "../support/builders.ts";
import { it as base } from "../support/e2e.ts";
import { start } from "../support/processes.ts";
import { until } from "../support/wait.ts";
import { workspace } from "../support/workspace.ts";

const it = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("restricted", { scope: "file" }, async ({}, { onCleanup }) => {
    const restricted = await workspace({ "pod-security.kubernetes.io/enforce": "restricted" });
    onCleanup(restricted.remove);
    return restricted;
  });

describe.concurrent("steps on real Pods", () => {
  it("output directory: arrives under its own name, also as the next step's input", async ({ ws }) => {
    await ws.step(
      "directory",
      { "output-uri": "e2e/directory:1", "output-path": "/tmp/analysis" },
      "mkdir -p analysis/deep; echo a > analysis/a; echo b > analysis/deep/b",
    );
    expect(await ws.content("e2e/directory:1", "analysis/deep/b")).toBe("b\n");

    await ws.step(
      "reader",
      { "input-uri": "e2e/directory:1", "input-path": "/tmp/in" },
      "cat /tmp/in/analysis/a /tmp/in/analysis/deep/b",
    );
    expect(await ws.log("reader", "main")).toBe("a\nb\n");
  });

  it("failing program: the Job fails with the program's own exit code, and nothing is pushed", async ({
    ws,
  }) => {
    await ws.apply(
      jobOf(
        "failing",
        { "output-uri": "e2e/failing:1", "output-path": "out" },
        "echo partial > out; exit 42",
      ),
    );
    expect(await ws.verdict("failing")).toBe("Failed");
    const pod = await ws.podOf("failing");
    expect(endOf(pod, "main")?.exitCode).toBe(42);
    expect(endOf(await ws.ended(pod.metadata?.name ?? ""), "oras")?.exitCode).toBe(0);
    expect(await ws.isPushed("e2e/failing:1")).toBe(false);
  });

  it("missing input: the Pod fails before the program starts, with the reason in kubectl describe", async ({
    ws,
  }) => {
    const pod = await ws.run("missing", { "input-uri": "e2e/no-such:1" }, "echo started");
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, pullerOf(pod))?.exitCode).toBe(exitCodes.inputNotFound.code);
    expect([undefined, exitCodes.inputNotFound.code]).toContain(endOf(pod, "main")?.exitCode);
    const reason = "e2e/no-such:1: the registry has no repository e2e/no-such";
    expect(await ws.kubectl("describe", "pod", "missing")).toContain(reason);
    await until(
      async () => /Warning +InputNotFound/.test(await ws.kubectl("describe", "pod", "missing")),
      "the Event",
    );
  });

  it("missing input under OnFailure: the Pod fails as well, and is not tried again for ever", async ({
    ws,
  }) => {
    const pod = await ws.run(
      "missing-onfailure",
      { "input-uri": "e2e/no-such:1" },
      "echo started",
      {},
      { restartPolicy: "OnFailure" },
    );
    expect(pod.status?.phase).toBe("Failed");
    const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
    const pulls = [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === pullerOf(pod));
    expect(pulls?.restartCount).toBe(0);
  });

  it("OnFailure: a program that fails once is run again, and its second output pushed", async ({ ws }) => {
    const volume = { volumes: [{ name: "work", emptyDir: {} }], restartPolicy: "OnFailure" };
    const script = "if [ -e /work/again ]; then echo second > out; else touch /work/again; exit 1; fi";
    await ws.step(
      "again",
      { "output-uri": "e2e/again:1", "output-path": "out" },
      script,
      { volumeMounts: [{ name: "work", mountPath: "/work" }] },
      volume,
    );
    expect(await ws.content("e2e/again:1", "out")).toBe("second\n");
  });

  it("SIGTERM: a deleted Pod's program gets it, and the Pod goes within its grace period", async ({ ws }) => {
    await ws.apply(
      podOf(
        "deleted",
        { "output-uri": "e2e/deleted:1", "output-pipe": "log" },
        "trap 'echo got SIGTERM; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
        {},
        { terminationGracePeriodSeconds: 120 },
      ),
    );
    await until(
      async () => (await ws.log("deleted", "main")).includes("ready"),
      "the program to start",
      120_000,
    );
    const follow = ["kubectl", "--namespace", ws.namespace, "logs", "--follow", "deleted", "-c", "main"];
    const logs = start(follow, { env: process.env });
    await logs.said("ready");
    await ws.kubectl("delete", "pod", "deleted", "--timeout=110s");
    expect((await logs.ended).stdout).toContain("got SIGTERM");
    expect(await ws.content("e2e/deleted:1", "log")).toBe("ready\ngot SIGTERM\n");
  });

  it("shell-less non-root image: writes and reads without a shell, root or a tool in it", async ({ ws }) => {
    const image = { image: "shell-less:test", workingDir: "/work" };
    const work = { volumeMounts: [{ name: "work", mountPath: "/work" }] };
    const volumes = { volumes: [{ name: "work", emptyDir: {} }] };
    await ws.step(
      "no-shell",
      { "output-uri": "e2e/no-shell:1", "output-path": "file" },
      "",
      { ...image, ...work, command: ["/program", "write", "no shell", "file"] },
      volumes,
    );
    await ws.step(
      "no-shell-reader",
      { "input-uri": "e2e/no-shell:1" },
      "",
      { ...image, ...work, command: ["/program"], args: ["cat", "file"] },
      volumes,
    );
    expect(await ws.log("no-shell-reader", "main")).toContain("no shell");
  });

  it("arguments: reach the program to the byte", async ({ ws }) => {
    const words = ["a b", "", "$(HOME)", "`id`", "'\"", "*", "line\nbreak", "--", "é", "\\"];
    await ws.step("argv", { "output-uri": "e2e/argv:1", "output-pipe": "log" }, "", {
      command: ["printf"],
      args: ["<%s>", ...words],
      env: [{ name: "HOME", value: "/x" }],
    });
    const expanded = words.map((word) => word.replace("$(HOME)", "/x"));
    expect(await ws.content("e2e/argv:1", "log")).toBe(expanded.map((w) => `<${w}>`).join(""));
  });

  it("termination message: names the artifact and its digest", async ({ ws }) => {
    const pod = await ws.run("message", { "output-uri": "e2e/message:1", "output-path": "x" }, "echo x > x");
    const message = JSON.parse(endOf(pod, "oras")?.message ?? "") as { artifact: string; digest: string };
    const { stdout } = await ws.oras(
      "manifest",
      "fetch",
      "--descriptor",
      "--plain-http",
      "{registry}/e2e/message:1",
    );
    expect(message).toMatchObject({ digest: (JSON.parse(stdout) as { digest: string }).digest, bytes: 2 });
    expect(message.artifact).toMatch(/\/e2e\/message:1$/);
    await until(
      async () =>
        (await ws.kubectl("describe", "pod", "message")).includes(
          `Pushed e2e/message:1 (${message.digest}), 2 bytes in `,
        ),
      "the Event",
    );
  });

  it("output that cannot be packed: the Pod fails, although the program succeeded", async ({ ws }) => {
    const pod = await ws.run(
      "escaping",
      { "output-uri": "e2e/escaping:1", "output-path": "d" },
      "mkdir d; ln -s /etc/passwd d/link",
    );
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, "main")).toMatchObject({
      exitCode: exitCodes.outputFailed.code,
      message: expect.stringContaining("d/link -> /etc/passwd"),
    });
    expect(await ws.isPushed("e2e/escaping:1")).toBe(false);
  });
});

describe("Pod Security restricted", () => {
  it("restricted: cache, producer and consumer run with a read-only root and another user", async ({
    restricted,
  }) => {
    const securityContext = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 1234,
      seccompProfile: { type: "RuntimeDefault" },
    };
    const container = {
      securityContext,
      workingDir: "/work",
      volumeMounts: [{ name: "work", mountPath: "/work" }],
    };
    const spec = { volumes: [{ name: "work", emptyDir: {} }] };
    await restricted.step("producer", { "output-uri": "e2e/restricted:1" }, "id -u > user", container, spec);
    const consumer = await restricted.run(
      "consumer",
      { "input-uri": "e2e/restricted:1" },
      "cat user; touch /mnt/oras/x",
      container,
      spec,
    );
    // Two streams: which of them the runtime reads first is not said.
    const log = await restricted.log("consumer", "main");
    expect(log).toMatch(/^1234$/m);
    expect(log).toContain("Read-only file system");
    expect(consumer.status?.phase).toBe("Failed");
  });
});

describe("admission", () => {
  it("unknown annotation: kubectl apply refuses it with a useful sentence", async ({ ws }) => {
    const { code, stderr } = await ws.tryApply(podOf("unknown", { "input-url": "a/b:c" } as object, "true"));
    expect(code).toBe(1);
    expect(stderr).toContain(
      `${names.prefix}input-url: no such annotation; did you mean ${names.prefix}input-uri?`,
    );
  });

  it("no command: kubectl apply refuses it with the sentence that says what to add", async ({ ws }) => {
    const { stderr } = await ws.tryApply(podOf("commandless", { "input-uri": "a/b:c" }, "", { command: [] }));
    expect(stderr).toContain("Set the container's command to the ENTRYPOINT of the image");
  });

  it("cache of another name: kubectl apply warns that it is not there", async ({ ws }) => {
    const { code, stderr } = await ws.tryApply({
      ...podOf("early", { "input-uri": "a/b:c", "oras-cache": "later" }, "true"),
    });
    expect(code).toBe(0);
    expect(stderr).toMatch(/Warning: \S+\/oras-cache: OrasCache "later" is not there yet/);
    await ws.kubectl("delete", "pod", "early", "--wait=false");
  });
});
