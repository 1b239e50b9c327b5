import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { annotations } from "../../../src/annotations/table.ts";
import { codes } from "../../../src/cli/codes.ts";
import { formatDocuments, injectFiles } from "../../../src/cli/inject.ts";
import { offlineDefaults } from "../../../src/cli/settings.ts";
import { validateFiles } from "../../../src/cli/validate.ts";
import { cacheManifest, type Folder, jobManifest, makeFolder } from "../../support/cli.ts";
import { blocksOf } from "../../support/pages.ts";
import { start } from "../../support/processes.ts";

let folder: Folder;
beforeEach(async () => {
  folder = await makeFolder();
});
afterEach(() => folder.remove());

const prefix = names.prefix;
const output = annotations["output-uri"].key;
const input = annotations["input-uri"].key;

/** What is found in one text, or in several files of a folder, as `level code line path message`. */
async function findingsOf(files: string | Record<string, string>): Promise<string[]> {
  const { findings } = await reportOf(files);
  return findings.map(
    ({ level, code, line, path = "", message }) => `${level} ${code} ${line} ${path} ${message}`,
  );
}

async function reportOf(files: string | Record<string, string>) {
  const named = typeof files === "string" ? { "manifest.yaml": files } : files;
  for (const [name, text] of Object.entries(named)) await folder.write(`set/${name}`, text);
  return validateFiles([`${folder.path}/set`], offlineDefaults);
}

const cache = cacheManifest();
const pod = "spec:\n      containers: [{name: main, image: a, command: [a]}]\n";
const containers = "containers: [{name: main, image: a, command: [a]}]";

