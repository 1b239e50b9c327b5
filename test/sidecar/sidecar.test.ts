import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { digestOf, stockPull } from "../support/artifact.ts";
import { keyOf } from "../support/builders.ts";
import { freePort } from "../support/ports.ts";
import {
  type FakePod,
  fakePod,
  killContainer,
  killTree,
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

/** A reference that no other test uses. */
const reference = () => `${registry.url}/test/step-${++number}:1`;
const never = ["--restart-policy", "Never"];
const onFailure = ["--restart-policy", "OnFailure"];

/** Runs a whole step with an output. */
async function step(pod: FakePod, ref: string, options: string[], program: string[], policy = never) {
  const init = await pod.init("--output", ref);
  expect(init).toMatchObject({ code: 0 });
  const pusher = pod.pusher("--output", ref, ...policy);
  const launcher = await pod.launcher(["--output", "true", ...options], program).ended;
  return { launcher, pusher: await pusher.ended };
}

/** The environment of the stock CLI, which does not run without a home directory. */
const stock = () => ({ ...tools.environment, HOME: "/nonexistent" });

async function oras(...args: string[]) {
  const { code, stdout, stderr } = await start(["oras", ...args], { env: stock() }).ended;
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

async function isPushed(ref: string): Promise<boolean> {
  return oras("manifest", "fetch", "--descriptor", "--plain-http", ref.replace("http://", "")).then(
    () => true,
    () => false,
  );
}

const sh = (script: string) => ["sh", "-c", script];

describe.concurrent("a step", () => {
  it("pipes its output into a file that becomes the next step's input", async () => {
    const [first, second] = [reference(), reference()];
    const producer = fakePod(tools);
    const { launcher, pusher } = await step(
      producer,
      first,
      ["--output-pipe", "pancakes.txt"],
      ["echo", "blueberry"],
    );
    expect(launcher).toMatchObject({ code: 0, stdout: "blueberry\n" });
    expect(pusher).toMatchObject({ code: 0 });

    const consumer = fakePod(tools);
    expect(await consumer.init("--input", first, "--output", second)).toMatchObject({ code: 0 });
    const push = consumer.pusher(
      "--output",
      second,
      ...never,
      "--inputs",
      "1",
      "--image",
      "example.com/eat:1",
    );
    const eaten = await consumer.launcher(
      ["--inputs", "1", "--output", "true"],
      sh("cat pancakes.txt; echo more > more.txt"),
    ).ended;
    expect(eaten).toMatchObject({ code: 0, stdout: "blueberry\n" });
    expect(await push.ended).toMatchObject({ code: 0 });
    const pulled = await stockPull(tools, second);
    expect(readFileSync(join(pulled, "pancakes.txt"), "utf8")).toBe("blueberry\n");
    expect(readFileSync(join(pulled, "more.txt"), "utf8")).toBe("more\n");
    const manifest = JSON.parse(
      await oras("manifest", "fetch", "--plain-http", second.replace("http://", "")),
    );
    expect(manifest.annotations).toMatchObject({
      [keyOf("image")]: "example.com/eat:1",
      [keyOf("input")]: await digestOf(tools, first),
    });
  });

  it("says what it pushed in the termination message", async () => {
    const pod = fakePod(tools);
    const ref = reference();
    await pod.init("--output", ref);
    const message = join(pod.work, "../pushed");
    const pusher = pod.pusher("--output", ref, ...never, "--message-path", message);
    await pod.launcher(["--output", "true", "--output-path", "f"], sh("echo x > f")).ended;
    expect(await pusher.ended).toMatchObject({ code: 0 });
    expect(JSON.parse(readFileSync(message, "utf8"))).toEqual({
      artifact: ref.replace("http://", ""),
      digest: await digestOf(tools, ref),
      bytes: 2,
      seconds: expect.any(Number),
    });
  });

  it("I9: says where the tag pointed before, if it was there", async () => {
    const ref = reference();
    const push = async (content: string) => {
      const pod = fakePod(tools);
      await pod.init("--output", ref);
      const message = join(pod.work, "../pushed");
      const pusher = pod.pusher("--output", ref, ...never, "--message-path", message);
      await pod.launcher(["--output", "true", "--output-path", "f"], sh(`echo ${content} > f`)).ended;
      expect(await pusher.ended).toMatchObject({ code: 0 });
      return JSON.parse(readFileSync(message, "utf8")) as { digest: string; replaced?: string };
    };
    const first = await push("one");
    expect(first.replaced).toBeUndefined();
    expect(await push("two")).toMatchObject({ replaced: first.digest });
  });

  it("gives its program the exact argument vector", async () => {
    const pod = fakePod(tools);
    await pod.init();
    const words = ["a b", "", "$(x)", "`id`", "'\"", "*", "line\nbreak", "--", "--share", "é", "\\"];
    const program = ["printf", "<%s>\n", ...words];
    const ended = await pod.launcher([], program).ended;
    expect(ended.stdout).toBe(words.map((word) => `<${word}>\n`).join(""));
  });

  it("runs the program that the PATH has, not a busybox applet of that name", async () => {
    const pod = fakePod(tools);
    await pod.init();
    writeFileSync(join(pod.work, "echo"), "#!/bin/sh\nprintf 'mine\\n'\n", { mode: 0o755 });
    const launched = start(
      [
        join(pod.share, "bin/tini"),
        "-s",
        "-g",
        "--",
        join(pod.share, "bin/busybox"),
        "sh",
        join(pod.share, "bin/launch.sh"),
        "--share",
        pod.share,
        "--message-path",
        pod.message,
        "--",
        "echo",
        "theirs",
      ],
      { cwd: pod.work, env: { PATH: `${pod.work}:/bin` } },
    );
    expect(await launched.ended).toMatchObject({ code: 0, stdout: "mine\n" });
  });

  it.each([
    ["exit 3", 3],
    ["kill -9 $$", 137],
    ["kill -INT $$", 130],
  ])("ends as its program ends (%s) and pushes nothing", async (script, code) => {
    const ref = reference();
    const pod = fakePod(tools);
    const { launcher, pusher } = await step(pod, ref, ["--output-path", "x"], sh(`touch x; ${script}`));
    expect(launcher.code).toBe(code);
    expect(pusher.code).toBe(0);
    expect(await isPushed(ref)).toBe(false);
  });

  it.each([
    [
      ["no-such-program"],
      127,
      /there is no program no-such-program in the container's PATH, \S+ \(exit code 127\)$/,
    ],
    [["./no/such"], 127, /there is no program .\/no\/such in the container \(exit code 127\)$/],
    [["/etc/passwd"], 126, /^$/],
  ])("ends with a shell's code when the program cannot be run (%s)", async (program, code, message) => {
    const pod = fakePod(tools);
    await pod.init();
    expect((await pod.launcher([], program).ended).code).toBe(code);
    expect(existsSync(pod.message) ? readFileSync(pod.message, "utf8") : "").toMatch(message);
  });

  it("hands SIGTERM to the program and keeps its verdict", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    await pod.init("--output", ref);
    const pusher = pod.pusher("--output", ref, ...never);
    const launcher = pod.launcher(
      ["--output", "true", "--output-pipe", "log"],
      sh("trap 'echo got it; exit 0' TERM; echo ready; while :; do sleep 0.1; done"),
    );
    await launcher.said("ready");
    // As the kubelet does when a Pod is deleted: both at once.
    for (const { child } of [launcher, pusher]) child.kill("SIGTERM");
    expect(await launcher.ended).toMatchObject({ code: 0, stdout: "ready\ngot it\n" });
    expect(await pusher.ended).toMatchObject({ code: 0 });
    expect(readFileSync(join(await stockPull(tools, ref), "log"), "utf8")).toBe("ready\ngot it\n");
  });

  it("ends the copy of standard output although a child holds it", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    const { launcher, pusher } = await step(
      pod,
      ref,
      ["--output-pipe", "log"],
      sh("sleep 30 2>/dev/null & echo done"),
    );
    expect(launcher).toMatchObject({ code: 0, stdout: "done\n" });
    expect(pusher.code).toBe(0);
  });

  it("leaves the program the signal dispositions that a container has, and none of our descriptors", async () => {
    const signals = "grep -E 'SigIgn|SigBlk' /proc/self/status";
    // Those of a container are the defaults; whoever started these tests may ignore some.
    const bare = await start(sh(signals)).ended;
    const pod = fakePod(tools);
    const ref = reference();
    const { launcher } = await step(
      pod,
      ref,
      ["--output-path", "x"],
      sh(`touch x; ${signals}; ls -l /proc/self/fd`),
    );
    expect(launcher.stdout.startsWith(bare.stdout)).toBe(true);
    expect(launcher.stdout).not.toContain(pod.share);
  });
});

