import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, renameSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { stockPull } from "../support/artifact.ts";
import { freePort } from "../support/ports.ts";
import {
  fakePod,
  killContainer,
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

const reference = () => `${registry.url}/restarts/step-${++count}:1`;
const sh = (script: string) => ["sh", "-c", script];
const never = ["--restart-policy", "Never"];
const onFailure = ["--restart-policy", "OnFailure"];
const always = ["--restart-policy", "Always"];

/** Whether a file has something in it. */
const hasContent = (path: string) => {
  try {
    return statSync(path).size > 0;
  } catch {
    return false;
  }
};

describe.concurrent("a pusher that is killed", () => {
  it.each([
    ["a file", "x", "x"],
    ["a directory", "d", "d/x"],
  ])(
    "while it takes %s gets it again after its restart; the program is not run again",
    async (_, output, file) => {
      const ref = reference();
      const pod = fakePod(tools);
      await pod.init("--output", ref);
      const first = pod.pusher("--output", ref, ...onFailure);
      const program = sh(
        `echo run >> runs; [ ! -e x ] || exit 3; mkdir -p d; head -c 40000000 /dev/urandom > ${file}; echo end >> ${file}`,
      );
      const launcher = pod.launcher(["--output", "true", "--output-path", output], program);
      await vi.waitUntil(() => hasContent(join(pod.share, "0/out/blob")), { timeout: 20_000, interval: 5 });
      killContainer(first);
      await first.ended;
      const second = pod.pusher("--output", ref, ...onFailure);
      expect(await launcher.ended).toMatchObject({ code: 0 });
      expect(await second.ended).toMatchObject({ code: 0 });
      expect(readFileSync(join(pod.work, "runs"), "utf8")).toBe("run\n");
      const pulled = readFileSync(join(await stockPull(tools, ref), file));
      expect(pulled.equals(readFileSync(join(pod.work, file)))).toBe(true);
    },
  );

  it("after it took the output, before it said so, says so after its restart", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    await pod.init("--output", ref);
    const first = pod.pusher("--output", ref, ...onFailure);
    const launcher = pod.launcher(
      ["--output", "true", "--output-path", "x"],
      sh("echo running; until [ -e go ]; do sleep 0.05; done; echo kept > x"),
    );
    await launcher.said("running");
    killContainer(first);
    await first.ended;
    // What a pusher does and leaves that is killed in between.
    writeFileSync(join(pod.work, "go"), "");
    const taken = `read -r ran id _ <control; exec 9<data; echo "go $id" >ready; cat <&9; read -r commit _ <control; echo "$ran $commit"`;
    const { stdout } = await start(sh(taken), { cwd: join(pod.share, "0") }).ended;
    expect(stdout).toBe("kept\nran commit\n");
    const out = join(pod.share, "0/out");
    writeFileSync(join(out, "blob"), "kept\n");
    const digest = `sha256:${createHash("sha256").update("kept\n").digest("hex")}`;
    writeFileSync(join(out, "digests"), `${digest} 5 ${digest}\n`);
    writeFileSync(join(out, "received"), "file eA==\n");
    writeFileSync(join(out, "result"), "part 0\n");
    const second = pod.pusher("--output", ref, ...onFailure);
    expect((await launcher.ended).code).toBe(0);
    expect(await second.ended).toMatchObject({ code: 0 });
    expect(readFileSync(join(await stockPull(tools, ref), "x"), "utf8")).toBe("kept\n");
  });

  it("after it pushed, pushes the same again", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    await pod.init("--output", ref);
    const first = pod.pusher("--output", ref, ...onFailure);
    const options = ["--output", "true", "--output-path", "x"];
    expect((await pod.launcher(options, sh("echo kept > x")).ended).code).toBe(0);
    expect(await first.ended).toMatchObject({ code: 0 });
    const second = await pod.pusher("--output", ref, ...onFailure).ended;
    expect(second, second.stderr).toMatchObject({ code: 0 });
    expect(second.stderr).toMatch(/pushed .*@sha256:/);
  });

  it("and whose output is gone, says so", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    await pod.init("--output", ref);
    const out = join(pod.share, "0/out");
    writeFileSync(join(out, "digests"), `sha256:${"0".repeat(64)} 5 sha256:${"0".repeat(64)}\n`);
    writeFileSync(join(out, "received"), "file eA==\n");
    writeFileSync(join(out, "result"), "part 0\n");
    const { code, stderr } = await pod.pusher("--output", ref, ...onFailure).ended;
    expect(code).toBe(exitCodes.pushFailed.code);
    expect(stderr).toContain("the output x could not be read back");
  });

  it("under Never fails the step whose output it was to take", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    await pod.init("--output", ref);
    const pusher = pod.pusher("--output", ref, ...never);
    const launcher = pod.launcher(
      ["--output", "true", "--output-path", "x"],
      sh("head -c 40000000 /dev/urandom > x"),
    );
    await vi.waitUntil(() => hasContent(join(pod.share, "0/out/blob")), { timeout: 20_000, interval: 5 });
    killContainer(pusher);
    expect((await launcher.ended).code).toBe(exitCodes.outputFailed.code);
  });
});

