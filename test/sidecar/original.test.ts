import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
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

beforeAll(async () => {
  tools = await toolsTree();
  registry = await startRegistry();
  return () => registry.stop();
}, 900_000);

/** A script of the author's own, where the init container puts it. */
async function podWith(name: string, script: string): Promise<FakePod> {
  const pod = fakePod(tools);
  expect(await pod.init()).toMatchObject({ code: 0 });
  for (const folder of ["inputs", "outputs"]) chmodSync(join(pod.share, folder), 0o777);
  writeFileSync(join(pod.share, "bin", name), `#!/bin/sh\n${script}`, { mode: 0o755 });
  return pod;
}

/** Runs one of our scripts that speak the original's protocol. */
function original(pod: FakePod, file: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const shell = [join(pod.share, "bin/busybox"), "sh", join(pod.share, "bin", file)];
  const tini = [join(pod.share, "bin/tini"), "-s", "-g", "--"];
  const argv = file === "original-sidecar.sh" ? shell : [...tini, ...shell];
  return start([...argv, ...args], { cwd: pod.work, env: { ...tools.environment, ...env } });
}

const plain = () => ({ ORAS_OPERATOR_PLAIN_HTTP_HOST: registry.host });
const stock = () => ({ ...tools.environment, HOME: "/nonexistent" });

/** Pushes a file as the artifact of an earlier step. */
async function pushed(reference: string, name: string, content: string): Promise<void> {
  const folder = temporaryFolder("earlier");
  writeFileSync(join(folder, name), content);
  const { code, stderr } = await start(["oras", "push", "--plain-http", reference, name], {
    cwd: folder,
    env: stock(),
  }).ended;
  expect(code, stderr).toBe(0);
}

async function pull(reference: string): Promise<string> {
  const folder = temporaryFolder("pulled");
  const { code, stderr } = await start(["oras", "pull", "--plain-http", reference, "-o", folder], {
    env: stock(),
  }).ended;
  expect(code, stderr).toBe(0);
  return folder;
}

describe.concurrent("the original's protocol", () => {
  it("our sidecar script pulls for the author's application script, and pushes what it leaves", async () => {
    const [input, output] = [`${registry.host}/original/in:1`, `${registry.host}/original/out:1`];
    await pushed(input, "flour", "flour\n");
    const pod = await podWith(
      "custom-entrypoint.sh",
      `share=${"$"}{0%/bin/*}
until [ -e $share/oras-operator-init.txt ]; do sleep 0.1; done
echo "$1 $2 $3"; shift 3
"$@" < $share/inputs/flour > $share/outputs/bread
touch $share/oras-operator-done.txt`,
    );
    const sidecar = original(pod, "original-sidecar.sh", [output, "true", input, "NA"], plain());
    const custom = join(pod.share, "bin/custom-entrypoint.sh");
    const launcher = await original(pod, "original-launcher.sh", [
      custom,
      "NA",
      "/in",
      "NA",
      "tr",
      "a-z",
      "A-Z",
    ]).ended;
    expect(launcher).toMatchObject({ code: 0, stdout: "NA /in NA\n" });
    const ended = await sidecar.ended;
    expect(ended.code, ended.stderr).toBe(0);
    expect(readFileSync(join(await pull(output), "bread"), "utf8")).toBe("FLOUR\n");
  });

  it.each([
    ["before it listened", true],
    ["while it waited", false],
  ])(
    "our sidecar script ends when the author's application script was killed %s, and pushes nothing",
    async (when, before) => {
      const output = `${registry.host}/original/killed-${before}:1`;
      const pod = await podWith("custom-entrypoint.sh", "kill -9 $PPID $$");
      const sidecar = () => original(pod, "original-sidecar.sh", [output, "true", "NA"], plain());
      const custom = join(pod.share, "bin/custom-entrypoint.sh");
      const launcher = () => original(pod, "original-launcher.sh", [custom, "NA", "NA", "NA", "true"]).ended;
      if (before) await launcher();
      const running = sidecar();
      if (!before) await launcher();
      const ended = await running.ended;
      expect(ended, when).toMatchObject({ code: 0 });
      expect(ended.stderr).toContain("nothing was pushed");
    },
  );

  it("the built-in application script unpacks what the author's sidecar script pulled, and leaves the output for it", async () => {
    const pod = await podWith("custom-sidecar.sh", "");
    const input = join(pod.work, "in");
    const launcher = original(pod, "original-entrypoint.sh", [
      "log",
      input,
      "NA",
      "sh",
      "-c",
      `cat '${input}/flour'`,
    ]);
    mkdirSync(join(pod.share, "inputs"), { recursive: true });
    writeFileSync(join(pod.share, "inputs/flour"), "flour\n");
    writeFileSync(join(pod.share, "oras-operator-init.txt"), "");
    expect(await launcher.ended).toMatchObject({ code: 0, stdout: "flour\n" });
    expect(readFileSync(join(pod.share, "outputs/log"), "utf8")).toBe("flour\n");
    expect(readFileSync(join(pod.share, "oras-operator-done.txt"), "utf8")).toBe("");
  });

  it("our application script keeps the program's exit code, and says that it is done", async () => {
    const pod = await podWith("custom-sidecar.sh", "");
    writeFileSync(join(pod.share, "oras-operator-init.txt"), "");
    const ended = await original(pod, "original-entrypoint.sh", [
      "NA",
      "NA",
      "x",
      "sh",
      "-c",
      "echo > x; exit 5",
    ]).ended;
    expect(ended.code).toBe(5);
    expect(readFileSync(join(pod.share, "oras-operator-done.txt"), "utf8")).toBe("");
  });
});