describe("validate", () => {
  it("says what docs/cli.md shows", async () => {
    const shown = blocksOf("docs/cli.md").find(({ text }) => text.startsWith("$ oras-operator validate"));
    const lines = [
      `${annotations["output-pipe"].key}: pancakes.txt`,
      `${prefix}output-url: dinosaur/hello-world:pancakes`,
    ];
    await folder.write("steps/job.yaml", jobManifest({ lines }));
    const argv = [process.execPath, resolve("src/cli/main.ts"), "validate", "-f", "steps/"];
    const { stdout, code } = await start(argv, { cwd: folder.path, env: process.env }).ended;
    expect(`$ oras-operator validate -f steps/\n${stdout}`).toBe(shown?.text);
    expect(code).toBe(1);
  });

  it("finds nothing in what is right, and says what it looked at", async () => {
    const report = await reportOf({ "cache.yaml": cache, "job.yaml": jobManifest() });
    expect(report).toEqual({ findings: [], files: 2, objects: 2, checked: 2 });
  });

  describe("an input as a volume", () => {
    const lines = [
      `${input}: a/b:c`,
      `${annotations["input-path"].key}: /data`,
      `${annotations["input-as"].key}: volume`,
      `${annotations["wait-for-inputs"].key}: "true"`,
    ];
    const job = jobManifest({ lines });
    const addressed = cacheManifest("{nodeAddress: 'nodes.example.com:30500'}");
    const inject = async (text: string) =>
      injectFiles([await folder.write("inject.yaml", text)], offlineDefaults);

    it("is for clusters that know it", async () => {
      expect(await findingsOf({ "job.yaml": job, "cache.yaml": addressed })).toEqual([]);
      const { documents } = await inject(`${addressed}---\n${job}`);
      expect(formatDocuments(documents, "yaml")).toContain("reference: nodes.example.com:30500/a/b:c");
    });

    it("is refused where its OrasCache has no address", async () => {
      const found = await findingsOf({ "job.yaml": job, "cache.yaml": cache });
      expect(found).toEqual([expect.stringMatching(/^error NoNodeAddress /)]);
    });

    it("may be right where its OrasCache is in no file, and cannot be injected", async () => {
      expect(await findingsOf(job)).toEqual([expect.stringMatching(/^info CacheNotInFiles /)]);
      await expect(inject(job)).rejects.toThrow("NoNodeAddress");
    });
  });

  it("a finding names place, object, path, what to do and the page of its code", async () => {
    const text = `${cache}---\n${jobManifest({ lines: [`${output}: a/b:c`, `${prefix}debug: maybe`] })}`;
    const { findings } = await reportOf(text);
    expect(findings).toEqual([
      {
        level: "error",
        code: "InvalidValue",
        object: "Job default/breakfast",
        path: `metadata.annotations[${prefix}debug]`,
        file: `${folder.path}/set/manifest.yaml`,
        line: 12,
        column: 5,
        message: 'found "maybe"; allowed is "true" or "false".',
        fix: codes.InvalidValue.fix,
        url: expect.stringMatching(/errors\.md#invalidvalue$/),
      },
    ]);
  });

  it.each([
    [
      "CronJob",
      "batch/v1",
      `jobTemplate:\n    metadata: {annotations: {"${prefix}output-url": "a/b:c"}}\n    spec: {template: {spec: {${containers}}}}`,
      "spec.jobTemplate.metadata",
    ],
    [
      "Deployment",
      "apps/v1",
      `template:\n    metadata: {annotations: {"${prefix}output-url": "a/b:c"}}\n    spec: {${containers}}`,
      "spec.template.metadata",
    ],
    [
      "JobSet",
      "jobset.x-k8s.io/v1alpha2",
      `replicatedJobs:\n  - name: a\n    template:\n      metadata: {annotations: {"${prefix}output-url": "a/b:c"}}\n      spec: {template: {spec: {${containers}}}}`,
      "spec.replicatedJobs[0].template.metadata",
    ],
    [
      "CronJob",
      "batch/v1",
      `jobTemplate:\n    spec: {template: {metadata: {annotations: {"${prefix}output-url": "a/b:c"}}, spec: {${containers}}}}`,
      "spec.jobTemplate.spec.template.metadata",
    ],
  ])("looks at what a %s makes", async (kind, apiVersion, spec, place) => {
    const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: x}\nspec:\n  ${spec}\n`;
    const [found, ...others] = await findingsOf(text);
    expect(found).toContain(`${place}.annotations[${prefix}output-url] no such annotation`);
    expect(found).toMatch(/^error UnknownAnnotation [5-9] /);
    expect(others.filter((line) => !line.includes("restartPolicy"))).toEqual([]);
  });

  it("looks at the items of a List, at their lines", async () => {
    const item = jobManifest({ lines: [`${prefix}output-url: a/b:c`] }).replaceAll(/^(?=.)/gm, "    ");
    const text = `apiVersion: v1\nkind: List\nitems:\n${item.replace("    ", "  - ")}`;
    expect(await findingsOf(text)).toEqual([expect.stringMatching(/^error UnknownAnnotation 9 metadata/)]);
  });

  it("says what no API server would take", async () => {
    const unquoted = jobManifest({ lines: [`${output}: a/b:c`, `${prefix}unpack: true`] });
    expect(await findingsOf(`${cache}---\n${unquoted}`)).toEqual([
      `error InvalidField 12 metadata.annotations[${prefix}unpack] found true; it must be a string; put it in quotes.`,
    ]);
    const cut = jobManifest().split("      containers:")[0] ?? "";
    expect(await findingsOf(cut)).toEqual([
      "error InvalidField 10 spec.template.spec.containers found nothing; it must be a list.",
    ]);
  });

  it("cannot know what an image runs, and so warns", async () => {
    const text = jobManifest().replace(/ +command.*\n/, "");
    expect(await findingsOf(`${cache}---\n${text}`)).toEqual([
      expect.stringMatching(
        /^warning NoCommand 18 spec\.template\.spec\.containers\[0\]\.command .*will ask/,
      ),
    ]);
  });

  it("names objects whose names the API server makes", async () => {
    const text = jobManifest().replace("name: breakfast", "generateName: breakfast-");
    const { findings } = await reportOf(`${text}---\n${text}`);
    expect(findings.map(({ code, object }) => [code, object])).toEqual([
      ["CacheNotInFiles", "Job default/breakfast-*"],
      ["SameOutput", "Job default/breakfast-*"],
    ]);
  });

  it("says that there is nothing to check", async () => {
    const report = await reportOf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n");
    expect(report).toMatchObject({ findings: [], objects: 1, checked: 0 });
  });

  it("says all problems of all files at once, in the order of files and lines", async () => {
    const wrong = (name: string) => jobManifest({ name, lines: [`${prefix}output-url: a/b:c`] });
    const { findings } = await reportOf({
      "a.yaml": `${wrong("one")}---\n${wrong("two")}`,
      "b.yaml": "a: [b",
      "c/d.yaml": wrong("three"),
    });
    expect(findings.map(({ code, object }) => object ?? code)).toEqual([
      "Job default/one",
      "Job default/two",
      "Unreadable",
      "Job default/three",
    ]);
  });

  it("does not follow what only follows: no step that is refused is compared with others", async () => {
    const lines = [`${input}: a/b:missing`, `${output}: a/b:made`, `${prefix}unpack: maybe`];
    const text = `${cache}---\n${jobManifest({ lines })}---\n${jobManifest({ name: "other", lines })}`;
    expect((await findingsOf(text)).map((line) => line.split(" ")[1])).toEqual([
      "InvalidValue",
      "InvalidValue",
    ]);
  });
});

describe("I12: what is no manifest", () => {
  it("is an error where it is named, and a note where it lies in a folder", async () => {
    const file = await folder.write("set/values.yaml", "replicas: 1\n");
    const named = await validateFiles([file], offlineDefaults);
    const found = await validateFiles([folder.path], offlineDefaults);
    expect(named.findings).toMatchObject([{ level: "error", code: "NotAnObject", line: 1 }]);
    expect(found.findings).toMatchObject([{ level: "info", code: "NotAnObject" }]);
    expect(found.findings[0]?.message).toBe(
      "a document is not a Kubernetes object: it has no apiVersion and no kind.",
    );
  });

  it.each(["- a", "text", "12", "kind: Pod", "apiVersion: v1\nkind: Pod\nmetadata: []"])(
    "%j",
    async (text) => {
      expect(await findingsOf(text)).toEqual([expect.stringContaining("NotAnObject 1")]);
    },
  );

  it("that is no YAML is an error with its line", async () => {
    expect(await findingsOf("kind: Pod\nmetadata:\n\tname: a")).toEqual([
      expect.stringMatching(/^error Unreadable 3 {2}a tab is used/),
    ]);
  });
});

describe("I1: what nobody reads", () => {
  it.each([
    ["Deployment", "apps/v1", "spec.template.metadata.annotations", `template:\n    ${pod}`],
    ["StatefulSet", "apps/v1", "spec.template.metadata.annotations", `template:\n    ${pod}`],
    ["DaemonSet", "apps/v1", "spec.template.metadata.annotations", `template:\n    ${pod}`],
    ["ReplicaSet", "apps/v1", "spec.template.metadata.annotations", `template:\n    ${pod}`],
    ["CronJob", "batch/v1", "spec.jobTemplate.metadata.annotations", "schedule: x"],
    [
      "JobSet",
      "jobset.x-k8s.io/v1alpha2",
      "spec.replicatedJobs[].template.metadata.annotations",
      "replicatedJobs: []",
    ],
  ])("annotations of a %s itself", async (kind, apiVersion, place, spec) => {
    const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: x\n  annotations:\n    ${output}: "a/b:c"\nspec:\n  ${spec}\n`;
    const found = await findingsOf(text);
    expect(found).toEqual([expect.stringMatching(/^warning AnnotationNotRead 6 metadata\.annotations\[/)]);
    expect(found[0]).toContain(place);
  });

  it("labels, and keys under a mistyped prefix", async () => {
    const text = jobManifest()
      .replace("  annotations:", `  labels:\n    ${prefix}debug: x\n  annotations:`)
      .replace(`${prefix}output-pipe`, `${prefix.replace("github.", "")}output-pipe`);
    expect(await findingsOf(`${cache}---\n${text}`)).toEqual([
      expect.stringMatching(/^warning LabelNotRead 11 metadata\.labels\[/),
      expect.stringMatching(/^warning MistypedPrefix 14 metadata\.annotations\[/),
    ]);
  });

  it("containers that only some Pods of a controller have are no mistake", async () => {
    const lines = `{"${prefix}container": launcher, "${output}": "a/b:c"}`;
    const text = `apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: x}\nspec:\n  template:\n    metadata: {annotations: ${lines}}\n    ${pod}`;
    expect(await findingsOf(`${cache}---\n${text}`)).toEqual([expect.stringMatching(/^info NotInjected /)]);
  });
});

describe("inj-08: an object that was read back from a cluster", () => {
  it.each(["{}", '"{\\"hash\\":\\"0\\",\\"containers\\":[\\"main\\"]}"'])(
    "is said to be injected again, with the marker %s",
    async (marker) => {
      const text = jobManifest({ lines: [`${output}: a/b:c`, `${names.markerAnnotation}: '${marker}'`] });
      const [first, ...others] = await findingsOf(`${cache}---\n${text}`);
      expect(first).toMatch(/^info AlreadyInjected 12 /);
      expect(others.filter((finding) => finding.startsWith("error"))).toEqual([]);
      expect(codes.AlreadyInjected.fix).toContain("injected again");
    },
  );
});

it("inj-08: what inject prints is right, and is injected again to the same", async () => {
  const file = await folder.write("job.yaml", `${cache}---\n${jobManifest()}`);
  const first = formatDocuments((await injectFiles([file], offlineDefaults)).documents, "yaml");
  const again = await injectFiles([await folder.write("injected.yaml", first)], offlineDefaults);
  expect(formatDocuments(again.documents, "yaml")).toBe(first);
  expect(await findingsOf(first)).toEqual([expect.stringMatching(/^info AlreadyInjected /)]);
});

describe("an OrasCache", () => {
  it("has unknown fields and wrong values found, at their keys", async () => {
    const text = `apiVersion: ${names.apiVersion}\nkind: OrasCache\nmetadata:\n  name: Oras\nspec:\n  imge: x\n  deploy: maybe\n  registry: ghcr.io\n`;
    const found = await findingsOf(text);
    expect(found).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          /^error InvalidField 4 metadata\.name found "Oras"; allowed is the name of an OrasCache/,
        ),
        expect.stringMatching(/^error UnknownField 6 spec\.imge no such field; did you mean image\?/),
        expect.stringMatching(/^error InvalidField 7 spec\.deploy found "maybe"/),
      ]),
    );
    expect(found.join("\n")).not.toMatch(/must (be|have|match|NOT)/);
  });

  it("has annotations that are read there, and nowhere else in it", async () => {
    const keys = [names.keepAnnotation, names.restartAnnotation, names.rotateAnnotation];
    const map = keys.map((key) => `${key}: "a"`).join(", ");
    expect(await findingsOf(cacheManifest("{}", `name: oras, annotations: {${map}}`))).toEqual([]);
    const labels = await findingsOf(cacheManifest("{}", `name: oras, labels: {${map}}`));
    expect(labels).toHaveLength(keys.length);
  });

  it("has a wrong annotation export-to found", async () => {
    const found = (value: string, spec = "{}") =>
      findingsOf(cacheManifest(spec, `name: oras, annotations: {${names.exportAnnotation}: "${value}"}`));
    const where = `metadata.annotations[${names.exportAnnotation}]`;
    expect(await found("oci://ghcr.io/acme")).toEqual([]);
    const [wrong, ...others] = await found("ghcr.io/acme");
    expect(wrong).toContain(`${where} found "ghcr.io/acme"; ${names.exportAllowed}.`);
    expect(others).toEqual([]);
    const remote = await found("oci://ghcr.io/acme", "{deploy: false}");
    expect(remote.join()).toContain(`${where} may only be set where spec.deploy is true.`);
  });

  it("has no value of a secret told", async () => {
    const found = await findingsOf(cacheManifest("{secrets: {registryHttp: 1234567}}"));
    expect(found).toEqual([expect.stringMatching(/^error InvalidField 4 spec\.secrets\.registryHttp /)]);
    expect(found[0]).not.toContain("1234567");
  });
});

