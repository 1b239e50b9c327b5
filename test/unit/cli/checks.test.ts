import type { V1Job } from "@kubernetes/client-node";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { names } from "../../../schema/names.ts";
import { annotations } from "../../../src/annotations/table.ts";
import { injectFiles } from "../../../src/cli/inject.ts";
import { CliError } from "../../../src/cli/output.ts";
import { offlineDefaults } from "../../../src/cli/settings.ts";
import { validateFiles } from "../../../src/cli/validate.ts";
import { cacheManifest, type Folder, jobManifest, makeFolder } from "../../support/cli.ts";

let folder: Folder;
beforeEach(async () => {
  folder = await makeFolder();
});
afterEach(() => folder.remove());

const { prefix } = names;
const output = annotations["output-uri"].key;
const input = annotations["input-uri"].key;
const inputPath = annotations["input-path"].key;
const outputPath = annotations["output-path"].key;
const containers = "containers: [{name: main, image: a, command: [a], workingDir: /w}]";
const annotated = `annotations: {"${output}": "a/b:c"}`;
const cache = cacheManifest();

/** What is found in one text, or in several files of a folder, as `level code path message`. */
async function findingsOf(files: string | Record<string, string>): Promise<string[]> {
  const named = typeof files === "string" ? { "manifest.yaml": files } : files;
  for (const [name, text] of Object.entries(named)) await folder.write(`set/${name}`, text);
  const { findings } = await validateFiles([`${folder.path}/set`], offlineDefaults);
  return findings.map(({ level, code, path = "", message }) => `${level} ${code} ${path} ${message}`);
}

const step = (name: string, ...lines: string[]) => jobManifest({ name, lines });
const all = (...texts: string[]) => texts.join("---\n");

it("says of an artifact in a repository of the operator what to write, whatever makes the step", async () => {
  const own = cacheManifest("{workflow: {memo: {repository: team/memo}}}");
  const pod = `metadata: {annotations: {"${output}": "team/memo:v1"}}, spec: {restartPolicy: RULE, ${containers}}`;
  const made = (kind: string, version: string, spec: string) =>
    `apiVersion: ${version}\nkind: ${kind}\nmetadata: {name: ${kind.toLowerCase()}}\nspec: ${spec}\n`;
  const template = `{template: {${pod.replace("RULE", "Never")}}}`;
  const found = await findingsOf(
    all(
      own,
      step("own", `${output}: team/memo:v1`),
      made("CronJob", "batch/v1", `{schedule: "* * * * *", jobTemplate: {spec: ${template}}}`),
      made("Deployment", "apps/v1", `{template: {${pod.replace("RULE", "Always")}}}`),
      step("free", `${output}: oras-memo:v1`),
    ),
  );
  const refused = found.filter((line) => line.includes("RepositoryOfOperator"));
  expect(refused).toHaveLength(3);
  for (const line of refused)
    expect(line).toMatch(
      /^error .*"team\/memo:v1" is in a repository that the operator keeps for itself; write another one, such as/,
    );
});

describe("restartPolicy", () => {
  const object = (kind: string, apiVersion: string, spec: string) =>
    `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: x}\nspec: ${spec}\n`;
  const template = (policy: string) => `{template: {metadata: {}, spec: {${policy}${containers}}}}`;
  const job = (policy: string) => object("Job", "batch/v1", template(policy));
  const cronJob = (policy: string) =>
    object("CronJob", "batch/v1", `{schedule: "* * * * *", jobTemplate: {spec: ${template(policy)}}}`);
  const jobSet = (policy: string) =>
    object(
      "JobSet",
      "jobset.x-k8s.io/v1alpha2",
      `{replicatedJobs: [{name: a, template: {spec: ${template(policy)}}}]}`,
    );
  const deployment = (policy: string) => object("Deployment", "apps/v1", template(policy));
  const pod = (policy: string) => object("Pod", "v1", `{${policy}${containers}}`);

  it.each([
    ["a Job without one", job(""), "spec.template.spec.restartPolicy found nothing; allowed in a Job is"],
    ["a Job with an empty one", job('restartPolicy: "", '), "found nothing"],
    ["a Job with Always", job("restartPolicy: Always, "), 'found "Always"; allowed in a Job is "OnFailure"'],
    ["a CronJob without one", cronJob(""), "spec.jobTemplate.spec.template.spec.restartPolicy found nothing"],
    ["a JobSet with Always", jobSet("restartPolicy: Always, "), "spec.replicatedJobs[0].template.spec"],
    ["a Deployment with Never", deployment("restartPolicy: Never, "), 'in a Deployment is "Always"'],
    ["a Pod with another word", pod("restartPolicy: never, "), 'found "never"; allowed in a Pod is "Always"'],
  ])("the API server refuses %s", async (_, text, message) => {
    const found = await findingsOf(text);
    expect(found).toEqual([expect.stringMatching(/^error InvalidField /)]);
    expect(found[0]).toContain(message);
  });

  it.each([
    ["a JobSet without one", jobSet("")],
    ["a Deployment without one", deployment("")],
    ["a Pod without one", pod("")],
    ["a Job with OnFailure", job("restartPolicy: OnFailure, ")],
  ])("it takes %s", async (_, text) => {
    expect(await findingsOf(text)).toEqual([]);
  });

  it("is told once: no warning about the field that is refused", async () => {
    const text = jobManifest().replace("Never", "Always");
    expect(await findingsOf(all(cache, text))).toEqual([expect.stringMatching(/^error InvalidField spec/)]);
  });
});

