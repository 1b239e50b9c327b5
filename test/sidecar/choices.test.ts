import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { stockPull } from "../support/artifact.ts";
import {
  type FakePod,
  fakePod,
  start,
  startRegistry,
  type TestRegistry,
  toolsTree,
} from "../support/sidecar.ts";

let tools: Awaited<ReturnType<typeof toolsTree>>;
let registry: TestRegistry;
let count = 0;

beforeAll(async () => {
  tools = await toolsTree();
  registry = await startRegistry();
  return () => registry.stop();
}, 900_000);

const reference = () => `${registry.url}/choices/step-${++count}:1`;
const sh = (script: string) => ["sh", "-c", script];
const stock = () => ({ ...tools.environment, HOME: "/nonexistent" });

async function oras(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await start(["oras", ...args], { env: stock() }).ended;
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

const isPushed = (ref: string) =>
  oras("manifest", "fetch", "--descriptor", "--plain-http", ref.replace("http://", "")).then(
    () => true,
    () => false,
  );

interface Layer {
  mediaType: string;
  size: number;
  annotations: Record<string, string>;
}
const layers = async (ref: string) =>
  (
    JSON.parse(await oras("manifest", "fetch", "--plain-http", ref.replace("http://", ""))) as {
      layers: Layer[];
    }
  ).layers;

/** A Pod whose init container has run for several launchers. */
async function podOf(ref: string, launchers: number): Promise<FakePod> {
  const pod = fakePod(tools);
  const setup = join(tools.oras, "bin/setup.sh");
  const argv = [join(tools.oras, "bin/busybox"), "sh", setup, "--share", pod.share];
  const { code, stderr } = await start(
    [...argv, "--launchers", String(launchers), "--", "--share", pod.share, "--output", ref],
    { env: tools.environment },
  ).ended;
  expect(code, stderr).toBe(0);
  return pod;
}

/** A step of one launcher. */
async function step(ref: string, options: { push?: string[]; launch?: string[] }, program: string[]) {
  const pod = await podOf(ref, 1);
  const policy = options.push?.includes("--restart-policy") ? [] : ["--restart-policy", "Never"];
  const pusher = pod.pusher("--output", ref, ...policy, ...(options.push ?? []));
  const launcher = await pod.launcher(["--output", "true", ...(options.launch ?? [])], program).ended;
  return { pod, launcher, pusher: await pusher.ended };
}

describe.concurrent("compression", () => {
  const program = sh(
    "mkdir -p tree/empty; echo one > tree/a; head -c 300000 /dev/zero > tree/zeros; ln -s a tree/l",
  );
  const path = ["--output-path", "tree"];

  it.each(["auto", "gzip", "none"])("%s is read by the stock client", async (compression) => {
    const ref = reference();
    const { pusher } = await step(ref, { push: ["--compression", compression], launch: path }, program);
    expect(pusher).toMatchObject({ code: 0 });
    const folder = await stockPull(tools, ref);
    expect(readFileSync(join(folder, "tree/l"), "utf8")).toBe("one\n");
    expect(existsSync(join(folder, "tree/empty"))).toBe(true);
  });

  it.each([
    ["tree", "tree", "tree"],
    [".", "", "step-"],
  ])(
    "zstd of %s is unpacked by the operator, and a plain archive to others",
    async (output, below, title) => {
      const ref = reference();
      const { pusher } = await step(
        ref,
        { push: ["--compression", "zstd"], launch: ["--output-path", output] },
        output === "." ? sh("echo one > a") : program,
      );
      expect(pusher).toMatchObject({ code: 0 });
      const [layer] = await layers(ref);
      expect(layer?.mediaType).toBe("application/vnd.oci.image.layer.v1.tar+zstd");
      expect(layer?.annotations["org.opencontainers.image.title"]).toMatch(
        new RegExp(`^${title}.*\\.tar\\.zst$`),
      );
      expect(layer?.annotations).not.toHaveProperty(["io.deis.oras.content.unpack"]);

      const consumer = fakePod(tools);
      expect(await consumer.init("--input", ref)).toMatchObject({ code: 0 });
      const read = await consumer.launcher(["--inputs", "1"], ["cat", join(below, "a")]).ended;
      expect(read).toMatchObject({ code: 0, stdout: "one\n" });
      const packed = await consumer.launcher(["--inputs", "1", "--unpack", "false"], sh("ls *.tar.zst"))
        .ended;
      expect(packed.stdout.trim()).toBe(layer?.annotations["org.opencontainers.image.title"]);
    },
  );

  it("gives the same digest every time", async () => {
    for (const compression of ["zstd", "none"]) {
      const digests = await Promise.all(
        [1, 2].map(async () => {
          const ref = reference();
          await step(ref, { push: ["--compression", compression], launch: path }, program);
          return oras("resolve", "--plain-http", ref.replace("http://", ""));
        }),
      );
      expect(digests[0]).toBe(digests[1]);
    }
  });
});

describe.concurrent("push-on", () => {
  it.each([
    ["success", 0, true],
    ["success", 3, false],
    ["failure", 0, false],
    ["failure", 3, true],
    ["always", 0, true],
    ["always", 3, true],
  ])("%s, exit code %i: pushed is %s", async (pushOn, code, pushed) => {
    const ref = reference();
    const option = ["--push-on", pushOn];
    const { launcher, pusher } = await step(
      ref,
      { push: option, launch: [...option, "--output-path", "f"] },
      sh(`echo x > f; exit ${code}`),
    );
    expect(launcher.code).toBe(code);
    expect(pusher).toMatchObject({ code: 0 });
    expect(await isPushed(ref)).toBe(pushed);
  });

  it("keeps the exit code of a program that failed and left nothing", async () => {
    const ref = reference();
    const option = ["--push-on", "always"];
    const { launcher, pusher } = await step(
      ref,
      { push: option, launch: [...option, "--output-path", "f"] },
      sh("exit 3"),
    );
    expect([launcher.code, pusher.code]).toEqual([3, 0]);
    expect(await isPushed(ref)).toBe(false);
  });

  it("pushes each attempt under OnFailure, until one succeeds", async () => {
    const ref = reference();
    const option = ["--push-on", "always"];
    const pod = await podOf(ref, 1);
    const pusher = pod.pusher("--output", ref, "--restart-policy", "OnFailure", ...option);
    const attempt = (code: number) =>
      pod.launcher(
        ["--output", "true", ...option, "--output-path", "f"],
        sh(`echo ${code} > f; exit ${code}`),
      ).ended;
    expect(await attempt(3)).toMatchObject({ code: 3 });
    await pusher.said(" in ");
    expect(readFileSync(join(await stockPull(tools, ref), "f"), "utf8")).toBe("3\n");
    expect(await attempt(0)).toMatchObject({ code: 0 });
    expect(await pusher.ended).toMatchObject({ code: 0 });
    expect(readFileSync(join(await stockPull(tools, ref), "f"), "utf8")).toBe("0\n");
  });
});

describe.concurrent("several launchers", () => {
  const policies = (n: number) => Array.from({ length: n }, () => ["--restart-policy", "Never"]).flat();
  const second = ["--number", "1"];

  it("make one artifact when the last one has ended, in the order of their numbers", async () => {
    const ref = reference();
    const pod = await podOf(ref, 2);
    const pusher = pod.pusher("--output", ref, ...policies(2), "--image", "a", "--image", "b");
    const gate = join(pod.work, "gate");
    const one = pod.launcher(
      ["--output", "true", "--output-path", "tree"],
      sh("mkdir tree; echo 1 > tree/x; until [ -e gate ]; do sleep 0.05; done"),
    );
    const two = await pod.launcher([...second, "--output", "true", "--output-pipe", "log"], ["echo", "two"])
      .ended;
    expect(two).toMatchObject({ code: 0, stdout: "two\n" });
    expect(await isPushed(ref)).toBe(false);
    writeFileSync(gate, "");
    expect(await one.ended).toMatchObject({ code: 0 });
    expect(await pusher.ended).toMatchObject({ code: 0 });
    const folder = await stockPull(tools, ref);
    expect(readFileSync(join(folder, "tree/x"), "utf8")).toBe("1\n");
    expect(readFileSync(join(folder, "log"), "utf8")).toBe("two\n");
    const titles = (await layers(ref)).map((layer) => layer.annotations["org.opencontainers.image.title"]);
    expect(titles).toEqual(["tree", "log"]);
  });

  it("each lay the inputs out in their own place", async () => {
    const ref = reference();
    await step(ref, { launch: ["--output-path", "f"] }, sh("echo in > f"));
    const pod = fakePod(tools);
    const argv = [
      join(tools.oras, "bin/busybox"),
      "sh",
      join(tools.oras, "bin/setup.sh"),
      "--share",
      pod.share,
    ];
    const init = [...argv, "--launchers", "2", "--", "--share", pod.share, "--input", ref];
    expect(await start(init, { env: tools.environment }).ended).toMatchObject({ code: 0 });
    for (const number of ["0", "1"]) {
      const options = ["--number", number, "--inputs", "1", "--input-path", `in-${number}`];
      expect(await pod.launcher(options, ["cat", `in-${number}/f`]).ended).toMatchObject({ stdout: "in\n" });
    }
  });

  it("push nothing when one of them fails, or is killed", async () => {
    for (const program of ["exit 4", "kill -9 $PPID"]) {
      const ref = reference();
      const pod = await podOf(ref, 2);
      const pusher = pod.pusher("--output", ref, ...policies(2));
      const one = pod.launcher(["--output", "true", "--output-path", "f"], sh("echo x > f"));
      const two = pod.launcher([...second, "--output", "verdict"], sh(program));
      expect(await one.ended).toMatchObject({ code: 0 });
      expect((await two.ended).code).not.toBe(0);
      expect(await pusher.ended).toMatchObject({ code: 0 });
      expect(await isPushed(ref)).toBe(false);
    }
  });

  it("fail the push when they made files of the same name", async () => {
    const ref = reference();
    const pod = await podOf(ref, 2);
    const pusher = pod.pusher("--output", ref, ...policies(2));
    mkdirSync(join(pod.work, "b"));
    const one = pod.launcher(["--output", "true", "--output-path", "f"], sh("echo x > f"));
    const two = pod.launcher([...second, "--output", "true", "--output-path", "b/f"], sh("echo y > b/f"));
    await Promise.all([one.ended, two.ended]);
    const { code, stderr } = await pusher.ended;
    expect(code).toBe(exitCodes.pushFailed.code);
    expect(stderr).toContain("two wrapped containers made an output named f");
    expect(await isPushed(ref)).toBe(false);
  });

  it("are left at once when the Pod is deleted before any has started", async () => {
    const pod = await podOf(reference(), 2);
    const pusher = pod.pusher("--output", reference(), ...policies(2), "--debug", "true");
    await pusher.said("output:");
    pusher.child.kill("SIGTERM");
    expect(await pusher.ended).toMatchObject({ code: 0 });
  });
});

describe.concurrent("what the program sees", () => {
  it("is not the environment that paths were expanded from", async () => {
    const ref = reference();
    const pod = await podOf(ref, 1);
    const launcher = start(
      [
        ...[join(pod.share, "bin/tini"), "-s", "-g", "--", join(pod.share, "bin/busybox"), "sh"],
        ...[join(pod.share, "bin/launch.sh"), "--share", pod.share],
        ...["--variable", "ORAS_OPERATOR_POD_NAME", "--variable", "ORAS_OPERATOR_POD_UID", "--", "env"],
      ],
      {
        cwd: pod.work,
        env: { PATH: "/usr/bin:/bin", ORAS_OPERATOR_POD_NAME: "a", ORAS_OPERATOR_POD_UID: "b", X: "1" },
      },
    );
    expect((await launcher.ended).stdout.trim().split("\n").sort()).toEqual(["PATH=/usr/bin:/bin", "X=1"]);
  });
});