describe("findings across files", () => {
  const step = (name: string, ...lines: string[]) => jobManifest({ name, lines });

  it("a cache of one file is known to the steps of another", async () => {
    const remote = cacheManifest("{deploy: false, registry: ghcr.io}", "name: remote");
    const uses = step("a", `${prefix}oras-cache: remote`, `${output}: a/b:c`);
    expect(await findingsOf({ "z.yaml": remote, "a.yaml": uses })).toEqual([]);
  });

  it("a cache that the files do not have is a note, and a warning where they have another", async () => {
    expect(await findingsOf(step("a", `${output}: a/b:c`))).toEqual([
      expect.stringMatching(
        /^info CacheNotInFiles 5 .*found no OrasCache "oras" \(the default\) for the namespace "default"/,
      ),
    ]);
    const other = cacheManifest("{}", "name: oras-1");
    expect(await findingsOf(`${other}---\n${step("a", `${output}: a/b:c`)}`)).toEqual([
      expect.stringMatching(/^warning CacheNotInFiles 10 .*did you mean oras-1\?/),
    ]);
    expect(await findingsOf(`${step("a", `${output}: a/b:c`)}---\n${step("b", `${output}: a/b:d`)}`)).toEqual(
      [expect.stringMatching(/^info CacheNotInFiles 5 .*\(2 steps use it\)\.$/)],
    );
    expect(await findingsOf(step("a", `${prefix}registry: ghcr.io`, `${output}: a/b:c`))).toEqual([]);
  });

  it("what admission warns about: a registry that no artifact is in", async () => {
    const found = await findingsOf(step("a", `${prefix}registry: quay.io`, `${output}: oci://ghcr.io/a/b:c`));
    expect(found).toEqual([expect.stringMatching(/^warning RegistryNotUsed \d+ .*quay\.io/)]);
  });

  it("two steps that push the same artifact", async () => {
    const found = await findingsOf({
      "a.yaml": `${cache}---\n${step("a", `${output}: a/b:c`)}`,
      "b.yaml": step("b", `${output}: a/b:c`),
    });
    expect(found).toEqual([
      expect.stringMatching(
        /^warning SameOutput 6 .* found a\/b:c, which Job default\/a \(.*a\.yaml:11\) pushes too\.$/,
      ),
    ]);
  });

  it("two Jobs of one JobSet that push the same artifact", async () => {
    const job = (name: string) =>
      `  - name: ${name}\n    template:\n      metadata: {annotations: {"${output}": "a/b:c"}}\n      spec: {template: {spec: {restartPolicy: Never, ${containers}}}}\n`;
    const text = `apiVersion: jobset.x-k8s.io/v1alpha2\nkind: JobSet\nmetadata: {name: x}\nspec:\n  replicatedJobs:\n${job("one")}${job("two")}`;
    expect(await findingsOf(`${cache}---\n${text}`)).toEqual([
      expect.stringMatching(/^warning SameOutput 17 .*which JobSet default\/x .* pushes too\.$/),
    ]);
  });

  it.each([
    ["another cache", [`${prefix}oras-cache: other`, `${output}: a/b:c`]],
    ["another registry", [`${output}: oci://ghcr.io/a/b:c`]],
    ["a variable", [`${output}: a/b:$(JOB_NAME)`]],
    ["another tag", [`${output}: a/b:d`]],
  ])("not where %s keeps them apart", async (_, lines) => {
    const caches = `${cache}---\n${cacheManifest("{}", "name: other")}`;
    expect(
      await findingsOf(`${caches}---\n${step("a", `${output}: a/b:c`)}---\n${step("b", ...lines)}`),
    ).toEqual([]);
  });

  it("an input that nobody pushes, where they push others of its name", async () => {
    const found = await findingsOf(
      `${cache}---\n${step("a", `${output}: a/b:pancakes`)}---\n${step("b", `${input}: a/b:pancake`)}`,
    );
    expect(found).toEqual([expect.stringMatching(/^warning InputNotMade .* did you mean a\/b:pancakes\?$/)]);
  });

  it.each([
    ["it is pushed", "a/b:pancakes"],
    ["it is a digest", `a/b@sha256:${"0".repeat(64)}`],
    ["another registry has it", "oci://ghcr.io/a/b:c"],
    ["it has a variable", "a/b:$(JOB_NAME)"],
    ["an output has a variable that can become it", "c/d:n-7"],
  ])("not where %s", async (_, reference) => {
    const steps = [
      step("a", `${output}: a/b:pancakes`),
      step("c", `${output}: c/d:n-$(JOB_NAME)`),
      step("b", `${input}: ${reference}`),
    ];
    expect(await findingsOf([cache, ...steps].join("---\n"))).toEqual([]);
  });

  it("objects of the same kind, namespace and name", async () => {
    const files = {
      "a.yaml": `${cache}---\n${step("a", `${output}: a/b:c`)}`,
      "b.yaml": step("a", `${output}: a/b:c`),
    };
    expect(await findingsOf(files)).toEqual([
      expect.stringMatching(
        /^warning SameObject 4 metadata\.name found Job default\/a a second time; .*a\.yaml:9\.$/,
      ),
    ]);
    const named = step("a", `${output}: a/b:d`).replace("name: a", "name: a\n  namespace: other");
    expect(
      (
        await findingsOf({ "b.yaml": named, "a.yaml": `${cache}---\n${step("a", `${output}: a/b:c`)}` })
      ).filter((line) => line.includes("SameObject")),
    ).toEqual([]);
  });
});

it("each code has a summary and something to do", () => {
  for (const [code, { summary, fix }] of Object.entries(codes)) {
    expect(summary, code).toMatch(/^[A-Z].*\.$/s);
    expect(fix, code).toMatch(/^[A-Z].*\.$/s);
  }
});

// Each with the caches that it needs, of the same name.
it.each(["examples/tests", "examples/registry", "examples/workflow/five-jobs", "examples/workflow/metrics"])(
  "%s has no finding that --strict would refuse",
  async (folder) => {
    const { findings } = await validateFiles([folder], offlineDefaults);
    expect(findings.filter(({ level }) => level !== "info")).toEqual([]);
  },
);
