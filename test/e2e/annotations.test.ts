import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { type AnnotationName, annotations } from "../../src/annotations/table.ts";
import { cacheOf, endOf, jobOf, podOf, pullerOf, type StepAnnotations } from "../support/builders.ts";
import { it as base } from "../support/e2e.ts";
import { type Servers, startServers } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

/** The original's protocol: `<pipe> <input-path> <output-path> <command…>`, and `<push-to> <unpack> <pull…>`. */
const scripts = {
  "entrypoint.sh": `#!/bin/sh
shift 3
until [ -e /mnt/oras/oras-operator-init.txt ]; do sleep 0.1; done
"$@" > /mnt/oras/outputs/from-own-entrypoint
touch /mnt/oras/oras-operator-done.txt
`,
  "sidecar.sh": `#!/bin/sh
echo "own sidecar: $*"
mkdir -p /mnt/oras/inputs && echo input > /mnt/oras/inputs/in
touch /mnt/oras/oras-operator-init.txt
until [ -e /mnt/oras/oras-operator-done.txt ]; do sleep 0.1; done
cat /mnt/oras/outputs/*
`,
  "pusher.sh": `#!/bin/sh -e
touch /mnt/oras/oras-operator-init.txt
until [ -e /mnt/oras/oras-operator-done.txt ]; do sleep 0.1; done
cd /mnt/oras/outputs
oras push --plain-http "$1" *
`,
};

const it = base.extend("servers", { scope: "file" }, ({ ws }) => startServers(ws, scripts));

it.beforeAll(async ({ ws, servers }) => {
  const secret = (name: string, stringData: Record<string, string>) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name },
    stringData: { "ca.crt": servers.ca, ORAS_USER: servers.user, ...stringData },
  });
  await ws.apply(secret("push-only", { ORAS_PUSH_PASS: servers.password }));
  await ws.apply(secret("pull-only", { ORAS_PULL_PASS: servers.password }));
  await ws.apply(secret("wrong", { ORAS_PUSH_PASS: "n0t-the-word", ORAS_PULL_PASS: "n0t-the-word" }));
  await ws.step(
    "seed",
    { "output-uri": "seed:1", "output-path": "tree" },
    "mkdir tree; echo seed > tree/file",
  );
});

/** A log without what is said on a busy node, where oras starts more than two seconds after the program. */
const withoutWaiting = (log: string) => log.replaceAll(/^oras: waiting for .*\n/gm, "");

interface Surroundings {
  readonly ws: Workspace;
  readonly servers: Servers;
}

/** What a case shows, in words, and the test. */
type Case = readonly [string, (surroundings: Surroundings) => Promise<void>];

/** Runs a Job that may be memoized, and says whether it was. */
async function memoized(
  ws: Surroundings["ws"],
  name: string,
  step: StepAnnotations,
  container: object = {},
): Promise<boolean> {
  const all: StepAnnotations = {
    "output-uri": `memo/${name}:a`,
    "output-path": "f",
    memoize: "on",
    "memoize-assume": "tags",
    ...step,
  };
  const script = "echo memo > f";
  await ws.apply(jobOf(name, all, script, {}, podOf(name, {}, script, container).spec));
  expect(await ws.verdict(name)).toBe("Complete");
  const { status } = JSON.parse(await ws.kubectl("get", "job", name, "-o", "json")) as V1Job;
  // The label comes after that.
  return status?.conditions?.find(({ type }) => type === "Complete")?.reason === "Memoized";
}

