import { describe, expect, it, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { annotations } from "../../../src/annotations/table.ts";
import { findMisplaced, findNearMisses } from "../../../src/workload/misplaced.ts";
import { type Place, places, writtenAnnotations, writtenLabels } from "../../../src/workload/places.ts";

const key = annotations["output-uri"].key;
const mistyped = key.replace("github.io", "io");

/** An object of a kind with this metadata at a path. */
function objectWith(place: Place, path: string, metadata: object): object {
  const inner = path
    .split(".")
    .reduceRight<unknown>(
      (value, step) => (step.endsWith("[]") ? { [step.replace("[]", "")]: [{}, value] } : { [step]: value }),
      metadata,
    );
  const apiVersion = place.group === "" ? place.version : `${place.group}/${place.version}`;
  return { apiVersion, kind: place.kind, metadata: { name: "x" }, ...(inner as object) };
}
const at = (path: string) => path.replace("[]", "[1]");
const codes = (object: object) => findMisplaced(object).map(({ code, path }) => `${code} ${path}`);

describe.each(places.map((place) => ({ ...place, place })))("$kind", ({ place }) => {
  test.each(place.read)("annotations in %s are read", (path) => {
    expect(findMisplaced(objectWith(place, path, { annotations: { [key]: "a/b:c" } }))).toEqual([]);
  });

  test("inj-10: its own annotations are read or told", () => {
    const found = codes(objectWith(place, "metadata", { annotations: { [key]: "a/b:c" } }));
    const read = place.read.includes("metadata");
    expect(found).toEqual(read ? [] : [`AnnotationNotRead metadata.annotations[${JSON.stringify(key)}]`]);
  });

  test.each(["metadata", ...place.read])("labels and mistyped keys in %s are found", (path) => {
    const object = objectWith(place, path, {
      labels: { [key]: "x", [mistyped]: "x" },
      annotations: { [mistyped]: "a/b:c", [key.toUpperCase()]: "a/b:c" },
    });
    expect(codes(object)).toEqual([
      `LabelNotRead ${at(path)}.labels[${JSON.stringify(key)}]`,
      `MistypedPrefix ${at(path)}.annotations[${JSON.stringify(mistyped)}]`,
      `MistypedPrefix ${at(path)}.annotations[${JSON.stringify(key.toUpperCase())}]`,
      `MistypedPrefix ${at(path)}.labels[${JSON.stringify(mistyped)}]`,
    ]);
  });

  test.each([...new Set(["metadata", ...place.read])])(
    "what the operator writes in %s, and keys of others, are not told",
    (path) => {
      const metadata = {
        annotations: Object.fromEntries([...writtenAnnotations, "oras.land/x"].map((name) => [name, "x"])),
        labels: Object.fromEntries([...writtenLabels, `${names.group}/x`].map((name) => [name, "x"])),
      };
      expect(findMisplaced(objectWith(place, path, metadata))).toEqual([]);
      expect(findNearMisses(objectWith(place, path, metadata))).toEqual([]);
    },
  );
});

describe("prefixes that are nearly right", () => {
  const pod = (key: string) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "x", annotations: { [key]: "a/b:c" } },
  });
  const found = (find: typeof findMisplaced, key: string) => find(pod(key)).map(({ code }) => code);

  it.each([
    `${names.group}/input-uri`,
    `${names.group}/Input-URI_3`,
    "converged-computing.github.io/output-uri",
    "oras.converged-computng.github.io/input-uri",
    "oras.converged-computing/output-path",
    "oras.converged_computing.github.io/output-pipe",
    "oras-operator.converged-computing.github.io/oras-cache",
    "oras.github.io/input-uri_1",
    "oras/input-path",
    "oras.converged-computing.io/whatever",
  ])("the policies of a cluster and validate see %s", (key) => {
    expect(found(findMisplaced, key)).toEqual(["MistypedPrefix"]);
    expect(found(findNearMisses, key)).toEqual([]);
  });

  it.each([
    "input-uri",
    "output-uri",
    "input-uri_2",
    "oras-cache",
    "oras.converged-computng.github.io/debug",
    "oras.converged-computng.github.io/unpak",
    "oars.converged-computing.github.io/debug",
    "oras.converged-computing/timeout",
    `${names.group}/registry`,
    "converged-computing.github.io/container_1",
    "oras-operator.converged-computing.github.io/compression",
  ])("validate sees %s", (key) => {
    expect(found(findMisplaced, key)).toEqual([]);
    expect(found(findNearMisses, key)).toEqual(["MistypedPrefix"]);
  });

  it.each([
    "debug",
    "timeout",
    "registry",
    "example.com/input-uri",
    "fedoras.example.com/input-uri",
    "oras.land/timeout",
    "oras.land/title",
    "metrics.converged-computing.github.io/container",
    "converged.example.com/debug-level",
    `${names.group}/x`,
    "kubectl.kubernetes.io/default-container",
    "workflows.argoproj.io/outputs",
    names.markerAnnotation,
    annotations["output-uri"].key,
  ])("nobody is told about %s", (key) => {
    expect([...found(findMisplaced, key), ...found(findNearMisses, key)]).toEqual([]);
  });

  it("a key of any length is looked at in no time worth measuring", () => {
    expect(found(findNearMisses, `${"oras-".repeat(20_000)}/x`)).toEqual([]);
  });
});

test("what a controller copied is not told again", () => {
  const metadata = { annotations: { [key]: "a/b:c" }, ownerReferences: [{ controller: true }] };
  expect(findMisplaced({ apiVersion: "apps/v1", kind: "ReplicaSet", metadata })).toEqual([]);
});

test("the sentence names what to write where", () => {
  const metadata = { annotations: { [key]: "a/b:c" } };
  const [cronJob] = findMisplaced({ apiVersion: "batch/v1", kind: "CronJob", metadata });
  expect(cronJob?.message).toBe(
    "no effect on the CronJob itself; write it in spec.jobTemplate.metadata.annotations or spec.jobTemplate.spec.template.metadata.annotations.",
  );
  const [label] = findMisplaced({ apiVersion: "v1", kind: "Pod", metadata: { labels: { [key]: "x" } } });
  expect(label?.message).toBe("no effect as a label; write it in metadata.annotations.");
  const [prefix] = findMisplaced({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { labels: { [mistyped]: "x" } },
  });
  expect(prefix?.message).toContain(names.prefix);
});

test("nothing is found in other kinds, other groups and incomplete objects", () => {
  const metadata = { annotations: { [key]: "a/b:c" } };
  for (const object of [
    { kind: "Service", apiVersion: "v1", metadata },
    { kind: "Deployment", apiVersion: "example.com/v1", metadata },
    { kind: "Deployment", apiVersion: "apps/v1", metadata: null, spec: { template: null } },
    { kind: "JobSet", apiVersion: "jobset.x-k8s.io/v1alpha2", spec: { replicatedJobs: {} } },
    {},
  ]) {
    expect(findMisplaced(object)).toEqual([]);
  }
});
