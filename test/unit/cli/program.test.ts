import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import packageJson from "../../../package.json" with { type: "json" };
import { names } from "../../../schema/names.ts";
import { otherWords } from "../../../src/cli/commands/other-words.ts";
import {
  buildProgram,
  cacheManifest,
  type Folder,
  jobManifest,
  makeFolder,
  type Program,
} from "../../support/cli.ts";
import { start } from "../../support/processes.ts";

let program: Program;
let folder: Folder;
let good: string;
let bad: string;
beforeAll(async () => {
  [program, folder] = await Promise.all([buildProgram(), makeFolder()]);
  const other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
  good = await folder.write("good.yaml", `${cacheManifest()}---\n${jobManifest()}---\n${other}`);
  bad = await folder.write(
    "bad.yaml",
    `${cacheManifest("{deploy: maybe}")}---\n${jobManifest().replace("output-uri", "output-url")}`,
  );
}, 60_000);
afterAll(() => Promise.all([program.remove(), folder.remove()]));

describe.concurrent("inject", () => {
  it("prints every object, with the annotated ones injected", async () => {
    const { code, stdout, stderr } = await program.run(["inject", "-f", good]);
    // Only an operator knows the login of the cache.
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^Warning: .*\(LoginUnknown\)\n$/),
    });
    const [first, second, third] = parseAllDocuments(stdout).map((d) => d.toJS());
    expect(first.kind).toBe("OrasCache");
    const containers = second.spec.template.spec.containers as { name: string; args: string[] }[];
    expect(containers.map((c) => c.name)).toEqual(expect.arrayContaining(["main", names.pushContainer]));
    expect(containers.find(({ name }) => name === "main")?.args.slice(-3)).toEqual([
      "--",
      "echo",
      "blueberry",
    ]);
    expect(third.kind).toBe("ConfigMap");
  });

  it("reads standard input, and warns of a cache that the file does not have", async () => {
    const { code, stderr } = await program.run(["inject", "-f", "-"], jobManifest());
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^Warning: -: Job default\/breakfast: \S+\/oras-cache: found no OrasCache "oras" .* in these files/,
    );
    expect(stderr.trim().split("\n")).toEqual([
      expect.any(String),
      expect.stringMatching(/\(LoginUnknown\)$/),
    ]);
  });

  it("injects as the installation would that its options describe", async () => {
    const options = ["--agent-image", "example.com/agent:2", "--cluster-domain", "example.org", "-n", "runs"];
    const { stdout } = await program.run(["inject", "-f", "-", ...options], jobManifest());
    expect(stdout).toContain("image: example.com/agent:2\n");
    expect(stdout).toContain("http://oras-0.oras.runs.svc.example.org:5000/");
  });

  it("prints nothing when an object would be refused", async () => {
    const { code, stdout, stderr } = await program.run(["inject", "-f", bad]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`did you mean ${names.prefix}output-uri?`);
  });
});

