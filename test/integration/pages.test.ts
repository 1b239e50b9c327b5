import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { Manifest } from "../../scripts/build-config.ts";
import { jobOf, keyOf, podOf } from "../support/builders.ts";
import { test } from "../support/integration.ts";
import { minor, since } from "../support/kubernetes-version.ts";
import { objectsIn } from "../support/manifests.ts";
import { blocksOf, pages } from "../support/pages.ts";
import { kubectl } from "../support/programs.ts";
import { until } from "../support/wait.ts";

const cacheOf = (spec: object) => ({ apiVersion: names.apiVersion, kind: names.kind, spec });

/** It may have the index in its output: that of a page is Indexed. */
const indexed = { completionMode: "Indexed", completions: 3 };

/** What a piece of YAML that is not a field of an OrasCache's spec becomes a whole object with. */
const wholes: Readonly<Record<string, (part: object) => object>> = {
  "Job.metadata.annotations": (part) => {
    const job = jobOf("any", {}, "true", indexed);
    return { ...job, metadata: { ...job.metadata, annotations: part } };
  },
  "Pod.spec": (part) => ({ ...podOf("any"), spec: part }),
  "Pod.metadata.annotations": (part) => ({
    ...podOf("any"),
    metadata: { annotations: { [keyOf("input-uri")]: "a/b:1", ...part } },
  }),
};

/** An object that a block shows, whole. What begins with its spec is an OrasCache. */
function wholeOf(shown: object, part: string | undefined): Manifest {
  const field = part?.match(/^OrasCache\.spec\.(\w+)$/)?.[1];
  if (field !== undefined) return { ...cacheOf({ [field]: shown }), metadata: { name: "shown" } };
  const whole = part === undefined ? shown : wholes[part]?.(shown);
  if (whole === undefined) throw new Error(`${part}: this test does not know what that is part of`);
  const [first] = Object.keys(whole);
  return (first === "spec" ? { ...cacheOf({}), ...whole } : whole) as Manifest;
}

/** Every object that pages show, with its place. What stands for a word of the reader's is in capitals there. */
const shown = pages.flatMap((page) =>
  blocksOf(page)
    .filter(({ language, note }) => language === "yaml" && (note === undefined || note.kind === "part of"))
    .flatMap(({ line, note, text }) => {
      const named = text
        .replaceAll(/\b[A-Z]{4,}\b(?=\.|:TAG|$| #)/gm, (word) => word.toLowerCase())
        .replaceAll(":TAG", ":tag");
      return objectsIn(named).map((object) => ({
        at: `${page}:${line}`,
        object: wholeOf(object, note?.text),
      }));
    }),
);

test.for(shown)(
  "what $at shows is taken by the API server",
  async ({ at, object }, { plane, operator: _, skip }) => {
    const json = (value: object) => JSON.stringify(value);
    // Its OrasCache stands elsewhere on the page.
    const isInputVolume = json(object).includes(`"${keyOf("input-as")}":"volume"`);
    const hasImageVolume = isInputVolume || json(object).includes('"image":{"reference"');
    skip(hasImageVolume && minor < since.imageVolumes, "this API server knows no image volumes");
    expect(object, at).toMatchObject({ apiVersion: expect.any(String), kind: expect.any(String) });
    const { namespace = isInputVolume ? "input-volumes" : "default" } = object.metadata ?? {};
    const apply = (value: object) => kubectl(plane.kubeconfig, ["apply", "-f", "-"], json(value));
    await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    if (isInputVolume)
      await apply({
        ...cacheOf({ nodeAddress: "nodes.example.com:30500" }),
        metadata: { name: "oras", namespace },
      });
    // No other field than those that there are.
    const named = {
      ...object,
      metadata: Object.assign({ name: "shown" }, isInputVolume && { namespace }, object.metadata),
    };
    const create = () =>
      kubectl(plane.kubeconfig, ["create", "--dry-run=server", "--validate=strict", "-f", "-"], json(named));
    // The operator learns of that OrasCache by its watch.
    const { stdout } = isInputVolume ? await until(create, "the operator's yes") : await create();
    expect(stdout).toContain("created (server dry run)");
  },
);
