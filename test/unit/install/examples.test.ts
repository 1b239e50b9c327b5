import { access, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import type { Manifest } from "../../../scripts/build-config.ts";
import { isAnnotated } from "../../../src/annotations/map.ts";
import { parseAnnotations } from "../../../src/annotations/parse.ts";
import { validateOrasCache } from "../../../src/cache/validate.ts";
import { reviewOffline } from "../../../src/cli/review.ts";
import { offlineDefaults } from "../../../src/cli/settings.ts";
import { manifestsBelow, objectsIn, title, yamlFiles } from "../../support/manifests.ts";

const examples = (await manifestsBelow("examples")).filter(({ file }) => !file.startsWith("examples/dist/"));
const ofKind = (...kinds: string[]) =>
  examples
    .filter(({ object }) => kinds.includes(object.kind))
    .map(({ file, object }) => ({ name: `${title(object)} of ${file}`, file, object }));

/** A Job whose template alone is annotated is not changed itself: its Pods are. */
function annotated(object: Manifest): Manifest {
  const { template } = object["spec"] as {
    template?: { metadata?: { annotations?: Record<string, string> } };
  };
  if (!isAnnotated(template?.metadata?.annotations)) return object;
  return { ...object, apiVersion: "v1", kind: "Pod", ...template } as unknown as Manifest;
}

/** What the webhook says where there are these objects. */
function reviewed(object: Manifest, all: readonly Manifest[]) {
  const status = { observedGeneration: 1, credentialsSecret: "made-by-the-operator" };
  const caches = all.filter(({ kind }) => kind === names.kind).map((found) => ({ ...found, status }));
  const cache = (_: string, name: string) => caches.find(({ metadata }) => metadata.name === name);
  const around = { cache, cachesIn: () => [], limitRanges: () => [] };
  return reviewOffline({ kind: object.kind, namespace: "default", value: object }, around, offlineDefaults);
}

describe("examples", () => {
  test.each(ofKind("Pod", "Job"))("$name would be injected, without a warning", ({ object }) => {
    const caches = ofKind(names.kind).map((cache) => cache.object);
    const verdict = reviewed(annotated(object), caches);
    expect(verdict).toMatchObject({ kind: "allowed", warnings: [] });
    expect(verdict).toHaveProperty("patch", expect.arrayContaining([expect.anything()]));
  });

  test.each(ofKind(names.kind))("$name is valid", ({ object }) => {
    expect(validateOrasCache(object)).toEqual([]);
  });

  test.each(ofKind("MetricSet"))(
    "$name has annotations that its Pods would be injected for",
    ({ object }) => {
      const { pod } = object["spec"] as { pod: { annotations: Record<string, string> } };
      expect(isAnnotated(pod.annotations)).toBe(true);
      expect(parseAnnotations(pod.annotations)).toMatchObject({ ok: true });
    },
  );

  test("each have a README", async () => {
    const folders = new Set((await yamlFiles("examples")).map(dirname));
    for (const folder of folders) {
      if (/\/(dist|data|next|stand-in)$/.test(folder)) continue;
      await expect(access(`${folder}/README.md`)).resolves.toBeUndefined();
    }
  });
});

describe.each([
  ["README.md", ["Job"]],
  ["docs/start.md", [names.kind, "Job", "Job"]],
])("%s", async (page, kinds) => {
  const text = await readFile(page, "utf8");
  const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
  const objects = blocks.flatMap((block) => objectsIn(block));

  test("has only manifests that work", () => {
    expect(objects.map(({ kind }) => kind)).toEqual(kinds);
    // The README says that a cache is there.
    const cache = { apiVersion: names.apiVersion, kind: names.kind, metadata: { name: "oras" }, spec: {} };
    for (const object of objects) {
      if (object.kind === names.kind) expect(validateOrasCache(object)).toEqual([]);
      else expect(reviewed(object, [...objects, cache])).toMatchObject({ kind: "allowed", warnings: [] });
    }
  });
});