describe("metadata.name", () => {
  const named = (name: string) => jobManifest().replace("name: breakfast", name);
  it.each([
    ["labels: {}", "metadata.name found nothing; it must be set, or generateName."],
    ['name: ""', "metadata.name found nothing"],
    ["name: 5", "metadata.name found 5; it must be a string; put it in quotes."],
    ["name: Breakfast", 'metadata.name found "Breakfast"; allowed are lower case letters'],
    ["name: break_fast", 'metadata.name found "break_fast"'],
    ["name: -a", 'metadata.name found "-a"'],
    [`name: ${"a".repeat(64)}`, "metadata.name found 64 characters; allowed are at most 63."],
    ["generateName: Break-", 'metadata.generateName found "Break-"'],
    ["name: a\n  namespace: My.Team", 'metadata.namespace found "My.Team"; allowed are'],
    ["name: a\n  namespace: 5", "metadata.namespace found 5; it must be a string"],
  ])("%j is refused", async (name, message) => {
    const found = (await findingsOf(named(name))).filter((line) => line.startsWith("error"));
    expect(found).toEqual([expect.stringContaining(`error InvalidField ${message}`)]);
  });

  it.each(["name: a.b-c", "generateName: a-", "name: a\n  namespace: my-team"])("%j is not", async (name) => {
    expect((await findingsOf(named(name))).filter((line) => line.startsWith("error"))).toEqual([]);
  });

  it("annotations and labels of what is no step itself are texts, too", async () => {
    const text = `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, annotations: {a: true}, labels: {b: 1}}\nspec: {template: {spec: {${containers}}}}`;
    expect(await findingsOf(text)).toEqual([
      "error InvalidField metadata.annotations.a found true; it must be a string; put it in quotes.",
      "error InvalidField metadata.labels.b found 1; it must be a string; put it in quotes.",
    ]);
  });

  it("an OrasCache needs one too, and it is told once what is wrong with it", async () => {
    expect(await findingsOf(cacheManifest("{}", "labels: {}"))).toEqual([
      expect.stringMatching(/^error InvalidField metadata\.name found nothing/),
    ]);
    expect(await findingsOf(cacheManifest("{}", "name: My-Cache"))).toHaveLength(1);
  });
});

describe("kinds that no API server has", () => {
  const object = (apiVersion: string, kind: string) =>
    `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: x}\n`;
  it.each([
    ["batch/v1", "Jobb", "kind batch/v1 has no kind Jobb; did you mean Job?"],
    ["batch/v1", "job", "kind batch/v1 has no kind job; did you mean Job?"],
    ["batch/v1", "CRONJOB", "kind batch/v1 has no kind CRONJOB; did you mean CronJob?"],
    ["v1", "Pods", "kind v1 has no kind Pods; did you mean Pod?"],
    ["apps/v1", "Deploymnet", "kind apps/v1 has no kind Deploymnet; did you mean Deployment?"],
    [names.apiVersion, "OrasCach", `kind ${names.apiVersion} has no kind OrasCach; did you mean OrasCache?`],
    [names.apiVersion, "Registry", `kind ${names.apiVersion} has no kind Registry; allowed is OrasCache.`],
    ["v1", "Job", "apiVersion found v1; Job is in batch/v1."],
    ["batch", "Job", "apiVersion found batch; Job is in batch/v1."],
    ["batch/v1", "Deployment", "apiVersion found batch/v1; Deployment is in apps/v1."],
    ["batch/v1beta1", "CronJob", "apiVersion found batch/v1beta1; CronJob is in batch/v1."],
    [`${names.group}/v1`, "OrasCache", `apiVersion found ${names.group}/v1; OrasCache is in`],
    ["cache.converged-computing.github.com/v1alpha1", "OrasCache", "did you mean cache.converged-"],
    ["jobset.x-k8s.io/v1alpha2", "Jobset", "did you mean JobSet?"],
  ])("%s %s", async (apiVersion, kind, message) => {
    const found = (await findingsOf(object(apiVersion, kind))).filter((line) => line.includes("UnknownKind"));
    expect(found).toEqual([expect.stringMatching(/^error UnknownKind /)]);
    expect(found[0]).toContain(message);
  });

  it.each([
    ["v1", "Node"],
    ["v1", "PodList"],
    ["batch.volcano.sh/v1alpha1", "Job"],
    ["jobset.x-k8s.io/v1", "JobSet"],
    ["flux-framework.org/v1alpha2", "MiniCluster"],
    ["batch/v1", "SomethingNew"],
  ])("not %s %s", async (apiVersion, kind) => {
    expect((await findingsOf(object(apiVersion, kind))).join()).not.toContain("UnknownKind");
  });
});