describe.concurrent("validate", () => {
  it("reads keys that are maps without a word of the parser", async () => {
    const { code, stdout, stderr } = await program.run(
      ["validate", "-f", "-"],
      "name: {{ .Release.Name }}\n",
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toContain(
      "it is a Helm template.\n    Run helm template CHART | oras-operator validate -f -.",
    );
  });

  it("says in one line that nothing is wrong", async () => {
    expect(await program.run(["validate", "-f", good])).toMatchObject({
      code: 0,
      stderr: "",
      stdout: "1 file, 3 objects: nothing is wrong\n",
    });
  });

  it("says of every object what is wrong, where, and what to do", async () => {
    const { code, stdout, stderr } = await program.run(["validate", "-f", bad]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toMatch(/bad\.yaml:4:8 +error +InvalidField +OrasCache default\/oras\n/);
    expect(stdout).toMatch(/bad\.yaml:11:5 +error +UnknownAnnotation +Job default\/breakfast\n/);
    expect(stdout).toContain("Correct the name, or remove the annotation.\n");
    expect(stdout).toMatch(/See https:\S+#invalidfield\n {4}https:\S+#unknownannotation\n/);
    expect(stdout).toMatch(/\n1 file, 2 objects: 2 errors\n$/);
    expect(stdout).not.toContain("\u001b");
  });

  it("ends with 1 for warnings where it is strict", async () => {
    const text = jobManifest().replace("kind: Job", "kind: Job\nstatus: {}");
    const labelled = text.replace("  annotations:", `  labels:\n    ${names.prefix}debug: x\n  annotations:`);
    const [lax, strict] = await Promise.all([
      program.run(["validate", "-f", "-"], labelled),
      program.run(["validate", "--strict", "-f", "-"], labelled),
    ]);
    expect(lax).toMatchObject({ code: 0, stdout: expect.stringContaining("warning  LabelNotRead") });
    expect(strict).toMatchObject({ code: 1, stdout: lax.stdout });
  });

  it("prints findings as JSON", async () => {
    const { code, stdout } = await program.run(["validate", "-o", "json", "-f", bad]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      files: 1,
      objects: 2,
      findings: [
        { level: "error", code: "InvalidField", path: "spec.deploy", line: 4, column: 8 },
        {
          level: "error",
          code: "UnknownAnnotation",
          object: "Job default/breakfast",
          path: `metadata.annotations[${names.prefix}output-url]`,
          file: bad,
          line: 11,
          column: 5,
          fix: expect.any(String),
          url: expect.stringMatching(/^https:.*#unknownannotation$/),
        },
      ],
    });
  });
});

describe.concurrent("used wrongly: exit code 2, a sentence and no stack", () => {
  it.each([
    [["validate", "-f", "/no/such/file"], "/no/such/file cannot be read: there is no such file."],
    [["validate"], "required option '-f, --filename"],
    [["inject"], "required option '-f, --filename"],
    [["validate", "typo.yaml"], "write -f typo.yaml"],
    [["inject", "a.yaml", "b.yaml"], "write -f a.yaml b.yaml"],
    [["validate", "a.yaml", "-f", "b.yaml"], "write -f a.yaml"],
    [["validate", "-k", "."], "run kubectl kustomize . | oras-operator validate -f -"],
    [["inject", "--kustomize", "x"], "run kubectl kustomize x | oras-operator inject -f -"],
    [["validate", "-o", "xml", "-f", "-"], "Allowed choices are text, json, sarif, github"],
    [["injct"], "Did you mean inject?"],
    [[], "Usage: oras-operator"],
    [["validate", "-f", "docs"], "docs has no .yaml, .yml or .json file"],
    [["explain", "input-url"], "did you mean input-uri?"],
    [["manager", "--webhook-port", "http"], "allowed is a port number"],
    [["manager", "--log-level", "loud"], "Allowed choices are debug, info, warn, error"],
  ])("%j", async (args, sentence) => {
    const { code, stdout, stderr } = await program.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});

it("the manager ends with a sentence where there is no kubeconfig", async () => {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST, ...env } = process.env;
  const argv = [process.execPath, join(program.folder, "oras-operator.js"), "manager"];
  const { code, stderr } = await start(argv, { env: { ...env, HOME: folder.path } }).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^found no kubeconfig with a current context; [^\n]*\n$/);
});

it("ends in silence when nobody reads on", async () => {
  const texts = Array.from({ length: 400 }, (_, i) => jobManifest({ name: `job-${i}` }));
  const file = await folder.write("many.yaml", texts.join("---\n"));
  const command = `"${process.execPath}" "${join(program.folder, "oras-operator.js")}" inject -o json -f "${file}" 2>"${file}.err" | head -c 1`;
  expect(await start(["sh", "-c", command], { env: process.env }).ended).toMatchObject({
    code: 0,
    stdout: "{",
  });
  expect(await readFile(`${file}.err`, "utf8")).not.toContain("EPIPE");
});

it.each(["version", "--version"])("%s prints the version", async (word) => {
  const { code, stdout } = await program.run([word]);
  expect(code).toBe(0);
  expect(stdout).toContain(`oras-operator ${packageJson.version}`);
});

interface Metafile {
  readonly outputs: Readonly<
    Record<
      string,
      {
        readonly inputs: Readonly<Record<string, unknown>>;
        readonly imports: readonly { path: string; kind: string }[];
      }
    >
  >;
}

async function metafile(): Promise<Metafile> {
  return JSON.parse(await readFile(join(program.folder, "metafile-esm.json"), "utf8")) as Metafile;
}

it.each(["issue", "registry-ca"])("what makes certificates can be loaded: %s.ts", async (name) => {
  const { outputs } = await metafile();
  const part = Object.keys(outputs).find(
    (path) => `src/certificates/${name}.ts` in (outputs[path]?.inputs ?? {}),
  );
  const load = join(program.folder, `${name}.mjs`);
  await writeFile(load, `await import(${JSON.stringify(resolve(part ?? ""))});`);
  const { code, stderr } = await start([process.execPath, load], { env: process.env }).ended;
  expect({ code, end: stderr.slice(-500) }).toEqual({ code: 0, end: "" });
});

it("what a command does not need is not loaded before it is asked for", async () => {
  const meta = await metafile();
  const entry = Object.keys(meta.outputs).find((path) => path.endsWith("/oras-operator.js")) ?? "";
  const loaded = new Set<string>([entry]);
  for (const path of loaded)
    for (const { path: next, kind } of meta.outputs[path]?.imports ?? [])
      if (kind === "import-statement") loaded.add(next);
  const inputs = [...loaded].flatMap((path) => Object.keys(meta.outputs[path]?.inputs ?? {}));
  const packages = new Set(
    inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
  );
  expect([...packages]).toEqual(["commander"]);
  expect(
    inputs.filter((path) => /^src\//.test(path) && !/^src\/cli\/(commands\/|\w+\.ts$)/.test(path)),
  ).toEqual([]);
});

describe.concurrent("a word of another tool", () => {
  it.each([
    ["pull", "get"],
    ["push", "put"],
    ["delete", "rm"],
    ["copy", "cp"],
  ])("%s is not taken for the nearest name: %s is meant", async (word, meant) => {
    const { code, stderr } = await program.run([word, "x"]);
    expect(code).toBe(2);
    expect(stderr).toContain(`unknown command '${word}'\n(Did you mean ${meant}?)`);
  });
});

it("no word of another tool is a command", async () => {
  const { stdout } = await program.run(["--help"]);
  const commands = [...stdout.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name);
  expect(commands).toContain("get");
  for (const [word, meant] of otherWords) {
    expect(commands).not.toContain(word);
    expect(commands).toContain(meant);
  }
});