describe.concurrent("an output directory", () => {
  it("arrives under its own name, with modes, links, odd names and empty files", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    const tree = join(pod.work, "ana lysis");
    mkdirSync(join(tree, "empty"), { recursive: true });
    writeFileSync(join(tree, "new\nline é 'q'"), "odd");
    writeFileSync(join(tree, "-dash"), "");
    writeFileSync(join(tree, "run.sh"), "#!/bin/sh\n");
    chmodSync(join(tree, "run.sh"), 0o751);
    symlinkSync("run.sh", join(tree, "link"));
    const { launcher, pusher } = await step(
      pod,
      ref,
      ["--output-path", "ana lysis"],
      sh("cd 'ana lysis'; mkfifo pipe 'new\nline' '[p]' 'back\\\\n'"),
    );
    expect(launcher.code, launcher.stderr).toBe(0);
    expect(launcher.stderr).toContain("not packed, neither file nor directory: ./ana lysis/pipe");
    expect(pusher.code, pusher.stderr).toBe(0);

    const stock = join(await stockPull(tools, ref), "ana lysis");
    const consumer = fakePod(tools);
    expect(await consumer.init("--input", ref)).toMatchObject({ code: 0 });
    const laid = await consumer.launcher(["--inputs", "1", "--input-path", "deep/er"], ["true"]).ended;
    expect(laid.code, laid.stderr).toBe(0);
    for (const place of [stock, join(consumer.work, "deep/er/ana lysis")]) {
      expect(readFileSync(join(place, "new\nline é 'q'"), "utf8")).toBe("odd");
      expect(lstatSync(join(place, "run.sh")).mode & 0o777).toBe(0o751);
      expect(readlinkSync(join(place, "link"))).toBe("run.sh");
      expect(lstatSync(join(place, "empty")).isDirectory()).toBe(true);
      expect(lstatSync(join(place, "-dash")).size).toBe(0);
      expect(readdirSync(place).sort()).toEqual(["-dash", "empty", "link", "new\nline é 'q'", "run.sh"]);
    }
  });

  it("named by a path that ends in .. has the name that others know it by", async () => {
    const ref = reference();
    const path = ["--output-path", "tree/below/.."];
    const { pusher } = await step(fakePod(tools), ref, path, sh("mkdir -p tree/below; echo x > tree/f"));
    expect(pusher).toMatchObject({ code: 0 });
    expect(readFileSync(join(await stockPull(tools, ref), "tree/f"), "utf8")).toBe("x\n");
  });

  it("leaves the share out that is mounted in it, and may not be the share itself", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    const around = join(pod.share, "..");
    const { launcher, pusher } = await step(pod, ref, ["--output-path", around], sh("echo x > f"));
    expect(launcher.code, launcher.stderr).toBe(0);
    expect(pusher).toMatchObject({ code: 0 });
    expect(readdirSync(join(await stockPull(tools, ref), basename(around)))).toEqual(["work"]);
    const share = await pod.launcher(
      ["--output", "true", "--deadline", "1", "--output-path", join(pod.share, "0/out")],
      ["true"],
    ).ended;
    expect(share.code).toBe(exitCodes.checkFailed.code);
  });

  it("gives the same manifest digest every time", async () => {
    const digests = [];
    for (let i = 0; i < 2; i++) {
      const ref = reference();
      const pod = fakePod(tools);
      await step(pod, ref, ["--output-path", "d"], sh("mkdir d; echo 1 > d/b; echo 2 > d/a"));
      digests.push(await digestOf(tools, ref));
    }
    expect(digests[0]).toBe(digests[1]);
  });

  it.each([
    ["ln -s /etc/passwd d/abs", "./abs -> /etc/passwd"],
    ["ln -s ../../x d/up", "./up -> ../../x"],
  ])("fails the step that makes a link out of the tree (%s)", async (script, found) => {
    const ref = reference();
    const pod = fakePod(tools);
    const { launcher, pusher } = await step(pod, ref, ["--output-path", "d"], sh(`mkdir d; ${script}`));
    expect(launcher.code).toBe(exitCodes.outputFailed.code);
    expect(launcher.stderr).toContain(found);
    expect(readFileSync(pod.message, "utf8")).toContain(found);
    expect(pusher.code).toBe(0);
    expect(await isPushed(ref)).toBe(false);
  });

  it("fails the step whose output is missing", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    const { launcher } = await step(pod, ref, ["--output-path", "nowhere"], ["true"]);
    expect(launcher.code).toBe(exitCodes.outputFailed.code);
    expect(launcher.stderr).toContain("there is nothing at nowhere");
  });
});