describe("annotations where nobody reads them", () => {
  it.each([
    [
      "a ConfigMap",
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, ${annotated}}`,
      "metadata.annotations",
    ],
    [
      "a Namespace",
      `apiVersion: v1\nkind: Namespace\nmetadata: {name: x, ${annotated}}`,
      "metadata.annotations",
    ],
    [
      "a RoleBinding",
      `apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: x, ${annotated}}`,
      "metadata.annotations",
    ],
    ["an OrasCache", cacheManifest("{}", `name: x, ${annotated}`), "metadata.annotations"],
    [
      "a Pod's spec",
      `apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {${annotated}, ${containers}}`,
      "spec.annotations",
    ],
    [
      "a Pod's metadata, without annotations",
      `apiVersion: v1\nkind: Pod\nmetadata: {name: x, "${output}": "a/b:c"}\nspec: {${containers}}`,
      "metadata",
    ],
    [
      "a Deployment's spec",
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {${annotated}, template: {spec: {${containers}}}}`,
      "spec.annotations",
    ],
    [
      "a Deployment's template",
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {${annotated}, spec: {${containers}}}}`,
      "spec.template.annotations",
    ],
    [
      "a claim of a StatefulSet",
      `apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: x}\nspec: {template: {spec: {${containers}}}, volumeClaimTemplates: [{metadata: {name: d, ${annotated}}}]}`,
      "spec.volumeClaimTemplates[0].metadata.annotations",
    ],
  ])("%s", async (_, text, path) => {
    const found = await findingsOf(text);
    expect(found).toEqual([expect.stringMatching(/^warning AnnotationNotRead /)]);
    expect(found[0]).toContain(`${path}[${output}] no effect`);
  });

  it.each([
    ["another project's kind", `apiVersion: x.dev/v1\nkind: Workflow\nmetadata: {name: x, ${annotated}}`],
    [
      "a template",
      `apiVersion: v1\nkind: PodTemplate\nmetadata: {name: x}\ntemplate: {metadata: {${annotated}}}`,
    ],
    [
      "a selector of what the operator labels",
      `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nspec: {podSelector: {matchLabels: {${names.injectedLabel}: "true"}}}`,
    ],
  ])("not in %s", async (_, text) => {
    expect(await findingsOf(text)).toEqual([]);
  });
});

describe("fields of a wrong type", () => {
  it("hide no other problem of the object", async () => {
    const lines = [`${output}: 5`, `${prefix}unpack: true`, `${prefix}debug: maybe`, `${prefix}inputuri: x`];
    const text = step("a", ...lines).replace("command: [echo, blueberry]", "command: echo");
    expect(await findingsOf(all(cache, text))).toEqual([
      expect.stringContaining(`InvalidField metadata.annotations[${output}] found 5; it must be a string`),
      expect.stringContaining(`InvalidField metadata.annotations[${prefix}unpack] found true`),
      expect.stringContaining(`InvalidValue metadata.annotations[${prefix}debug] found "maybe"`),
      expect.stringContaining(`UnknownAnnotation metadata.annotations[${prefix}inputuri]`),
      expect.stringContaining("InvalidField spec.template.spec.containers[0].command found"),
    ]);
  });

  it("nothing follows from them", async () => {
    const lines = [`${output}: {a: b}`, `${prefix}output-path: 5`];
    expect(await findingsOf(all(cache, step("a", ...lines)))).toEqual([
      expect.stringMatching(/^error InvalidField .* found a map; it must be a string\.$/),
      expect.stringMatching(/^error InvalidField .* found 5; it must be a string; put it in quotes\.$/),
    ]);
  });

  it("do not hide what is wrong with annotations where there is no Pod to look at", async () => {
    const text = `apiVersion: v1\nkind: Pod\nmetadata: {name: x, annotations: {"${prefix}debug": "x", "${output}": "a/b:c"}}\nspec: {containers: [{image: a}]}`;
    expect(await findingsOf(text)).toEqual([
      expect.stringContaining("InvalidValue"),
      expect.stringContaining("containers[0].name found nothing"),
    ]);
  });

  it("null is what the API server takes it for: absent, and an empty text as an annotation", async () => {
    expect(
      await findingsOf(all(cache, step("a", `${output}: a/b:c`).replace("[echo, blueberry]", "null"))),
    ).toEqual([expect.stringContaining("warning NoCommand")]);
    expect(await findingsOf(all(cache, step("a", `${output}:`)))).toEqual([
      expect.stringMatching(/^error InvalidValue .* found ""; the value is empty; allowed is repository/),
    ]);
  });
});

describe("an input that no step pushes", () => {
  const other = cacheManifest("{}", "name: other");

  it.each<[string, string[], string]>([
    [
      "of a registry, where the files push it to the cache",
      [step("a", `${output}: a/b:c`), step("b", `${prefix}registry: ghcr.io`, `${input}: a/b:c`)],
      "found a/b:c of https://ghcr.io; Job default/a pushes it to OrasCache default/oras.",
    ],
    [
      "of the cache, where the files push it to a registry",
      [step("a", `${prefix}registry: ghcr.io/acme`, `${output}: a/b:c`), step("b", `${input}: a/b:c`)],
      "found a/b:c of OrasCache default/oras; Job default/a pushes it to https://ghcr.io/acme.",
    ],
    [
      "of another cache",
      [step("a", `${output}: a/b:c`), step("b", `${prefix}oras-cache: other`, `${input}: a/b:c`)],
      "found a/b:c of OrasCache default/other; Job default/a pushes it to OrasCache default/oras.",
    ],
    [
      "of another namespace's cache",
      [
        step("a", `${output}: a/b:c`),
        step("b", `${input}: a/b:c`).replace("name: b", "name: b\n  namespace: x"),
        cacheManifest("{}", "name: oras, namespace: x"),
      ],
      "found a/b:c of OrasCache x/oras; Job default/a pushes it to OrasCache default/oras.",
    ],
    [
      "of a registry that its URI names",
      [step("a", `${output}: a/b:c`), step("b", `${input}: oci://ghcr.io/a/b:c`)],
      "found a/b:c of https://ghcr.io; Job default/a pushes it to OrasCache default/oras.",
    ],
  ])("%s: another place", async (_, steps, message) => {
    expect(await findingsOf(all(cache, other, ...steps))).toEqual([
      expect.stringMatching(/^warning InputElsewhere /),
    ]);
    expect((await findingsOf(all(cache, other, ...steps)))[0]).toContain(message);
  });

  it.each<[string, string[]]>([
    [
      "one registry, named in two ways",
      [
        step("a", `${prefix}registry: ghcr.io/acme`, `${output}: a/b:c`),
        step("b", `${input}: oci://ghcr.io/acme/a/b:c`),
      ],
    ],
    [
      "one registry, named by an OrasCache",
      [
        cacheManifest("{deploy: false, registry: ghcr.io}", "name: remote"),
        step("a", `${prefix}registry: ghcr.io`, `${output}: a/b:c`),
        step("b", `${prefix}oras-cache: remote`, `${input}: a/b:c`),
      ],
    ],
    [
      "a step that copies from a registry into the cache",
      [step("a", `${input}: oci://ghcr.io/a/b:c`, `${output}: a/b:c`), step("b", `${input}: a/b:c`)],
    ],
    [
      "a chain of versions, whose first one was there",
      [
        step("a", `${input}: data/x:v1`, `${output}: data/x:v2`),
        step("b", `${input}: data/x:v2`, `${output}: data/x:v3`),
      ],
    ],
    ["numbers that count something", [step("a", `${output}: part-1/x:c`), step("b", `${input}: part-2/x:c`)]],
    [
      "nearly the name of what another step reads",
      [
        step("a", `${output}: red/x:c`),
        step("b", `${input}: red/x:c`, `${output}: out/b:c`),
        step("d", `${input}: rod/x:c`, `${output}: out/d:c`),
      ],
    ],
  ])("no warning: %s", async (_, steps) => {
    const found = await findingsOf(all(cache, ...steps));
    expect(found.filter((line) => !line.startsWith("info "))).toEqual([]);
  });

  it("with nearly the name of something that nobody reads is a warning", async () => {
    const steps = [step("a", `${output}: results/modle:c`), step("b", `${input}: results/model:c`)];
    expect(await findingsOf(all(cache, ...steps))).toEqual([
      expect.stringMatching(/^warning InputNotMade .* did you mean results\/modle:c\?$/),
    ]);
  });

  it("that a step leaves if it fails is told of nothing", async () => {
    const left = `${annotations["failure-uri"].key}: a/b:left`;
    const steps = [step("a", `${output}: a/b:c`, left), step("b", `${input}: a/b:left`)];
    expect(await findingsOf(all(cache, ...steps))).toEqual([]);
  });

  it("is a note where the files have its cache, and what is pushed to it", async () => {
    const steps = [step("a", `${output}: a/b:c`), step("b", `${input}: weather/today:x`)];
    expect(await findingsOf(all(cache, ...steps))).toEqual([
      expect.stringMatching(
        /^info InputNotMade .* found weather\/today:x, which no step of these files pushes\.$/,
      ),
    ]);
    expect(await findingsOf({ "manifest.yaml": all(cache, steps[1] ?? "") })).toEqual([]);
  });

  it("SameOutput: one registry, named in two ways", async () => {
    const steps = [
      step("a", `${prefix}registry: ghcr.io/acme`, `${output}: a/b:c`),
      step("b", `${output}: oci://ghcr.io/acme/a/b:c`),
    ];
    expect(await findingsOf(all(...steps))).toEqual([expect.stringMatching(/^warning SameOutput /)]);
  });

  it.each(["oras:5000", "oras-0.ORAS:5000", "oras.default.svc:5000", "nodes.example.com:30500"])(
    "the registry of an OrasCache is known by its host %s",
    async (host) => {
      const own = cacheManifest("{nodeAddress: nodes.example.com:30500}");
      const named = `${prefix}registry: http://${host}`;
      const two = [step("a", `${output}: a/b:c`), step("b", named, `${output}: a/b:c`)];
      expect(await findingsOf(all(own, ...two))).toEqual([expect.stringMatching(/^warning SameOutput /)]);
      const made = [step("a", named, `${output}: a/b:c`), step("b", `${input}: a/b:c`)];
      expect(await findingsOf(all(own, ...made))).toEqual([]);
    },
  );
});