/** One real Pod at least for each annotation: what it does, and that it does it. */
const cases: Record<AnnotationName, Case> = {
  "input-uri": [
    "several are unpacked in numeric order, one of them by its digest",
    async ({ ws }) => {
      await ws.step("order-a", { "output-uri": "order:a", "output-path": "f" }, "echo a > f");
      await ws.step("order-b", { "output-uri": "order:b", "output-path": "f" }, "echo b > f; echo more > g");
      const digest = (await ws.oras("resolve", "--plain-http", "{registry}/order:a")).stdout.trim();
      await ws.step(
        "order",
        { "input-uri_2": "order:b", "input-uri_10": `order@${digest}` },
        "[ $(cat f) = a ]",
      );
    },
  ],
  "output-uri": [
    "20 Pods of an Indexed Job push 20 artifacts",
    async ({ ws }) => {
      await ws.apply(
        jobOf(
          "indexed",
          {
            "output-uri": "indexed/$(JOB_NAME):$(JOB_COMPLETION_INDEX)",
            "output-pipe": "out-$(JOB_COMPLETION_INDEX)",
          },
          "echo $JOB_COMPLETION_INDEX",
          { completionMode: "Indexed", completions: 20, parallelism: 5 },
        ),
      );
      expect(await ws.verdict("indexed")).toBe("Complete");
      for (const index of [0, 7, 19]) {
        expect(await ws.content(`indexed/indexed:${index}`, `out-${index}`)).toBe(`${index}\n`);
      }
      const tags = await ws.oras(
        ...["repo", "tags", "--exclude-digest-tags", "--plain-http", "{registry}/indexed/indexed"],
      );
      expect(tags.stdout.trim().split("\n")).toHaveLength(20);
    },
  ],
  "output-index": [
    "all parts of an Indexed Job are pulled by one name, by a Job that waited for it and by oras",
    async ({ ws }) => {
      const waits = { "input-uri": "listed:all", "wait-for-inputs": "true" };
      await ws.apply(jobOf("after-all", waits, "cat part-0 part-1 part-2"));
      const parts: StepAnnotations = {
        "output-uri": "listed:$(JOB_COMPLETION_INDEX)",
        "output-path": "part-$(JOB_COMPLETION_INDEX)",
        "output-index": "listed:all",
      };
      const indexed = { completionMode: "Indexed", completions: 3, parallelism: 3 };
      await ws.apply(
        jobOf("listed", parts, "echo part $JOB_COMPLETION_INDEX > part-$JOB_COMPLETION_INDEX", indexed),
      );
      for (const name of ["listed", "after-all"]) expect(await ws.verdict(name)).toBe("Complete");
      expect(await ws.log("job/after-all", "main")).toContain("part 0\npart 1\npart 2\n");
      for (const part of [0, 1, 2])
        expect(await ws.content("listed:all", `part-${part}`)).toBe(`part ${part}\n`);
    },
  ],
  "input-path": [
    "is made, with the Pod's name in it",
    async ({ ws }) => {
      await ws.step(
        "input-path",
        { "input-uri": "seed:1", "input-path": "/tmp/a b/$(POD_NAME)" },
        "cat '/tmp/a b/input-path/tree/file'; [ -z \"$(env | grep ORAS_OPERATOR)\" ]",
      );
    },
  ],
  "output-path": [
    "one that ends in /. arrives as its contents",
    async ({ ws }) => {
      await ws.step(
        "output-path",
        { "output-uri": "contents:1", "output-path": "/tmp/dir/." },
        "mkdir dir; echo x > dir/x",
      );
      expect(await ws.content("contents:1", "x")).toBe("x\n");
    },
  ],
  "output-pipe": [
    "holds what the program prints, and the log does too",
    async ({ ws }) => {
      await ws.step("output-pipe", { "output-uri": "pipe:1", "output-pipe": "log" }, "echo printed");
      expect(await ws.content("pipe:1", "log")).toBe("printed\n");
      expect(withoutWaiting(await ws.log("output-pipe", "main"))).toBe("printed\n");
    },
  ],
  "oras-cache": [
    "names another cache of the namespace",
    async ({ ws }) => {
      await ws.apply(cacheOf("other"));
      await ws.step(
        "other-cache",
        { "output-uri": "there:1", "output-pipe": "x", "oras-cache": "other" },
        "echo x",
      );
      expect(await ws.isPushed("there:1")).toBe(false);
      await ws.step("other-reader", { "input-uri": "there:1", "oras-cache": "other" }, "cat x");
    },
  ],
  "oras-container": [
    "pulls and pushes with another image",
    async ({ ws }) => {
      const image = "ghcr.io/oras-project/oras:v1.3.6";
      const pod = await ws.step(
        "other-image",
        { "input-uri": "seed:1", "output-uri": "image:1", "output-pipe": "x", "oras-container": image },
        "cat tree/file",
      );
      expect(pod.spec?.containers.at(-1)?.image).toBe(image);
      expect(await ws.content("image:1", "x")).toBe("seed\n");
    },
  ],
  registry: [
    "a TLS registry with passwords: pushed with a Secret that only pushes, pulled with one that only pulls",
    async ({ ws, servers }) => {
      const registry = servers.registry;
      await ws.step(
        "tls-push",
        { "output-uri": "remote:1", "output-pipe": "x", registry, "oras-env": "push-only" },
        "echo remote",
      );
      await ws.step("tls-pull", { "input-uri": "remote:1", registry, "oras-env": "pull-only" }, "cat x");
      expect(await ws.log("tls-pull", "main")).toBe("remote\n");
      // oci:// names it for one URI alone.
      await ws.step(
        "tls-oci",
        {
          "input-uri": `oci://${registry}/remote:1`,
          "output-uri": "near:1",
          "output-path": "x",
          "oras-env": "pull-only",
        },
        "cat x",
      );
      expect(await ws.content("near:1", "x")).toBe("remote\n");
    },
  ],
  "oras-env": [
    "a wrong password fails in words, before the program, and is nowhere to be read",
    async ({ ws, servers }) => {
      const pod = await ws.run(
        "wrong-password",
        {
          "output-uri": "remote:2",
          "output-pipe": "x",
          registry: servers.registry,
          "oras-env": "wrong",
          debug: "true",
        },
        "echo started",
      );
      expect(pod.status?.phase).toBe("Failed");
      expect(endOf(pod, pullerOf(pod))).toMatchObject({
        exitCode: exitCodes.denied.code,
        message: expect.stringContaining(
          "401 UNAUTHORIZED: authentication required; it was shown ORAS_USER and ORAS_PUSH_PASS; check the Secret",
        ),
      });
      expect([undefined, exitCodes.denied.code]).toContain(endOf(pod, "main")?.exitCode);
      const log = await ws.kubectl("logs", "wrong-password", "-c", pullerOf(pod));
      for (const text of [JSON.stringify(pod), log]) expect(text).not.toContain("n0t-the-word");

      const right = await ws.step(
        "right-password",
        {
          "output-uri": "remote:3",
          "output-pipe": "x",
          registry: servers.registry,
          "oras-env": "push-only",
          debug: "true",
        },
        "cat /var/run/oras/credentials/* /proc/*/cmdline 2>&1; env; true",
      );
      for (const text of [JSON.stringify(right), await ws.log("right-password")]) {
        expect(text).not.toContain(servers.password);
      }
    },
  ],
  container: [
    "two wrapped containers of one Pod make one artifact, a third container is left alone",
    async ({ ws }) => {
      const other = (name: string, script: string) => ({
        name,
        image: "busybox:1.36",
        command: ["sh", "-c", script],
        workingDir: "/tmp",
      });
      const pod = podOf(
        "launchers",
        {
          "input-uri": "seed:1",
          "output-uri": "launchers:1",
          container: "main",
          container_1: "second",
          "output-path": "one",
          "output-pipe_1": "two",
          "input-path_1": "/tmp/in",
        },
        "cp tree/file one",
      );
      pod.spec?.containers.push(other("second", "cat /tmp/in/tree/file; echo 2"), other("third", "echo 3"));
      await ws.apply(pod);
      expect((await ws.ended("launchers")).status?.phase).toBe("Succeeded");
      expect(await ws.content("launchers:1", "one")).toBe("seed\n");
      expect(await ws.content("launchers:1", "two")).toBe("seed\n2\n");
      expect(await ws.log("launchers", "third")).toBe("3\n");
    },
  ],
  entrypoint: [
    "alone: the author's application script meets our sidecar script",
    async ({ ws, servers }) => {
      await ws.step(
        "own-entrypoint",
        { "output-uri": "own:1", entrypoint: `${servers.scripts}/entrypoint.sh`, "oras-env": "push-only" },
        "echo by its own",
      );
      expect(await ws.content("own:1", "from-own-entrypoint")).toBe("by its own\n");
    },
  ],
  "oras-entrypoint": [
    "alone and both: the author's sidecar script meets the built-in one, and the author's",
    async ({ ws, servers }) => {
      const own = { "oras-entrypoint": `${servers.scripts}/sidecar.sh`, "oras-env": "push-only" };
      await ws.step(
        "own-sidecar",
        { "output-uri": "own:2", "output-path": "f", ...own },
        "cat in; echo made > f",
      );
      expect(withoutWaiting(await ws.log("own-sidecar", "main"))).toBe("input\n");
      expect(await ws.log("own-sidecar", names.pushContainer)).toMatch(
        /own sidecar: \S+\/own:2 true NA\n.*made/s,
      );
      await ws.step(
        "own-both",
        { "output-uri": "own:3", entrypoint: `${servers.scripts}/entrypoint.sh`, ...own },
        "echo both",
      );
      expect(await ws.log("own-both", names.pushContainer)).toContain("both");
      // The oras CLI has the login of the cache, and the program sees nothing of it.
      await ws.step(
        "own-pusher",
        {
          "output-uri": "own:4",
          "output-path": "f",
          "oras-entrypoint": `${servers.scripts}/pusher.sh`,
          "oras-env": "push-only",
        },
        "ls /var/run/oras /mnt/oras/operator > f 2>&1; env | grep -c DOCKER_CONFIG >> f; true",
      );
      const seen = await ws.content("own:4", "f");
      expect(seen).toMatch(/\/var\/run\/oras: No such file or directory/);
      expect(seen).toMatch(/\n0\n$/);
      expect(seen).not.toContain("config.json");
      // A script that is not what its pin says is not run.
      const pin = `${servers.scripts}/entrypoint.sh#sha256=${"0".repeat(64)}`;
      const pod = await ws.run("pinned", { entrypoint: pin, "oras-env": "push-only" }, "echo started");
      expect(pod.status?.phase).toBe("Failed");
      expect(endOf(pod, names.pullContainer)?.exitCode).toBe(exitCodes.setupFailed.code);
    },
  ],
  debug: [
    "every setting is in the logs of the Pod and of the operator",
    async ({ ws }) => {
      const pod = await ws.step(
        "debugged",
        { "output-uri": "debug:1", "output-pipe": "x", debug: "true" },
        "echo x",
      );
      for (const container of [pullerOf(pod), names.pushContainer, "main"]) {
        expect(await ws.log("debugged", container)).toContain("oras: debug:");
      }
      // Any replica may have been asked about it.
      const replicas = ["-n", names.operatorNamespace, "-l", `app.kubernetes.io/name=${names.operatorName}`];
      await until(
        async () => (await ws.kubectl("logs", ...replicas, "--tail=-1")).includes('"name":"debugged"'),
        "the operator's log",
      );
    },
  ],
  unpack: [
    '"false": an archive is stored as a file',
    async ({ ws }) => {
      await ws.step("unpack", { "input-uri": "seed:1", unpack: "false" }, "tar -xzOf tree.tar.gz tree/file");
    },
  ],
  "failure-uri": [
    "has what a failed step has left, and its log; the step fails as it did",
    async ({ ws }) => {
      const step: StepAnnotations = {
        "output-uri": "fails:1",
        "output-path": "d",
        "failure-uri": "fails:left-$(POD_NAME)",
      };
      const { status } = await ws.run("fails", step, "mkdir d; echo half > d/half; echo printed; exit 3");
      expect(status?.phase).toBe("Failed");
      expect(await ws.content("fails:left-fails", "d/half")).toBe("half\n");
      expect(await ws.content("fails:left-fails", "oras-log.txt")).toBe("printed\n");
      expect(await ws.log("fails", "main")).toContain("printed\n");
      const tags = await ws.oras("repo", "tags", "--exclude-digest-tags", "--plain-http", "{registry}/fails");
      expect(tags.stdout.trim()).toBe("left-fails");
    },
  ],
  "input-as": [
    "a volume of a registry that nodes do not reach is refused: that it is mounted is for nodes.test.ts",
    async ({ ws }) => {
      const step = { "input-uri": "image:tree", "input-path": "/data", "input-as": "volume" } as const;
      const held = jobOf("volume-without-address", { ...step, "wait-for-inputs": "true" });
      await expect(ws.apply(held)).rejects.toThrow("NoNodeAddress");
      await expect(ws.apply(podOf("volume-with-a-tag", step))).rejects.toThrow("VolumeNotPinned");
      await ws.step("as-files", { "output-uri": "as:files", "output-path": "f" }, "echo x > f");
      await ws.step("reads-files", { "input-uri": "as:files", "input-as": "files" }, "[ $(cat f) = x ]");
    },
  ],
  format: [
    "an image is pulled by steps and by oras as any output",
    async ({ ws }) => {
      const tree = { "output-uri": "image:tree", "output-path": "tree", format: "image" };
      await ws.step("image-tree", tree, "mkdir tree; echo leaf > tree/leaf; chmod 750 tree/leaf");
      await ws.step(
        "image-file",
        { "output-uri": "image:file", "output-path": "f", format: "image" },
        "echo x > f",
      );
      const reads = "[ $(cat tree/leaf) = leaf ]; [ $(stat -c %a tree/leaf) = 750 ]; [ $(cat f) = x ]";
      await ws.step("reads-images", { "input-uri_1": "image:tree", "input-uri_2": "image:file" }, reads);
      expect(await ws.content("image:tree", "tree/leaf")).toBe("leaf\n");
      expect(await ws.content("image:file", "f")).toBe("x\n");
    },
  ],
  compression: [
    "zstd and none: unpacked by the next step",
    async ({ ws }) => {
      for (const compression of ["zstd", "none", "gzip"]) {
        await ws.step(
          `pack-${compression}`,
          { "output-uri": `packed:${compression}`, "output-path": "tree", compression },
          "mkdir tree; seq 100000 > tree/file",
        );
        await ws.step(
          `unpack-${compression}`,
          { "input-uri": `packed:${compression}` },
          "[ $(tail -n 1 tree/file) = 100000 ]",
        );
      }
    },
  ],
  "push-on": [
    "failure: what a failed program left is pushed, and its exit code stays",
    async ({ ws }) => {
      const pod = await ws.run(
        "post-mortem",
        { "output-uri": "post-mortem:1", "output-path": "core", "push-on": "failure" },
        "echo why > core; exit 5",
      );
      expect(pod.status?.phase).toBe("Failed");
      expect(endOf(pod, "main")?.exitCode).toBe(5);
      expect(endOf(pod, names.pushContainer)?.exitCode).toBe(0);
      expect(await ws.content("post-mortem:1", "core")).toBe("why\n");
    },
  ],
  timeout: [
    "a registry that does not answer is waited for no longer",
    async ({ ws }) => {
      const pod = await ws.run(
        "impatient",
        { "input-uri": "seed:1", registry: "http://nowhere.invalid:5000", timeout: "3s" },
        "echo started",
      );
      expect(pod.status?.phase).toBe("Failed");
      expect(endOf(pod, pullerOf(pod))).toMatchObject({
        exitCode: exitCodes.registryUnavailable.code,
        message: expect.stringContaining("did not answer within 3s"),
      });
    },
  ],
  "share-size-limit": [
    "the share has it, and a step that stays below it ends well",
    async ({ ws }) => {
      const step = { "output-uri": "limited:1", "output-path": "f", "share-size-limit": "64Mi" };
      const { spec } = await ws.step("limited", step, "echo x > f");
      const share = spec?.volumes?.find(({ name }) => name === names.shareVolume);
      expect(share?.emptyDir?.sizeLimit).toBe("64Mi");
    },
  ],
  "wait-for-inputs": [
    "a Job that is applied before the one that makes its input starts when that has pushed",
    async ({ ws }) => {
      const waits = { "input-uri": "waited:1", "wait-for-inputs": "true" };
      await ws.apply(jobOf("waits", waits, "cat waited"));
      await until(async () => (await inputsAvailable(ws, "waits"))?.status === "False", "the condition");
      const made = { "output-uri": "waited:1", "output-path": "waited" };
      await ws.apply(jobOf("makes-waited", made, "echo new > waited"));
      expect(await ws.verdict("waits")).toBe("Complete");
      expect(await ws.log("job/waits", "main")).toContain("new\n");
      expect(await inputsAvailable(ws, "waits")).toMatchObject({ status: "True" });
    },
  ],
  "wait-timeout": [
    "a Pod whose input does not come in time fails without having been started",
    async ({ ws }) => {
      const step = { "input-uri": "never:1", "wait-for-inputs": "true", "wait-timeout": "3s" };
      const { spec, status } = await ws.run("never", step, "echo started");
      expect(status).toMatchObject({ phase: "Failed", reason: "InputNeverCame" });
      expect(spec?.nodeName).toBe(undefined);
    },
  ],
  "on-producer-failure": [
    "fail: a Job fails when the one that would make its input has failed",
    async ({ ws }) => {
      const made = { "output-uri": "broken:1", "output-path": "f" };
      await ws.apply(jobOf("breaks", made, "exit 3"));
      const waits = { "input-uri": "broken:1", "wait-for-inputs": "true", "on-producer-failure": "fail" };
      await ws.apply(jobOf("follows", waits, "echo started"));
      expect(await ws.verdict("follows")).toBe("Failed");
      const job = JSON.parse(await ws.kubectl("get", "job", "follows", "-o", "json")) as V1Job;
      expect(job.status?.conditions?.find(({ type }) => type === "Failed")).toMatchObject({
        reason: "InputProducerFailed",
        message: expect.stringContaining("breaks"),
      });
      expect(job.status?.failed ?? 0).toBe(0);
    },
  ],
  run: [
    "is part of the artifacts' names, in a step and in the one after it",
    async ({ ws }) => {
      const run = "night-7";
      await ws.step("run-a", { "output-uri": "of/$(RUN):a", "output-path": "f", run }, "echo a > f");
      expect(await ws.content("of/night-7:a", "f")).toBe("a\n");
      await ws.step("run-b", { "input-uri": "of/$(RUN):a", run }, "[ $(cat f) = a ]");
    },
  ],
  batch: [
    "its first step starts when its second is there, though the input is",
    async ({ ws }) => {
      const step = { "input-uri": "seed:1", "wait-for-inputs": "true", batch: "pair/2" };
      await ws.apply(jobOf("batch-one", step, "cat tree/file"));
      await until(
        async () => (await inputsAvailable(ws, "batch-one"))?.message?.includes("steps of its batch pair"),
        "the condition that tells of the batch",
      );
      await ws.apply(jobOf("batch-two", step, "cat tree/file"));
      for (const name of ["batch-one", "batch-two"]) expect(await ws.verdict(name)).toBe("Complete");
    },
  ],
  memoize: [
    "a step whose result is there already does not run",
    async ({ ws }) => {
      expect(await memoized(ws, "memo-one", { "output-uri": "memo-one:a" })).toBe(false);
      expect(await memoized(ws, "memo-two", { "output-uri": "memo-two:a" })).toBe(true);
      await ws.step("memo-read", { "input-uri": "memo-two:a" }, "[ $(cat f) = memo ]");
    },
  ],
  "memoize-extra": [
    "with another text the step runs",
    async ({ ws }) => {
      expect(await memoized(ws, "extra-one", { "memoize-extra": "extra-a" })).toBe(false);
      expect(await memoized(ws, "extra-two", { "memoize-extra": "extra-b" })).toBe(false);
      expect(await memoized(ws, "extra-three", { "memoize-extra": "extra-a" })).toBe(true);
    },
  ],
  "memoize-ignore-env": [
    "a variable that it names may have another value",
    async ({ ws }) => {
      const step = { "memoize-extra": "ignore-env", "memoize-ignore-env": "LEVEL" };
      const env = (value: string) => ({ env: [{ name: "LEVEL", value }] });
      expect(await memoized(ws, "ignore-one", step, env("1"))).toBe(false);
      expect(await memoized(ws, "ignore-two", step, env("2"))).toBe(true);
    },
  ],
  "memoize-assume": [
    "what the author vouches for does not count",
    async ({ ws }) => {
      const name = { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } };
      const step = { "memoize-extra": "assume", "memoize-assume": "identity,tags" };
      expect(await memoized(ws, "assume-one", step, { env: [name] })).toBe(false);
      expect(await memoized(ws, "assume-two", step, { env: [name] })).toBe(true);
    },
  ],
  "memoize-max-age": [
    "an older result is made again",
    async ({ ws }) => {
      const step = { "memoize-extra": "max-age" };
      expect(await memoized(ws, "age-one", step)).toBe(false);
      let tries = 0;
      await until(async () => {
        tries += 1;
        return !(await memoized(ws, `age-more-${tries}`, { ...step, "memoize-max-age": "1s" }));
      }, "a step that runs again");
    },
  ],
  ...amountCases({
    "requests-cpu": "20m",
    "requests-memory": "48Mi",
    "requests-ephemeral-storage": "1Gi",
    "limits-cpu": "300m",
    "limits-memory": "64Mi",
    "limits-ephemeral-storage": "2Gi",
  }),
};

