import { describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { annotations } from "../../../src/annotations/table.ts";
import { findMisplaced } from "../../../src/workload/misplaced.ts";
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

  test("what the operator writes, and keys of others, are not told", () => {
    const metadata = {
      annotations: Object.fromEntries([...writtenAnnotations, "oras.land/x"].map((name) => [name, "x"])),
      labels: Object.fromEntries([...writtenLabels, `${names.group}/x`].map((name) => [name, "x"])),
    };
    expect(findMisplaced(objectWith(place, "metadata", metadata))).toEqual([]);
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