describe("a circle of steps", () => {
  const link = (name: string, reads: string, makes: string) =>
    step(name, `${input}: ${reads}`, `${inputPath}: /in`, `${output}: ${makes}`, `${outputPath}: /out`);
  const circlesOf = async (...steps: string[]) =>
    (await findingsOf(all(...steps))).filter((line) => line.includes(" InputCycle "));

  it("is told once, with its way", async () => {
    const found = await circlesOf(
      link("a", "c/c:1", "a/a:1"),
      link("b", "a/a:1", "b/b:1"),
      link("c", "b/b:1", "c/c:1"),
    );
    expect(found).toEqual([
      expect.stringContaining(
        "found a circle: Job default/a reads c/c:1, Job default/c reads b/b:1, Job default/b reads a/a:1, which Job default/a pushes.",
      ),
    ]);
  });

  it("of steps that wait for their inputs says that none starts, and one that does not wait can be the first", async () => {
    const waits = `${annotations["wait-for-inputs"].key}: "true"`;
    const of = (name: string, reads: string, makes: string, ...lines: string[]) =>
      step(
        name,
        `${input}: ${reads}`,
        `${inputPath}: /in`,
        `${output}: ${makes}`,
        `${outputPath}: /out`,
        ...lines,
      );
    const first = of("a", "b/b:1", "a/a:1", waits);
    const [both] = await circlesOf(first, of("b", "a/a:1", "b/b:1", waits));
    expect(both).toMatch(/ pushes\. Each waits for its inputs, so none of them starts\.$/);
    const [one] = await circlesOf(first, of("b", "a/a:1", "b/b:1"));
    expect(one).toMatch(/ pushes\.$/);
    // Their OrasCache may say it for all of them.
    const waiting = cacheManifest("{workflow: {waitForInputs: true}}");
    const [byCache] = await circlesOf(waiting, first, of("b", "a/a:1", "b/b:1"));
    expect(byCache).toBe(both);
  });

  it("is found where names have $(RUN), of one run", async () => {
    const of = (name: string, reads: string, makes: string, run: string) =>
      step(
        name,
        ...[`${input}: ${reads}:$(RUN)`, `${inputPath}: /in`, `${output}: ${makes}:$(RUN)`],
        ...[`${outputPath}: /out`, `${annotations.run.key}: "${run}"`],
      );
    const first = of("a", "b/b", "a/a", "7");
    expect(await circlesOf(first, of("b", "a/a", "b/b", "7"))).toEqual([
      expect.stringContaining("Job default/b reads a/a:7"),
    ]);
    expect(await circlesOf(first, of("b", "a/a", "b/b", "8"))).toEqual([]);
  });

  it.each([10, 11, 30])("of %i steps is told in a message that can be read", async (count) => {
    const names = Array.from({ length: count }, (_, i) => `s${i}`);
    const found = await circlesOf(
      ...names.map((name, i) => link(name, `${names.at(i - 1)}/x:1`, `${name}/x:1`)),
    );
    expect(found).toHaveLength(1);
    expect(found.join().match(/ reads /g)).toHaveLength(10);
    if (count === 10) expect(found.join()).not.toContain("more steps");
    else expect(found.join()).toContain(`and so on through ${count - 10} more steps, Job default/`);
  });

  it("is told without what only leads there, and each of several", async () => {
    const found = await circlesOf(
      ...[link("after", "a/a:1", "after/x:1"), link("a", "b/b:1", "a/a:1"), link("b", "a/a:1", "b/b:1")],
      ...[link("c", "d/d:1", "c/c:1"), link("d", "c/c:1", "d/d:1")],
    );
    expect(found).toHaveLength(2);
    expect(found.join()).not.toContain("after");
  });

  it("is none where two read one, where names have variables, or where the registry is another one", async () => {
    const varied = "x/$(POD_NAME):1";
    expect(
      await circlesOf(link("a", "0/0:1", "a/a:1"), link("b", "a/a:1", "b/b:1"), link("c", "a/a:1", "c/c:1")),
    ).toEqual([]);
    expect(await circlesOf(link("a", varied, "a/a:1"), link("b", "a/a:1", varied))).toEqual([]);
    expect(await circlesOf(link("a", "oci://x.io/b/b:1", "a/a:1"), link("b", "a/a:1", "b/b:1"))).toEqual([]);
  });

  it("is found among 1,000 steps in a row", async () => {
    const count = 1000;
    const steps = Array.from({ length: count }, (_, i) =>
      link(`s-${i}`, `s/${i}:1`, `s/${i === 0 ? count : i - 1}:1`),
    );
    const artifacts = [...steps, link("end", `s/${count}:1`, `s/${count - 1}:1`)];
    expect(await circlesOf(...artifacts)).toHaveLength(1);
  }, 120_000);
});