describe.concurrent("inputs", () => {
  it("of stock oras push are read: files and directories, several layers", async () => {
    const ref = reference();
    const folder = temporaryFolder("stock");
    mkdirSync(join(folder, "dir"));
    writeFileSync(join(folder, "dir/inner"), "inner");
    writeFileSync(join(folder, "file"), "file");
    const pushed = await start(["oras", "push", "--plain-http", ref.replace("http://", ""), "dir", "file"], {
      cwd: folder,
      env: stock(),
    }).ended;
    expect(pushed.code, pushed.stderr).toBe(0);
    const pod = fakePod(tools);
    expect(await pod.init("--input", ref)).toMatchObject({ code: 0 });
    expect(await pod.launcher(["--inputs", "1"], sh("cat dir/inner file")).ended).toMatchObject({
      code: 0,
      stdout: "innerfile",
    });
    const packed = fakePod(tools);
    await packed.init("--input", ref);
    const listing = await packed.launcher(
      ["--inputs", "1", "--unpack", "false"],
      sh("tar tzf dir.tar.gz; cat file"),
    ).ended;
    expect(listing.stdout).toMatch(/^dir\/?\ndir\/inner\nfile$/);
  });

  it("are unpacked in a place that is writable but belongs to somebody else", async () => {
    const ref = reference();
    await step(fakePod(tools), ref, [], sh("echo 1 > a; mkdir d; ln a d/b; chmod 700 ."));
    const pod = fakePod(tools);
    await pod.init("--input", ref);
    chmodSync(pod.work, 0o777);
    chmodSync(join(pod.work, ".."), 0o755);
    const launcher = [
      join(pod.share, "bin/busybox"),
      "sh",
      join(pod.share, "bin/launch.sh"),
      "--share",
      pod.share,
    ];
    const asNobody = start(
      [
        "setpriv",
        "--reuid=65534",
        "--clear-groups",
        ...launcher,
        "--inputs",
        "1",
        "--",
        "ls",
        "-A",
        ".",
        "d",
      ],
      { cwd: pod.work },
    );
    expect(await asNobody.ended).toMatchObject({ code: 0, stdout: ".:\na\nd\n\nd:\nb\n" });
  });

  it("can be read by any user's program", async () => {
    const ref = reference();
    await step(fakePod(tools), ref, ["--output-path", "d"], sh("mkdir d; echo 1 > d/a"));
    const pod = fakePod(tools);
    await pod.init("--input", ref);
    const closed = await start(["find", join(pod.share, "0/inputs"), "-type", "f", "!", "-perm", "-444"])
      .ended;
    expect(closed.stdout).toBe("");
  });

  it("are laid into the same place in their order", async () => {
    const refs = [reference(), reference()];
    for (const [i, ref] of refs.entries()) {
      await step(fakePod(tools), ref, ["--output-pipe", "same"], ["echo", `number ${i}`]);
    }
    const pod = fakePod(tools);
    await pod.init(...refs.flatMap((ref) => ["--input", ref]));
    expect((await pod.launcher(["--inputs", "2"], ["cat", "same"]).ended).stdout).toBe("number 1\n");
  });

  it("that are missing fail the init container with the reason", async () => {
    const pod = fakePod(tools);
    const ref = reference();
    const ended = await pod.init("--input", ref, "--message-path", pod.message);
    expect(ended.code).toBe(exitCodes.inputNotFound.code);
    expect(readFileSync(pod.message, "utf8")).toContain(
      `pull of ${ref.replace("http://", "")}: it is not in the registry`,
    );
  });

  it("with a name that leaves the place are refused", async () => {
    const ref = reference();
    const folder = temporaryFolder("hostile");
    writeFileSync(join(folder, "x"), "x");
    writeFileSync(
      join(folder, "annotations.json"),
      JSON.stringify({ x: { "org.opencontainers.image.title": "../../evil" } }),
    );
    const pushed = await start(
      [
        "oras",
        "push",
        "--plain-http",
        "--annotation-file",
        "annotations.json",
        ref.replace("http://", ""),
        "x",
      ],
      { cwd: folder, env: stock() },
    ).ended;
    expect(pushed.code, pushed.stderr).toBe(0);
    const pod = fakePod(tools);
    const ended = await pod.init("--input", ref, "--message-path", pod.message);
    expect(ended.code).toBe(exitCodes.inputInvalid.code);
    expect(ended.stderr).toContain("../../evil");
  });

  it("wait for a registry that comes up late", async () => {
    const port = await freePort();
    const pod = fakePod(tools);
    const url = `http://127.0.0.1:${port}`;
    const init = start(
      [
        join(tools.oras, "bin/busybox"),
        "sh",
        join(tools.oras, "bin/setup.sh"),
        "--share",
        pod.share,
        "--",
        "--share",
        pod.share,
        "--output",
        `${url}/a/b:1`,
      ],
      { env: tools.environment },
    );
    await init.said("trying again");
    const late = await startRegistry({ port });
    expect(await init.ended).toMatchObject({ code: 0 });
    await late.stop();
  });

  it("fail when the registry does not come up in time", async () => {
    const pod = fakePod(tools);
    const url = `http://127.0.0.1:${await freePort()}`;
    const ended = await pod.init("--input", `${url}/a/b:1`, "--timeout", "1", "--message-path", pod.message);
    expect(ended.code).toBe(exitCodes.registryUnavailable.code);
    expect(ended.stderr).toContain("connection refused");
  });
});

