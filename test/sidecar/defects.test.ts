import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import {
  type FakePod,
  fakePod,
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

const reference = () => `${registry.url}/defects/step-${++number}:1`;

async function oras(...args: string[]) {
  const env = { ...tools.environment, HOME: "/nonexistent" };
  return start(["oras", ...args], { env }).ended;
}

const isPushed = async (ref: string) =>
  (await oras("manifest", "fetch", "--plain-http", ref.replace("http://", ""))).code === 0;

/** Runs a step that pushes. */
async function step(pod: FakePod, ref: string, path: string, program: string[]) {
  expect(await pod.init("--output", ref)).toMatchObject({ code: 0 });
  const pusher = pod.pusher("--output", ref, "--restart-policy", "Never");
  const launcher = await pod.launcher(["--output", "true", "--output-path", path], program).ended;
  return { launcher, pusher: await pusher.ended };
}

const makeTree = ["sh", "-c", "mkdir -p d/in; echo x > d/in/x"];

/** What a step that pulls finds in its working directory; `options` go to its launcher. */
async function consume(ref: string, ...options: string[]) {
  const pod = fakePod(tools);
  const init = await pod.init("--input", ref);
  const launcher = await pod.launcher(["--inputs", "1", ...options], ["true"]).ended;
  return { pod, init, launcher };
}

describe.concurrent("defects of the original, in the Pod", () => {
  it("it never passes an artifact: a directory arrives unpacked, for the next step and for stock oras", async () => {
    const ref = reference();
    expect((await step(fakePod(tools), ref, "d", makeTree)).pusher).toMatchObject({ code: 0 });
    const { pod } = await consume(ref);
    expect(readFileSync(join(pod.work, "d/in/x"), "utf8")).toBe("x\n");
    const folder = temporaryFolder("pulled");
    await oras("pull", "--plain-http", ref.replace("http://", ""), "-o", folder);
    expect(readFileSync(join(folder, "d/in/x"), "utf8")).toBe("x\n");
  });

  it("unpack compared as a literal: false leaves the archive, everything else unpacks", async () => {
    const ref = reference();
    await step(fakePod(tools), ref, "d", makeTree);
    const packed = await consume(ref, "--unpack", "false");
    expect(existsSync(join(packed.pod.work, "d/in"))).toBe(false);
    expect(readdirSync(packed.pod.work)).toHaveLength(1);
  });

  it("exit code lost and a failed program's output pushed: 7 stays 7, and nothing is pushed", async () => {
    const ref = reference();
    const { launcher } = await step(fakePod(tools), ref, "x", ["sh", "-c", "echo half > x; exit 7"]);
    expect(launcher).toMatchObject({ code: 7 });
    expect(await isPushed(ref)).toBe(false);
  });

  it("$@ unquoted: the program has the words that were written", async () => {
    const argv = ["a b", "", "*", "$HOME", "'", 'x"y', "new\nline", "--output"];
    const pod = fakePod(tools);
    await pod.init();
    const { stdout } = await pod.launcher([], ["printf", "%s\\0", ...argv]).ended;
    expect(stdout.split("\0").slice(0, -1)).toEqual(argv);
  });

  it("shell injection through output-path: it is a path and no more", async () => {
    const [ref, path] = [reference(), "$(touch injected);`touch injected`; touch injected #"];
    const pod = fakePod(tools);
    const program = ["sh", "-c", `echo x > "$1"`, "sh", path];
    expect((await step(pod, ref, path, program)).pusher).toMatchObject({ code: 0 });
    expect(readdirSync(pod.work)).toEqual([path]);
    expect(existsSync(join(pod.share, "injected"))).toBe(false);
    expect((await consume(ref)).pod.work).toSatisfy((work: string) => existsSync(join(work, path)));
  });

  it("pull errors ignored: the init container fails with its exit code", async () => {
    const { code } = await fakePod(tools).init("--input", reference(), "--message-path", "/dev/null");
    expect(code).toBe(exitCodes.inputNotFound.code);
  });

  it("an application that is killed leaves the sidecar waiting for ever: it ends, and pushes nothing", async () => {
    const [ref, pod] = [reference(), fakePod(tools)];
    await pod.init("--output", ref);
    const pusher = pod.pusher("--output", ref, "--restart-policy", "Never");
    // The program's parent is an init, and the init's parent what holds the pipe.
    const kill = ["sh", "-c", `kill -9 "$(cut -d' ' -f4 /proc/$PPID/stat)"`];
    await pod.launcher(["--output", "true", "--output-path", "x"], kill).ended;
    const ended = await pusher.ended;
    expect(ended).toMatchObject({ code: 0 });
    expect(await isPushed(ref)).toBe(false);
  });

  it("annotations file packed into the artifact: it holds what the program left, alone", async () => {
    const [ref, pod] = [reference(), fakePod(tools)];
    await step(pod, ref, ".", ["sh", "-c", "echo x > x"]);
    const folder = temporaryFolder("pulled");
    await oras("pull", "--plain-http", ref.replace("http://", ""), "-o", folder);
    expect(readdirSync(folder)).toEqual(["x"]);
  });

  it("bash, wget and root needed in the user's image: a program without any tool beside it runs", async () => {
    const pod = fakePod(tools);
    await pod.init();
    mkdirSync(join(pod.work, "empty"));
    writeFileSync(join(pod.work, "busybox"), readFileSync(join(pod.share, "bin/busybox")), { mode: 0o755 });
    const { code, stdout } = await pod.launcher([], ["./busybox", "echo", "ran"]).ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: "ran\n" });
  });
});