describe("what waits", () => {
  const waits = `"${input}": "a/b:c", "${annotations["wait-for-inputs"].key}": "true"`;
  const job = `activeDeadlineSeconds: 60, template: {spec: {restartPolicy: Never, ${containers}}}`;
  const codesIn = async (text: string) =>
    (await findingsOf(text)).map((line) => line.split(" ")[1]).filter((code) => code !== "InputNotMade");

  it("of a CronJob is suspended, so its deadline does not run", async () => {
    const cronJob = `apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x}\nspec: {schedule: "* * * * *", concurrencyPolicy: Forbid, jobTemplate: {metadata: {annotations: {${waits}}}, spec: {${job}}}}\n`;
    expect(await codesIn(all(cache, cronJob))).toEqual([]);
  });

  it.each([
    ["", "", ["WaitsAtEachTick"]],
    ["concurrencyPolicy: Allow, ", "", ["WaitsAtEachTick"]],
    ["concurrencyPolicy: Forbid, ", "", []],
    ["concurrencyPolicy: Replace, ", "", []],
    ["", `, "${annotations["wait-timeout"].key}": "1h"`, []],
  ])("of a CronJob piles up where nothing ends it: {%s%s}", async (policy, timeout, codes) => {
    const made = (at: string) =>
      `apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x}\nspec: {schedule: "* * * * *", ${policy}jobTemplate: ${at}}\n`;
    const map = `metadata: {annotations: {${waits}${timeout}}}`;
    const spec = `restartPolicy: Never, ${containers}`;
    expect(await codesIn(all(cache, made(`{${map}, spec: {template: {spec: {${spec}}}}}`)))).toEqual(codes);
    expect(await codesIn(all(cache, made(`{spec: {template: {${map}, spec: {${spec}}}}}`)))).toEqual(codes);
  });

  it("as a Pod counts in a quota of its namespace, and as a suspended Job does not", async () => {
    const quota = (hard: string, namespace = "default") =>
      `apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: ${namespace}}\nspec: {hard: {${hard}}}\n`;
    const pod = (name: string, more = "") =>
      `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, annotations: {${waits}}}\nspec: {restartPolicy: Never, ${more}${containers}}\n`;
    const index = `"${input}": "a/b:$(JOB_COMPLETION_INDEX)", "${annotations["wait-for-inputs"].key}": "true"`;
    const ofJob = (map: string) =>
      `apiVersion: batch/v1\nkind: Job\nmetadata: {name: x, annotations: {${map}}}\nspec: {completionMode: Indexed, completions: 2, parallelism: 2, template: {spec: {restartPolicy: Never, ${containers}}}}\n`;
    const found = await findingsOf(all(cache, quota("pods: 3"), pod("a"), pod("b")));
    expect(found.filter((line) => line.includes("WaitsInQuota"))).toEqual([
      expect.stringMatching(
        / its Pods count in ResourceQuota default\/q \(\S+:\d+\) while .* 1 more steps do\)/,
      ),
    ]);
    for (const [hard, step, codes] of [
      ["requests.cpu: 3", pod("a"), ["WaitsInQuota"]],
      ["limits.memory: 1Gi", pod("a", "nodeName: node-1, "), ["WaitsInQuota"]],
      ["count/pods: 3", ofJob(index), ["WaitsInQuota"]],
      ["pods: 3", ofJob(waits), []],
      ["requests.storage: 3Gi, count/jobs.batch: 3", pod("a"), []],
    ] as const)
      expect(await codesIn(all(cache, quota(hard), step)), hard).toEqual(codes);
    expect(await codesIn(all(cache, quota("pods: 3", "other"), pod("a")))).toEqual([]);
  });

  it("of a JobSet is not", async () => {
    const jobSet = `apiVersion: jobset.x-k8s.io/v1alpha2\nkind: JobSet\nmetadata: {name: x}\nspec: {replicatedJobs: [{name: a, template: {metadata: {annotations: {${waits}}}, spec: {${job}}}}]}\n`;
    expect(await codesIn(all(cache, jobSet))).toEqual(["DeadlineWhileWaiting"]);
  });

  it.each(["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"])(
    "of a %s stops a rollout",
    async (kind) => {
      const text = `apiVersion: apps/v1\nkind: ${kind}\nmetadata: {name: x}\nspec: {template: {metadata: {annotations: {${waits}}}, spec: {${containers}}}}\n`;
      expect(await codesIn(all(cache, text))).toEqual(["WaitsInRollout"]);
    },
  );
});

