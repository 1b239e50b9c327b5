import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { Manifest } from "../../scripts/build-config.ts";
import { keyOf, podOf } from "../support/builders.ts";
import { test } from "../support/integration.ts";
import { objectsIn } from "../support/manifests.ts";
import { blocksOf, pages } from "../support/pages.ts";
import { kubectl } from "../support/programs.ts";

/** What a piece of YAML becomes a whole object with. */
const wholes: Readonly<Record<string, (part: object) => object>> = {
  OrasCache: (part) => ({
    apiVersion: names.apiVersion,
    kind: names.kind,
    metadata: { name: "oras" },
    ...part,
  }),
  "Pod.spec": (part) => ({ ...podOf("any"), spec: part }),
  "Pod.metadata.annotations": (part) => ({
    ...podOf("any"),
    metadata: { name: "any", annotations: { [keyOf("input-uri")]: "a/b:1", ...part } },
  }),
};

/** Every object that pages show, with its place. What stands for a word of the reader's is in capitals there. */
const shown = pages.flatMap((page) =>
  blocksOf(page)
    .filter(({ language, note }) => language === "yaml" && note?.kind !== "untested")
    .flatMap(({ line, note, text }) => {
      const named = text
        .replaceAll(/\b[A-Z]{4,}\b(?=\.|:TAG|$| #)/gm, (word) => word.toLowerCase())
        .replaceAll(":TAG", ":tag");
      const whole = note === undefined ? undefined : wholes[note.text];
      return objectsIn(named).map((object) => ({
        at: `${page}:${line}`,
        object: (note === undefined ? object : (whole?.(object) ?? {})) as Manifest,
      }));
    }),
);

test.for(shown)(
  "what $at shows is taken by the API server",
  async ({ at, object }, { plane, operator: _ }) => {
    expect(object, at).toMatchObject({ apiVersion: expect.any(String), kind: expect.any(String) });
    const { namespace = "default" } = object.metadata;
    const json = (value: object) => JSON.stringify(value);
    await kubectl(
      plane.kubeconfig,
      ["apply", "-f", "-"],
      json({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }),
    );
    // No other field than those that there are.
    const named = { ...object, metadata: Object.assign({ name: "shown" }, object.metadata) };
    const { stdout } = await kubectl(
      plane.kubeconfig,
      ["create", "--dry-run=server", "--validate=strict", "-f", "-"],
      json(named),
    );
    expect(stdout).toContain("created (server dry run)");
  },
);