describe.concurrent("verdicts", () => {
  it("a killed launcher ends the pusher, with nothing pushed", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    await pod.init("--output", ref);
    const pusher = pod.pusher("--output", ref, ...never);
    const launcher = pod.launcher(
      ["--output", "true", "--output-path", "x"],
      sh("touch x; echo running; exec sleep 5"),
    );
    await launcher.said("running");
    // As the kernel does to a container whose memory is used up: everything at once.
    killTree(launcher);
    const ended = await pusher.ended;
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stderr).toContain("it was killed");
    expect(await isPushed(ref)).toBe(false);
  });

  it("a pusher alone gives up", async () => {
    const pod = fakePod(tools);
    await pod.init();
    const ended = await pod.pusher(
      "--output",
      reference(),
      ...never,
      "--deadline",
      "1",
      "--message-path",
      pod.message,
    ).ended;
    expect(ended.code).toBe(exitCodes.containerMissing.code);
  });

  it("a launcher alone gives up before it runs the program", async () => {
    const pod = fakePod(tools);
    await pod.init();
    const ended = await pod.launcher(
      ["--output", "true", "--output-path", "x", "--deadline", "1"],
      ["echo", "ran"],
    ).ended;
    expect(ended).toMatchObject({ code: exitCodes.pusherMissing.code, stdout: "" });
  });

  it("a pusher that waits ends at once when the Pod is deleted", async () => {
    const pod = fakePod(tools);
    await pod.init();
    const pusher = pod.pusher("--output", reference(), ...never, "--debug", "true");
    await pusher.said("debug:");
    pusher.child.kill("SIGTERM");
    expect(await pusher.ended).toMatchObject({ code: 0 });
  });

  it("under OnFailure the next attempt is waited for, and its output pushed", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    await pod.init("--output", ref);
    const pusher = pod.pusher("--output", ref, ...onFailure);
    const options = ["--output", "true", "--output-path", "x"];
    expect((await pod.launcher(options, ["false"]).ended).code).toBe(1);
    expect((await pod.launcher(options, sh("echo second > x")).ended).code).toBe(0);
    expect(await pusher.ended).toMatchObject({ code: 0 });
    expect(readFileSync(join(await stockPull(tools, ref), "x"), "utf8")).toBe("second\n");
  });

  it("a pusher that was killed after it took the output resumes and pushes it", async () => {
    const port = await freePort();
    const ref = `http://127.0.0.1:${port}/a/b:1`;
    const pod = fakePod(tools);
    await pod.init();
    const pusher = pod.pusher("--output", ref, ...onFailure);
    expect(
      (await pod.launcher(["--output", "true", "--output-path", "x"], sh("echo kept > x")).ended).code,
    ).toBe(0);
    await pusher.said("trying again");
    killContainer(pusher);
    await pusher.ended;
    const late = await startRegistry({ port });
    expect(await pod.pusher("--output", ref, ...onFailure).ended).toMatchObject({ code: 0 });
    expect(readFileSync(join(await stockPull(tools, ref), "x"), "utf8")).toBe("kept\n");
    await late.stop();
  });

  it("a pusher that was killed while the program ran takes the output after its restart", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    await pod.init("--output", ref);
    const first = pod.pusher("--output", ref, ...onFailure);
    const launcher = pod.launcher(
      ["--output", "true", "--output-path", "x"],
      sh("echo running; until [ -e go ]; do sleep 0.05; done; echo y > x"),
    );
    await launcher.said("running");
    killContainer(first);
    await first.ended;
    const second = pod.pusher("--output", ref, ...onFailure);
    writeFileSync(join(pod.work, "go"), "");
    expect((await launcher.ended).code).toBe(0);
    expect(await second.ended).toMatchObject({ code: 0 });
    expect(await isPushed(ref)).toBe(true);
  });
});