describe("kustomize", () => {
  const base = step("a", `${output}: a/b:c`);
  const kustomization = (text: string) => `resources: [job.yaml]\n${text}`;
  const patch = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {parallelism: 2}\n";

  it("a base and its overlays name the same objects, and patches are no objects", async () => {
    const files = {
      "base/kustomization.yaml": kustomization(""),
      "base/job.yaml": all(cache, base),
      "overlays/prod/kustomization.yaml":
        "resources: [../../base]\npatches: [{path: patch.yaml}, {path: ./set.yaml}]\n",
      "overlays/prod/patch.yaml": patch,
      "overlays/prod/set.yaml": "[{op: add, path: /x, value: y}]",
      "overlays/test/kustomization.yml": "patchesStrategicMerge: [sub/patch.yaml]\n",
      "overlays/test/sub/patch.yaml": patch,
      "overlays/test/job.yaml": all(cache, base),
    };
    expect(await findingsOf(files)).toEqual([
      expect.stringMatching(
        /^warning KustomizationNotRendered .*overlays\/prod is not rendered: its patches/,
      ),
      expect.stringMatching(
        /^warning KustomizationNotRendered .*overlays\/test is not rendered: its patches/,
      ),
    ]);
  });

  it.each([
    ["kustomization.yaml", "resources: [../../base]"],
    ["kustomization.yml", "resources: [job.yaml, https://example.com/x]"],
    ["Kustomization", `resources: [job.yaml]\ncommonAnnotations: {${prefix}unpak: "true"}`],
    ["kustomization.yaml", "resources: [job.yaml]\nnamespace: other"],
    ["kustomization.yaml", "bases: [../base]"],
  ])("what is not checked is said: %s with %j", async (name, text) => {
    await folder.write("one/job.yaml", all(cache, base));
    const file = await folder.write(`one/${name}`, text);
    const run = `kubectl kustomize ${folder.path}/one | oras-operator`;
    for (const place of [`${folder.path}/one`, file]) {
      const { findings } = await validateFiles([place], offlineDefaults);
      expect(findings).toMatchObject([
        {
          level: "warning",
          code: "KustomizationNotRendered",
          file,
          line: 1,
          fix: `Run ${run} validate -f -.`,
        },
      ]);
      await expect(injectFiles([place], offlineDefaults)).rejects.toThrow(`Run ${run} inject -f -.`);
    }
  });

  it("nothing is said of one that only lists what was read, and inject leaves it out", async () => {
    await folder.write("list/job.yaml", all(cache, base));
    await folder.write("list/more/x.yaml", step("b", `${output}: a/b:d`));
    await folder.write("list/kustomization.yaml", "kind: Kustomization\nresources: [./job.yaml, more/]\n");
    expect((await validateFiles([`${folder.path}/list`], offlineDefaults)).findings).toEqual([]);
    const { documents } = await injectFiles([`${folder.path}/list`], offlineDefaults);
    expect(documents.map((each) => (each as { kind: string }).kind)).toEqual(["OrasCache", "Job", "Job"]);
  });

  it("a component is rendered by the kustomization that names it", async () => {
    const file = await folder.write("kit/parts/a/kustomization.yaml", "kind: Component\nnamespace: x\n");
    const [alone] = (await validateFiles([file], offlineDefaults)).findings;
    expect(alone?.message).toContain(`the component ${folder.path}/kit/parts/a is not rendered`);
    expect(alone?.fix).toBe("Run kubectl kustomize OVERLAY | oras-operator validate -f -.");
    const overlay = await folder.write("kit/prod/kustomization.yaml", "components: [../parts/a]\n");
    const { findings } = await validateFiles([`${folder.path}/kit`], offlineDefaults);
    expect(findings.map((finding) => finding.file)).toEqual([overlay]);
  });

  it("a folder with a space is one argument", async () => {
    const file = await folder.write("my app/kustomization.yaml", "namePrefix: x-\n");
    const { findings } = await validateFiles([file], offlineDefaults);
    expect(findings[0]?.fix).toContain(`kubectl kustomize '${folder.path}/my app' |`);
  });

  it("one that is no YAML is told once", async () => {
    const file = await folder.write("broken/kustomization.yaml", "resources: [a");
    expect((await validateFiles([file], offlineDefaults)).findings).toMatchObject([{ code: "Unreadable" }]);
  });

  it("the same object twice in one of them is found", async () => {
    const files = {
      "base/kustomization.yaml": kustomization(""),
      "base/job.yaml": all(cache, base),
      "base/more/job.yaml": base,
    };
    expect(await findingsOf(files)).toEqual([expect.stringMatching(/^warning SameObject /)]);
  });
});

describe("an OrasCache of the files", () => {
  const job = step("a", `${output}: a/b:c`);
  const inject = async (files: Record<string, string>) => {
    const places: string[] = [];
    for (const [name, text] of Object.entries(files)) places.push(await folder.write(name, text));
    return injectFiles(places, offlineDefaults);
  };
  const remote = cacheManifest("{deploy: false, registry: ghcr.io/acme}");

  it.each([
    ["before", { "cache.yaml": remote, "job.yaml": job }],
    ["after", { "job.yaml": job, "cache.yaml": remote }],
    [
      "in a List",
      {
        "job.yaml": job,
        "list.yaml": `apiVersion: v1\nkind: List\nitems:\n${remote.replaceAll(/^(?=.)/gm, "    ").replace("    ", "  - ")}`,
      },
    ],
  ])("that another -f names is used by inject: %s", async (_, files) => {
    const { documents, warnings } = await inject(files);
    expect(JSON.stringify(documents)).toContain("https://ghcr.io/acme/a/b:c");
    expect(warnings).toEqual([]);
  });

  it.each(["{deploy: false, registry: 5}", '{deploy: false, registry: "a b"}', "[]", '"x"'])(
    "that the API server refuses is told, and no step is injected from it: %s",
    async (spec) => {
      const files = { "job.yaml": job, "cache.yaml": cacheManifest(spec) };
      await expect(inject(files)).rejects.toThrow(/cache\.yaml: OrasCache default\/oras: spec.*: /);
      expect(await findingsOf(files)).toEqual([expect.stringMatching(/^error InvalidField spec/)]);
    },
  );

  it.each(["{deploy: true, registry: null}", "null"])(
    "whose spec is null in part is right: %s",
    async (spec) => {
      const files = { "job.yaml": job, "cache.yaml": cacheManifest(spec) };
      expect((await inject(files)).warnings).toEqual([expect.stringMatching(/\(LoginUnknown\)$/)]);
      expect(await findingsOf(files)).toEqual([]);
    },
  );
});

describe("inject", () => {
  const inject = async (text: string) => injectFiles([await folder.write("a.yaml", text)], offlineDefaults);

  it("refuses what the API server would refuse before the webhook is asked", async () => {
    const text = step("a", `${output}: a/b:c`, `${prefix}unpack: true`, `${prefix}debug: true`);
    await expect(inject(text)).rejects.toThrow(
      /unpack\]: found true; it must be a string; put it in quotes\. \(InvalidField\)\n.*debug\]: found true/,
    );
  });

  it("leaves a Job of another project as it is", async () => {
    const text = step("a", `${output}: a/b:c`).replace("batch/v1", "batch.example.com/v1");
    const { documents, warnings } = await inject(text);
    expect(documents).toEqual([parseAllDocuments(text)[0]?.toJS()]);
    expect(warnings).toEqual([]);
  });
});

