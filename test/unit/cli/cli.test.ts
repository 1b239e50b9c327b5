import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import { annotations } from "../../../generated/annotations.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { start } from "../../support/sidecar.ts";

const folder = mkdtempSync(join(tmpdir(), "oras-operator-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the program as a user does. */
const run = (args: string[], input?: string) =>
  start([process.execPath, "src/cli/main.ts", ...args], {
    env: process.env,
    ...(input === undefined ? {} : { input }),
  }).ended;

const prefix = "oras.converged-computing.github.io/";

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const job = `
apiVersion: batch/v1
kind: Job
metadata:
  name: breakfast
  annotations:
    ${prefix}output-uri: dinosaur/hello-world:pancakes
    ${prefix}output-pipe: pancakes.txt
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: breakfast
          image: perl:5.34.0
          command: [echo, blueberry]
`;
const cache = `
apiVersion: cache.converged-computing.github.io/v1alpha1
kind: OrasCache
metadata: { name: oras }
spec: {}
`;

let good: string;
let bad: string;
beforeAll(() => {
  good = file("good.yaml", `${cache}---${job}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n`);
  bad = file(
    "bad.yaml",
    `${cache.replace("spec: {}", "spec: {deploy: maybe}")}---${job.replace("output-uri", "output-url")}`,
  );
});

vi.setConfig({ testTimeout: 30_000 });

describe.concurrent("inject", () => {
  it("prints every object, with the annotated ones injected", async () => {
    const { code, stdout, stderr } = await run(["inject", "-f", good]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [first, second, third] = parseAllDocuments(stdout).map((d) => d.toJS());
    expect(first.kind).toBe("OrasCache");
    const containers = second.spec.template.spec.containers as { name: string; args: string[] }[];
    expect(containers.map((c) => c.name)).toEqual(["breakfast", "oras"]);
    expect(containers[0]?.args.slice(-3)).toEqual(["--", "echo", "blueberry"]);
    expect(third.kind).toBe("ConfigMap");
  });

  it("reads standard input, and warns of a cache that the file does not have", async () => {
    const { code, stderr } = await run(["inject", "-f", "-"], job);
    expect(code).toBe(0);
    expect(stderr).toContain('Warning: -: Job default/breakfast: OrasCache "oras" is not there yet');
  });

  it("prints nothing when an object would be refused", async () => {
    const { code, stdout, stderr } = await run(["inject", "-f", bad]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`${prefix}output-url: no such annotation; did you mean ${prefix}output-uri?`);
  });
});

describe.concurrent("validate", () => {
  it("says of each object that it is right", async () => {
    const { code, stdout } = await run(["validate", "-f", good]);
    expect(code).toBe(0);
    expect(stdout).toContain("Job default/breakfast: ok");
  });

  it("says of every object what is wrong", async () => {
    const { code, stderr } = await run(["validate", "-f", bad]);
    expect(code).toBe(1);
    expect(stderr).toContain('OrasCache default/oras: spec.deploy: found "maybe"; must be boolean');
    expect(stderr).toContain("Job default/breakfast");
  });

  it.each([
    [["validate", "-f", "/no/such/file"], "cannot read /no/such/file"],
    [["validate"], "--filename"],
    [["frobnicate"], "frobnicate"],
    [["manager", "--webhook-port", "http"], "port"],
  ])("%j is used wrongly: exit code 2 and a sentence", async (args, sentence) => {
    const { code, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
  });
});

describe.concurrent("explain and version", () => {
  it("describes one annotation, with or without its prefix", async () => {
    const [short, long] = await Promise.all([
      run(["explain", "input-uri"]),
      run(["explain", `${prefix}input-uri`]),
    ]);
    expect(short.stdout).toContain(`KEY:      ${prefix}input-uri`);
    expect(short.stdout).toBe(long.stdout);
  });

  it("lists all of them", async () => {
    expect((await run(["explain"])).stdout.trim().split("\n")).toHaveLength(Object.keys(annotations).length);
  });

  it("suggests", async () => {
    expect(await run(["explain", "input-url"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("did you mean input-uri?"),
    });
  });

  it("prints the version", async () => {
    expect((await run(["version"])).stdout).toContain(`oras-operator ${packageJson.version}`);
  });

  it("helps with examples", async () => {
    expect(await run(["inject", "--help"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("Examples:"),
    });
  });
});