describe.concurrent("paths that cannot work fail before the program runs", () => {
  it.each([
    [["--output", "true"], "/", "the output would be the root of the filesystem"],
    [["--output", "true", "--output-path", "/etc/passwd/x"], undefined, "lies below /etc/passwd"],
    [["--output", "true", "--output-pipe", "no/such/folder"], undefined, "no/such/folder cannot be written"],
    [["--output", "true", "--output-pipe", "fifo", "--output-path", "x"], undefined, "fifo is a named pipe"],
  ])("%j", async (options, cwd, message) => {
    const pod = fakePod(tools);
    await pod.init();
    execFileSync("mkfifo", [join(pod.work, "fifo")]);
    const ended = await pod.launcher([...options, "--deadline", "1"], ["echo", "ran"], cwd).ended;
    expect(ended).toMatchObject({ code: exitCodes.checkFailed.code, stdout: "" });
    expect(ended.stderr).toContain(message);
    expect(readFileSync(pod.message, "utf8")).toContain(message);
  });
});

describe("credentials", () => {
  // bcrypt of "right", made with `htpasswd -nbB me right`
  it("are used where they are right, refused where they are wrong, and never shown", async () => {
    const folder = temporaryFolder("htpasswd");
    const users = join(folder, "htpasswd");
    const made = await start(["htpasswd", "-nbB", "me", "right-secret"]).ended;
    writeFileSync(users, made.stdout);
    const guarded = await startRegistry({ htpasswd: users });
    const ref = `${guarded.url}/a/b:1`;
    const attempt = async (password: string) => {
      const secret = temporaryFolder("secret");
      const priv = temporaryFolder("private");
      writeFileSync(join(secret, "ORAS_USER"), "me\n");
      writeFileSync(join(secret, "ORAS_PUSH_PASS"), password);
      writeFileSync(join(secret, "ORAS_PULL_PASS"), password);
      return fakePod(tools).init(
        "--output",
        ref,
        "--credentials",
        secret,
        "--private",
        priv,
        "--debug",
        "true",
        "--message-path",
        join(priv, "message"),
      );
    };
    const right = await attempt("right-secret");
    const wrong = await attempt("wrong-secret");
    await guarded.stop();
    expect(right.code, right.stderr).toBe(0);
    expect(wrong.code).toBe(exitCodes.denied.code);
    expect(wrong.stderr).toContain("refused it with status 401");
    expect(right.stderr + wrong.stderr).not.toMatch(/(right|wrong)-secret|bWU6/);
  });
});