describe("a LimitRange of the files", () => {
  const job = step("a", `${output}: a/b:c`, `${prefix}requests-memory: 1Gi`);
  const range = (limits: string, namespace = "default") =>
    `apiVersion: v1\nkind: LimitRange\nmetadata: {name: small, namespace: ${namespace}}\nspec: {limits: ${limits}}\n`;

  it.each(["[{type: Container, max: {memory: 512Mi}}]", "[{type: Container, max: {memory: 536870912}}]"])(
    "bounds the added containers: %s",
    async (limits) => {
      const found = await findingsOf(all(cache, range(limits), job));
      expect(found.join("\n")).toContain('BeyondLimitRange spec.template.spec.containers LimitRange "small"');
    },
  );

  it.each([
    ["of another namespace", range("[{type: Container, max: {memory: 512Mi}}]", "x")],
    ["of another form", range("[{type: Container, max: [512Mi]}]")],
    ["without limits", range("null")],
  ])("not one %s", async (_, text) => {
    expect(await findingsOf(all(cache, text, job))).toEqual([]);
  });
});

it("whatever stands in a field, validate reports, and inject prints or refuses", async () => {
  const texts = [
    cacheManifest("{deploy: false, registry: ghcr.io}"),
    step("a", `${output}: a/b:c`, `${prefix}container: main`),
    `apiVersion: v1\nkind: LimitRange\nmetadata: {name: small}\nspec: {limits: [{type: Container, max: {cpu: "1"}}]}\n`,
    `apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x, ${annotated}}\nspec: {jobTemplate: {metadata: {${annotated}}, spec: {template: {metadata: {${annotated}}, spec: {${containers}}}}}}\n`,
    `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {metadata: {${annotated}}, spec: {${containers}}}}\n`,
  ];
  const objects = parseAllDocuments(all(...texts)).map((document) => document.toJS() as unknown);
  const paths = pathsIn(objects);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.jsonValue(), async (path, value) => {
      const changed = structuredClone(objects);
      const parent = path.slice(0, -1).reduce<unknown>((at, key) => (at as never)[key as never], changed);
      (parent as Record<string, unknown>)[path.at(-1) ?? ""] = value;
      const file = await folder.write(
        "changed.json",
        JSON.stringify({ apiVersion: "v1", kind: "List", items: changed }),
      );
      const { findings } = await validateFiles([file], offlineDefaults);
      for (const { line } of findings) expect(line).toBeGreaterThan(0);
      await injectFiles([file], offlineDefaults).catch((error: unknown) => {
        expect(error).toBeInstanceOf(CliError);
      });
    }),
    { numRuns: 300 },
  );
});

/** The path of every field. */
function pathsIn(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => [[...at, key], ...pathsIn(below, [...at, key])]);
}

describe("a Helm template", () => {
  const text = `apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {{ .Release.Name }}\n`;

  it("is told once, with what renders it", async () => {
    const file = await folder.write("my chart/templates/sub/job.yaml", text);
    const run = `helm template '${folder.path}/my chart' | oras-operator`;
    expect((await validateFiles([file], offlineDefaults)).findings).toMatchObject([
      { level: "error", code: "TemplateNotRendered", line: 4, fix: `Run ${run} validate -f -.` },
    ]);
    await expect(injectFiles([file], offlineDefaults)).rejects.toThrow(
      `it is a Helm template. Run ${run} inject -f -.`,
    );
  });

  it("whose chart is not known", async () => {
    const file = await folder.write("helm/job.yaml", text);
    const { findings } = await validateFiles([file], offlineDefaults);
    expect(findings[0]?.fix).toBe("Run helm template CHART | oras-operator validate -f -.");
  });
});

describe("a web page", () => {
  it.each(["<!DOCTYPE html>\n<html lang=en>", "\n <html><body>a: b</body></html>", "<!doctype HTML><p>"])(
    "%j is told as one",
    async (text) => {
      const file = await folder.write("page.yaml", text);
      expect((await validateFiles([file], offlineDefaults)).findings).toMatchObject([
        { level: "error", code: "WebPage", message: "it is a web page, not a manifest; use the raw link." },
      ]);
      await expect(injectFiles([file], offlineDefaults)).rejects.toThrow("use the raw link");
    },
  );
});

