import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import packageJson from "../../../package.json" with { type: "json" };
import { names } from "../../../schema/names.ts";
import { optionDefaults, optionTable } from "../../../schema/options.ts";
import { explainCommand } from "../../../src/cli/explain/command.ts";
import { injectCommand, injectFiles } from "../../../src/cli/inject.ts";
import { managerCommand } from "../../../src/cli/manager.ts";
import { offlineDefaults } from "../../../src/cli/review.ts";
import { validateCommand, validateFiles } from "../../../src/cli/validate.ts";
import { start } from "../../support/sidecar.ts";

const folder = mkdtempSync(join(tmpdir(), "oras-operator-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the program as a user does. */
const run = (args: string[], input?: string) =>
  start([process.execPath, "src/cli/main.ts", ...args], {
    env: process.env,
    ...(input === undefined ? {} : { input }),
  }).ended;

const { prefix } = names;

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

  it("injects as the installation would that its options describe", async () => {
    const options = ["--tools-image", "example.com/tools:2", "--cluster-domain", "example.org"];
    const { stdout } = await run(["inject", "-f", "-", ...options], job);
    const [{ spec }] = parseAllDocuments(stdout).map((d) => d.toJS());
    const push = spec.template.spec.containers[1] as { image: string; args: string[] };
    expect(push.image).toBe("example.com/tools:2");
    expect(push.args.join(" ")).toContain(".svc.example.org:");
  });

  it("takes the namespace that is asked for, for objects that do not say theirs", async () => {
    const { stdout } = await run(["inject", "--namespace", "runs", "-f", "-"], job);
    expect(stdout).toContain("http://oras-0.oras.runs.svc.cluster.local:5000/");
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
    [["injct"], "Did you mean inject?"],
    [[], "Usage: oras-operator"],
    [["validate", "-f", "test/unit/cli"], "test/unit/cli has no .yaml, .yml or .json file"],
    [["manager", "--webhook-port", "http"], "allowed is a port number"],
    [["manager", "--log-level", "loud"], "Allowed choices are debug, info, warn, error"],
  ])("%j is used wrongly: exit code 2 and a sentence", async (args, sentence) => {
    const { code, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
  });
});

describe("files", () => {
  const said = vi.spyOn(console, "error");
  beforeEach(() => {
    said.mockReset().mockReturnValue();
    vi.spyOn(console, "log").mockReturnValue();
  });
  afterAll(() => vi.restoreAllMocks());

  it("injects the items of a List", async () => {
    const items = job.trim().replace(/^/gm, "    ").replace("   ", "  -");
    const list = `apiVersion: v1\nkind: List\nitems:\n${items}\n`;
    const [{ items: injected }, ...others] = parseAllDocuments(
      await injectFiles([file("list.yaml", list)], offlineDefaults),
    ).map((d) => d.toJS());
    expect(others).toEqual([]);
    expect(injected[0].spec.template.spec.containers).toHaveLength(2);
  });

  it("reads and writes YAML as kubectl does: octal modes, and words that are something else in YAML 1.1", async () => {
    const volumes = "      volumes: [{name: v, configMap: {name: x, defaultMode: 0644}}]\n";
    const words = ["yes", "on", "0777", "1_000", "12:30:45", "2024-01-01", "null"];
    const step = job.replace("[echo, blueberry]", JSON.stringify(words));
    const text = await injectFiles([file("words.yaml", `${step}${volumes}`)], offlineDefaults);
    expect(text).toContain("defaultMode: 420\n");
    for (const word of words) expect(text).toMatch(new RegExp(`- ["']${word}["']\n`));
  });

  it("passes over documents without anything in them", async () => {
    const text = await injectFiles([file("empty.yaml", `---\n# licence\n---${job}---\n`)], offlineDefaults);
    expect(parseAllDocuments(text)).toHaveLength(1);
  });

  const wrong = { metadata: { annotations: { [`${prefix}output-url`]: "a/b:c" } } };
  const pod = { spec: { containers: [{ name: "a", image: "a", command: ["a"] }] } };
  it.each([
    ["CronJob", { jobTemplate: { ...wrong, spec: { template: pod } } }],
    ["Deployment", { template: { ...wrong, ...pod } }],
  ])("looks at what a %s makes", async (kind, spec) => {
    const path = file(`${kind}.yaml`, JSON.stringify({ kind, metadata: { name: "x" }, spec }));
    expect(await validateFiles([path], offlineDefaults)).toEqual([
      expect.stringContaining(`did you mean ${prefix}output-uri?`),
    ]);
  });

  it.each([
    [
      job.slice(0, job.indexOf("spec:")),
      "spec.template.spec.containers: found none; a Job has at least one.",
    ],
    [job.replace(": pancakes.txt", ": true"), "output-pipe]: found true; it must be text: quote it."],
  ])("says what no API server would take", async (text, sentence) => {
    expect(await validateFiles([file("malformed.yaml", text)], offlineDefaults)).toEqual([
      expect.stringContaining(sentence),
    ]);
  });

  it("reads several files and folders as one, so that a cache of one is known to a step of another", async () => {
    const place = join(folder, "several");
    mkdirSync(place);
    writeFileSync(join(place, "job.yml"), job);
    writeFileSync(join(place, "README.md"), "no: [manifest");
    const places = [place, file("cache.yaml", cache)];
    expect(await validateFiles(places, offlineDefaults)).toEqual([]);
    expect(parseAllDocuments(await injectFiles(places, offlineDefaults))).toHaveLength(2);
    expect(said).not.toHaveBeenCalled();
  });

  it("warns of annotations where nobody reads them", async () => {
    const map = { [`${prefix}output-url`]: "a/b:c" };
    const cronJob = {
      kind: "CronJob",
      metadata: { name: "x", annotations: map },
      spec: { jobTemplate: { spec: { template: pod } } },
    };
    await validateFiles([file("unread.yaml", JSON.stringify(cronJob))], offlineDefaults);
    expect(said).toHaveBeenCalledWith(
      expect.stringMatching(
        /annotations of a CronJob are not read; write them in spec.jobTemplate.metadata$/,
      ),
    );
  });

  it("says that there is nothing to check", async () => {
    const path = file("config-map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n");
    expect(await validateFiles([path], offlineDefaults)).toEqual([]);
    expect(vi.mocked(console.log)).toHaveBeenCalledWith(expect.stringContaining("nothing to check"));
  });

  it("warns of a cache that only another namespace has, injecting and validating", async () => {
    const elsewhere = cache.replace("name: oras", "name: oras, namespace: elsewhere");
    const path = file("elsewhere.yaml", `${elsewhere}---${job}`);
    await injectFiles([path], offlineDefaults);
    expect(await validateFiles([path], offlineDefaults)).toEqual([]);
    const warning = expect.stringMatching(
      /^Warning: .*: Job default\/breakfast: OrasCache "oras" is not there/,
    );
    expect(said.mock.calls).toEqual([[warning], [warning]]);
  });

  it.each([
    ["a: [", "is not valid YAML"],
    ["- a list", "a document is not a Kubernetes object: it has no kind"],
  ])("%j is no manifest, which a sentence says", async (text, sentence) => {
    await expect(validateFiles([file("none.yaml", text)], offlineDefaults)).rejects.toThrow(
      expect.objectContaining({ exitCode: 1, message: expect.stringContaining(sentence) }),
    );
  });
});

describe("help", () => {
  it.each([injectCommand, validateCommand, explainCommand, managerCommand])("%o has examples", (make) => {
    let text = "";
    const command = make().configureOutput({ writeOut: (part) => (text += part) });
    command.outputHelp();
    expect(text).toMatch(new RegExp(`Examples?:\n  oras-operator ${command.name()}`));
  });
});

it("the manager ends with a sentence where there is no kubeconfig", async () => {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST, ...env } = process.env;
  const argv = [process.execPath, "src/cli/main.ts", "manager"];
  const { code, stderr } = await start(argv, { env: { ...env, HOME: folder } }).ended;
  expect(code).toBe(1);
  expect(stderr).toContain("found no kubeconfig with a current context");
});

describe("the manager's options", () => {
  const parsed = (...args: string[]) => {
    const command = managerCommand();
    command.parseOptions(args);
    return command.opts();
  };

  it("have the schema's names, variables and defaults", () => {
    const known = managerCommand().options.map(({ long, envVar }) => ({ long, envVar }));
    expect(known).toEqual(optionTable.map(({ name, env }) => ({ long: `--${name}`, envVar: env })));
    expect(parsed()).toEqual(optionDefaults);
  });

  it("are numbers and truth values where the schema says so", () => {
    expect(parsed("--leader-elect", "false", "--health-port", "0")).toMatchObject({
      leaderElect: false,
      healthPort: 0,
    });
  });
});

describe.concurrent("version", () => {
  it.each(["version", "--version"])("%s prints the version", async (word) => {
    const { code, stdout } = await run([word]);
    expect(code).toBe(0);
    expect(stdout).toContain(`oras-operator ${packageJson.version}`);
  });
});