describe.concurrent("an output that cannot be received", () => {
  it("fails its attempt at once under OnFailure, and the next one is heard", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    await pod.init("--output", ref);
    const options = ["--output", "true", "--output-path", "x"];
    // More than fits into a pipe.
    const program = sh("head -c 1000000 /dev/zero > x");
    const blob = join(pod.share, "0/out/blob");
    mkdirSync(blob);
    const pusher = pod.pusher("--output", ref, ...onFailure);
    expect((await pod.launcher(options, program).ended).code).toBe(exitCodes.outputFailed.code);
    rmdirSync(blob);
    expect((await pod.launcher(options, program).ended).code).toBe(0);
    expect(await pusher.ended).toMatchObject({ code: 0 });
    expect(statSync(join(await stockPull(tools, ref), "x")).size).toBe(1_000_000);
  });

  it("is not pushed because its attempt was done with sending it", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    await pod.init("--output", ref);
    const options = ["--output", "true", "--output-path", "d"];
    // So small that the launcher has sent it all before it hears of a failure.
    const program = sh("mkdir -p d; echo grapefruit > d/x");
    const compressor = join(pod.share, "bin/layer");
    renameSync(compressor, `${compressor}-away`);
    cpSync("/bin/false", compressor);
    const pusher = pod.pusher("--output", ref, ...onFailure);
    expect((await pod.launcher(options, program).ended).code).toBe(exitCodes.outputFailed.code);
    await pusher.said("waiting for the wrapped container to be restarted");
    renameSync(`${compressor}-away`, compressor);
    expect((await pod.launcher(options, program).ended).code).toBe(0);
    expect(await pusher.ended).toMatchObject({ code: 0 });
    expect(readFileSync(join(await stockPull(tools, ref), "d/x"), "utf8")).toBe("grapefruit\n");
  });
});

describe.concurrent("restartPolicy Always", () => {
  it("pushes what each round made", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    await pod.init("--output", ref);
    for (const round of ["first", "second"]) {
      const pusher = pod.pusher("--output", ref, ...always);
      const launcher = pod.launcher(
        ["--output", "true", "--output-path", "d"],
        sh(`mkdir -p d; echo ${round} > d/x`),
      );
      expect((await launcher.ended).code).toBe(0);
      expect(await pusher.ended).toMatchObject({ code: 0 });
      expect(readFileSync(join(await stockPull(tools, ref), "d/x"), "utf8")).toBe(`${round}\n`);
    }
  });

  it("a launcher that begins again while the output is pushed is heard afterwards", async () => {
    const port = await freePort();
    const ref = `http://127.0.0.1:${port}/a/always:1`;
    const pod = fakePod(tools);
    await pod.init();
    const first = pod.pusher("--output", ref, ...always);
    const options = ["--output", "true", "--output-path", "d"];
    const round = (text: string) => pod.launcher(options, sh(`mkdir -p d; echo ${text} > d/x`));
    expect((await round("first").ended).code).toBe(0);
    await first.said("trying again");
    const second = round("second");
    const late = await startRegistry({ port });
    expect(await first.ended).toMatchObject({ code: 0 });
    const next = pod.pusher("--output", ref, ...always);
    expect((await second.ended).code).toBe(0);
    expect(await next.ended).toMatchObject({ code: 0 });
    expect(readFileSync(join(await stockPull(tools, ref), "d/x"), "utf8")).toBe("second\n");
    await late.stop();
  });
});

describe.concurrent("a launcher that fails before its program", () => {
  it("is heard by a pusher that starts after it", async () => {
    const ref = reference();
    const pod = fakePod(tools);
    await pod.init("--output", ref);
    const launcher = pod.launcher(["--output", "true"], ["true"], "/");
    await launcher.said("error:");
    const pusher = pod.pusher("--output", ref, ...never);
    expect((await launcher.ended).code).toBe(exitCodes.checkFailed.code);
    const ended = await pusher.ended;
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stderr).toContain(`exit code ${exitCodes.checkFailed.code} before its program`);
  });

  it("goes without one that never starts", async () => {
    const pod = fakePod(tools);
    await pod.init();
    const { code } = await pod.launcher(["--output", "true", "--deadline", "1"], ["true"], "/").ended;
    expect(code).toBe(exitCodes.checkFailed.code);
  });
});