describe("objects of the whole cluster", () => {
  it.each([
    ["v1", "Namespace"],
    ["v1", "PersistentVolume"],
    ["rbac.authorization.k8s.io/v1", "ClusterRole"],
    ["apiextensions.k8s.io/v1", "CustomResourceDefinition"],
    ["admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"],
  ])("have no namespace: %s %s", async (apiVersion, kind) => {
    const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: x}\n`;
    const other = text.replace("name: x", "name: x, namespace: other");
    const file = await folder.write("twice.yaml", all(text, other));
    const { findings } = await validateFiles([file], offlineDefaults);
    expect(findings).toMatchObject([{ code: "SameObject", object: `${kind} x` }]);
    expect(findings[0]?.message).toContain(`found ${kind} x a second time`);
  });
});

describe("what only follows from a wrong kind", () => {
  it.each(["job", "Jobs", "JOB"])("kind: %s", async (kind) => {
    const text = jobManifest().replace("kind: Job", `kind: ${kind}`);
    expect(await findingsOf(text)).toEqual([expect.stringMatching(/^error UnknownKind /)]);
  });

  it.each(["v1", "v1beta1"])("an OrasCache of %s is told once", async (version) => {
    const text = cacheManifest().replace("/v1alpha1", `/${version}`);
    expect(await findingsOf(text)).toEqual([expect.stringMatching(/^error UnknownKind apiVersion/)]);
    expect(await findingsOf(text.replace("spec: {}", "spec: {deploy: 5}"))).toHaveLength(2);
  });

  it("an annotation of an OrasCache has no effect in an OrasCache", async () => {
    const text = cacheManifest("{}", `name: oras, annotations: {"${output}": "a/b:c"}`);
    expect(await findingsOf(text)).toEqual([expect.stringContaining(" no effect in an OrasCache; ")]);
  });
});

describe("inject and what controllers make", () => {
  const inject = async (text: string) =>
    injectFiles([await folder.write("later.yaml", text)], offlineDefaults);
  const cronJob = (annotation: string, below = "") =>
    `apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {schedule: x, jobTemplate: {metadata: {annotations: {${annotation}}}, spec: {template: {metadata: {annotations: {${below}}}, spec: {restartPolicy: Never, ${containers}}}}}}\n`;
  const deployed = (annotation: string, spec = containers) =>
    `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {metadata: {annotations: {${annotation}}}, spec: {${spec}}}}\n`;
  const right = `"${output}": "a/b:c"`;
  const wrong = `"${prefix}output-url": "a/b:c"`;

  it.each([
    ["a CronJob", cronJob(wrong), "spec.jobTemplate.metadata.annotations"],
    ["the Pods of a CronJob", cronJob("", wrong), "spec.jobTemplate.spec.template.metadata.annotations"],
    ["a Deployment", deployed(wrong), "spec.template.metadata.annotations"],
  ])("refuses what validate finds in %s", async (_, text, path) => {
    await expect(inject(text)).rejects.toThrow(
      expect.objectContaining({
        exitCode: 1,
        message: expect.stringContaining(`${path}[${prefix}output-url]: no such annotation; did you mean`),
      }),
    );
  });

  it.each([
    ["a field of a wrong type", deployed(right, "containers: 5"), "spec.template.spec.containers: found 5"],
    ["a restartPolicy", deployed(right, `restartPolicy: Never, ${containers}`), "restartPolicy: found"],
    ["a name", deployed(right).replace("name: web", "name: Web"), 'metadata.name: found "Web"'],
    ["a kind", deployed(right).replace("apps/v1", "v1"), "apiVersion: found v1; Deployment is in apps/v1"],
    ["a Job's restartPolicy", jobManifest().replace("Never", "Always"), "restartPolicy: found"],
  ])("refuses what the API server would refuse: %s", async (_, text, message) => {
    await expect(inject(text)).rejects.toThrow(message);
  });

  it.each([
    ["a StatefulSet", deployed(right).replace("Deployment", "StatefulSet"), "StatefulSet web: its Pods are"],
    ["a Deployment", deployed(right), "Deployment web: its Pods are"],
    ["a CronJob", cronJob(right), "CronJob nightly: its Jobs are"],
    ["the Pods of a CronJob", cronJob("", right), "CronJob nightly: its Pods are"],
    [
      "a Deployment that gets a name",
      deployed(right).replace("name: web", "generateName: web-"),
      "Deployment web-*: its Pods are",
    ],
  ])("says when %s is injected", async (_, text, sentence) => {
    const { documents, warnings, notes } = await inject(text);
    expect(documents).toEqual([parseAllDocuments(text)[0]?.toJS()]);
    // What is meant to run forever is a step that is started again.
    expect(warnings.filter((warning) => !warning.endsWith("(RepeatedStep)"))).toEqual([]);
    expect(notes).toEqual([`${sentence} injected when they are created`]);
  });

  it("says the same of a Job with annotations on its template alone, which is labelled", async () => {
    const text = jobManifest()
      .replace("  annotations:", "  labels:")
      .replaceAll(/ {4}oras\..*\n/g, "")
      .replace("  template:", `  template:\n    metadata: {annotations: {${right}}}`);
    const { documents, notes } = await inject(text);
    const job = parseAllDocuments(text)[0]?.toJS() as V1Job;
    const labels = { ...job.metadata?.labels, [names.injectedLabel]: names.injectedPods };
    expect(documents).toEqual([{ ...job, metadata: { ...job.metadata, labels } }]);
    expect(notes).toEqual(["Job breakfast: its Pods are injected when they are created"]);
  });

  it.each([
    ["is not annotated", deployed("")],
    ["is injected itself", all(cacheManifest("{auth: {type: none}}"), jobManifest())],
  ])("says nothing of what %s", async (_, text) => {
    expect(await inject(text)).toMatchObject({ warnings: [], notes: [] });
  });

  it.each([
    ["AnnotationNotRead", deployed("").replace("name: web", `name: web, annotations: {${right}}`)],
    ["LabelNotRead", deployed("").replace("name: web", `name: web, labels: {${right}}`)],
    ["MistypedPrefix", deployed('"oras.converged-computing.gihub.io/output-uri": "a/b:c"')],
  ])("warns of what nobody reads: %s", async (code, text) => {
    const { warnings, notes } = await inject(text);
    expect({ warnings, notes }).toEqual({ warnings: [expect.stringContaining(`(${code})`)], notes: [] });
  });

  it("says why nothing will be injected", async () => {
    const { warnings, notes } = await inject(deployed(`${right}, "${prefix}container": other`));
    expect({ warnings, notes }).toEqual({ warnings: [expect.stringContaining("(NotInjected)")], notes: [] });
  });
});

describe("the default OrasCache", () => {
  it.each([
    ["on a Job", jobManifest(), "metadata.annotations"],
    [
      "on the template",
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {metadata: {annotations: {"${output}": "a/b:c"}}, spec: {${containers}}}}`,
      "spec.template.metadata.annotations",
    ],
  ])("is told as the default where none is named: %s", async (_, text, path) => {
    expect((await findingsOf(text)).filter((line) => !line.includes("RepeatedStep"))).toEqual([
      `info CacheNotInFiles ${path} found no OrasCache "oras" (the default) for the namespace "default" in these files.`,
    ]);
  });

  it("the annotation is named where it is written", async () => {
    const text = step("a", `${prefix}oras-cache: mine`, `${output}: a/b:c`);
    expect(await findingsOf(text)).toEqual([
      `info CacheNotInFiles metadata.annotations[${prefix}oras-cache] found no OrasCache "mine" for the namespace "default" in these files.`,
    ]);
  });
});
