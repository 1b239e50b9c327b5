import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import {
  type FakePod,
  fakePod,
  killContainer,
  start,
  startRegistry,
  type TestRegistry,
  temporaryFolder,
  toolsTree,
} from "../support/sidecar.ts";

let tools: Awaited<ReturnType<typeof toolsTree>>;
let registry: TestRegistry;
let number = 0;

beforeAll(async () => {
  tools = await toolsTree();
  registry = await startRegistry();
  return () => registry.stop();
}, 900_000);

const reference = () => `${registry.url}/exact/step-${++number}:1`;
const sh = (script: string) => ["sh", "-c", script];
const output = ["--output", "true", "--output-path", "x"];

/** The wrapped container with another environment and standard input. */
function launcherIn(pod: FakePod, env: NodeJS.ProcessEnv, rest: string[], input = "") {
  const tini = [join(pod.share, "bin/tini"), "-s", "-g", "--", join(pod.share, "bin/busybox"), "sh"];
  return start(
    [...tini, join(pod.share, "bin/launch.sh"), "--share", pod.share, "--message-path", pod.message, ...rest],
    { cwd: pod.work, env, input },
  );
}

describe.concurrent("a program", () => {
  it.each([
    ["none", {}],
    ["names that a shell cannot hold", { PATH: "/bin", "a.b": "1\n2", "a-b": "$(id) 'q'", "1x": "" }],
    [
      "names that a shell changes",
      { PATH: "/bin", IFS: ",", SHLVL: "7", PWD: "/q", OLDPWD: "/z", OPTIND: "4" },
    ],
    [
      "names that the scripts use",
      { PATH: "/bin", share: "s", output: "o", debug: "d", inputs: "9", step: "q" },
    ],
    ["settings of our tools", { PATH: "/bin", TAR_OPTIONS: "--bogus", POSIXLY_CORRECT: "1" }],
  ])("gets its environment as it was: %s", async (_, env) => {
    const pod = fakePod(tools);
    await pod.init();
    const { stdout, code } = await launcherIn(pod, env, ["--", "/bin/cat", "/proc/self/environ"]).ended;
    expect(code).toBe(0);
    const expected = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    expect(stdout.split("\0").filter(Boolean).sort()).toEqual(expected.sort());
  });

  it("keeps its standard input", async () => {
    const pod = fakePod(tools);
    await pod.init();
    const options = ["--output-pipe", "copy", "--", "/bin/cat"];
    const ended = await launcherIn(pod, {}, options, "fed").ended;
    expect(ended).toMatchObject({ code: 0, stdout: "fed" });
    expect(readFileSync(join(pod.work, "copy"), "utf8")).toBe("fed");
  });

  it("fails its step when its standard output cannot be kept", async () => {
    const pod = fakePod(tools);
    await pod.init();
    const ended = await pod.launcher(["--output-pipe", "/dev/full"], ["echo", "lost"]).ended;
    expect(ended).toMatchObject({ code: exitCodes.outputFailed.code, stdout: "lost\n" });
    expect(readFileSync(pod.message, "utf8")).toContain("could not be written to /dev/full");
  });
});

describe.concurrent("a Pod that is deleted", () => {
  it("before its program starts, never starts it", async () => {
    const pod = fakePod(tools);
    await pod.init();
    const launcher = pod.launcher([...output, "--debug", "true"], ["echo", "ran"]);
    await launcher.said("debug: inputs");
    launcher.child.kill("SIGTERM");
    expect(await launcher.ended).toMatchObject({ code: 143, stdout: "" });
  });

  it("still has its output pushed when the program ends with success", async () => {
    const pod = fakePod(tools);
    const ref = reference();
    await pod.init("--output", ref);
    const pusher = pod.pusher("--output", ref, "--restart-policy", "OnFailure");
    const launcher = pod.launcher(
      output,
      sh("trap 'echo last > x; exit 0' TERM; echo ready; while :; do sleep 0.05; done"),
    );
    await launcher.said("ready");
    pusher.child.kill("SIGTERM");
    launcher.child.kill("SIGTERM");
    expect((await launcher.ended).code).toBe(0);
    const { code, stderr } = await pusher.ended;
    expect(code).toBe(0);
    expect(stderr).toContain("pushed");
  });

  it("does not wait for a restart that will not come", async () => {
    const pod = fakePod(tools);
    await pod.init();
    const pusher = pod.pusher("--output", reference(), "--restart-policy", "OnFailure");
    const launcher = pod.launcher(output, sh("trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done"));
    await launcher.said("ready");
    pusher.child.kill("SIGTERM");
    launcher.child.kill("SIGTERM");
    expect((await launcher.ended).code).toBe(5);
    expect((await pusher.ended).code).toBe(0);
  });
});