/** What a Job says of its inputs. */
async function inputsAvailable(ws: Workspace, name: string) {
  const { status } = JSON.parse(await ws.kubectl("get", "job", name, "-o", "json")) as V1Job;
  return status?.conditions?.find(({ type }) => type === names.inputsAvailable);
}

type Amount = Extract<AnnotationName, `requests-${string}` | `limits-${string}`>;

/** One Pod has them all, and an output of three times the memory that its pusher may have. */
function amountCases(amounts: Record<Amount, string>) {
  let made: Promise<V1Pod> | undefined;
  const pod = (ws: Workspace) => {
    made ??= ws.step(
      "amounts",
      { "output-uri": "amounts:1", "output-path": "big", ...amounts },
      "mkdir big; head -c 200000000 /dev/urandom > big/file",
    );
    return made;
  };
  const entries = Object.entries(amounts) as [Amount, string][];
  return Object.fromEntries(
    entries.map(([name, amount]) => [
      name,
      [
        `${amount}, on each container that is added`,
        async ({ ws }) => {
          const [kind = "", ...resource] = name.split("-");
          const { initContainers = [], containers = [] } = (await pod(ws)).spec ?? {};
          const added = [...initContainers, ...containers].filter(({ name }) => name !== "main");
          const set = added.map((c) => c.resources?.[kind as "limits"]?.[resource.join("-")]);
          expect(set).toEqual(added.map(() => amount));
          expect(set).not.toEqual([]);
        },
      ] as const,
    ]),
  ) as Record<Amount, Case>;
}

describe("annotations on real Pods", () => {
  it("there is a case for each", () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(annotations).sort());
  });

  describe.concurrent("each", () => {
    for (const [name, [what, run]] of Object.entries(cases)) it(`${name}: ${what}`, run);
  });
});