describe.concurrent("what goes wrong around a step", () => {
  it("a pusher that died under Never fails the step at once, not at the deadline", async () => {
    const pod = fakePod(tools);
    await pod.init();
    const pusher = pod.pusher("--output", reference(), "--restart-policy", "Never");
    const launcher = pod.launcher(
      output,
      sh("echo running; until [ -e go ]; do sleep 0.05; done; echo y > x"),
    );
    await launcher.said("running");
    killContainer(pusher);
    await pusher.ended;
    writeFileSync(join(pod.work, "go"), "");
    const ended = await launcher.ended;
    expect(ended.code).toBe(exitCodes.outputFailed.code);
    expect(ended.stderr).toContain("the container that pushes does not answer");
  });

  it("an image without oras is distinguished from a registry that is away", async () => {
    const pod = fakePod(tools);
    await pod.init();
    const pull = start(
      [join(pod.share, "bin/busybox"), "sh", join(pod.share, "bin/pull.sh"), "--share", pod.share].concat(
        "--input",
        reference(),
        "--message-path",
        pod.message,
      ),
      { env: { PATH: "/nonexistent" } },
    );
    expect((await pull.ended).code).toBe(exitCodes.setupFailed.code);
    expect(readFileSync(pod.message, "utf8")).toContain("no program oras");
  });

  it.each([
    ["absolute", (outside: string) => outside],
    ["through another link", (outside: string) => `here/../../../${outside.split("/").at(-1)}`],
  ])("an artifact cannot write through its own link: %s", async (_, target) => {
    const ref = reference();
    const folder = temporaryFolder("layers");
    const outside = temporaryFolder("outside");
    for (const name of ["one", "two"]) mkdirSync(join(folder, name, "d"), { recursive: true });
    symlinkSync(".", join(folder, "one/d/here"));
    symlinkSync(target(outside), join(folder, "one/d/out"));
    mkdirSync(join(folder, "two/d/out"));
    writeFileSync(join(folder, "two/d/out/evil"), "evil");
    for (const name of ["one", "two"]) {
      const members = name === "one" ? ["d"] : ["d/out/evil"];
      await start(["tar", "-czf", `${name}.tgz`, "-C", name, ...members], { cwd: folder }).ended;
    }
    const unpack = { "io.deis.oras.content.unpack": "true", "org.opencontainers.image.title": "d" };
    writeFileSync(
      join(folder, "annotations.json"),
      JSON.stringify({ "one.tgz": unpack, "two.tgz": { ...unpack, "org.opencontainers.image.title": "e" } }),
    );
    const push = ["oras", "push", "--plain-http", "--annotation-file", "annotations.json"];
    const pushed = await start([...push, ref.replace("http://", ""), "one.tgz", "two.tgz"], {
      cwd: folder,
      env: { ...tools.environment, HOME: folder },
    }).ended;
    expect(pushed.code, pushed.stderr).toBe(0);
    const pod = fakePod(tools);
    expect((await pod.init("--input", ref)).code).toBe(0);
    const ended = await pod.launcher(["--inputs", "1"], ["echo", "ran"]).ended;
    expect(ended).toMatchObject({ code: exitCodes.unpackFailed.code, stdout: "" });
    expect(ended.stderr).toContain("leads out of");
    expect(existsSync(join(outside, "evil"))).toBe(false);
  });

  it("a termination message that is too long keeps its exit code", async () => {
    const pod = fakePod(tools);
    await pod.init();
    const outputPipe = `/nowhere${"/folder".repeat(200)}`;
    const { code } = await pod.launcher(["--output-pipe", outputPipe], ["true"]).ended;
    const message = readFileSync(pod.message, "utf8");
    expect(code).toBe(exitCodes.checkFailed.code);
    expect(message).toMatch(/^the output pipe \/nowhere\/folder.* \(exit code 187\)$/);
    expect(message).toHaveLength(1023);
  });
});
