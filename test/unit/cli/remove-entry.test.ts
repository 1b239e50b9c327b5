import { expect, it } from "vitest";
import { RegistryError } from "../../../src/cli/oci/errors.ts";
import type { OpenRegistry } from "../../../src/cli/remote/open.ts";
import { removeEntry } from "../../../src/cli/steps/remove-entry.ts";
import { latestTag, sealed } from "../../../src/memo/entry.ts";
import type { MemoEntry } from "../../../src/memo/memos.ts";
import { withoutKeys } from "../../../src/memo/state.ts";
import { digestOf, newEntry } from "../../support/memo.ts";

const output = { repository: "made/x", digest: digestOf("x"), mediaType: "m", size: 1 };
const at = "2026-01-01T12:00:00Z";
const state = withoutKeys(undefined, ["f".repeat(64)]);
const scope = { namespace: "work", name: "oras", uid: "u", secret: "secret", state: undefined };

/** The repository of entries in memory: tags of manifests. */
function registryWith(tags: Map<string, string>): OpenRegistry {
  const find = (tag: string) => {
    const text = tags.get(tag);
    if (text === undefined) throw new RegistryError(`GET ${tag}`, 404, "{}");
    return { bytes: Buffer.from(text), digest: digestOf(text) };
  };
  const registry = {
    listedManifest: (_: string, tag: string) => Promise.resolve(tag).then(find),
    deleteManifest: (_: string, digest: string) => {
      for (const [tag, text] of tags) if (digestOf(text) === digest) tags.delete(tag);
      return Promise.resolve();
    },
  };
  return { registry, of: { cache: { spec: { deploy: true }, status: { memo: state } } } } as never;
}

const entryOf = (word: string): MemoEntry => ({ ...newEntry(word, output), output, at });

it.each([
  ["as it was written", undefined],
  ["as a step has written it anew that took it", state],
])("what a run has made is removed, %s", async (_, later) => {
  const entry = entryOf("own");
  const tags = new Map([
    [latestTag({ repository: "made/x", tag: "v1" }), sealed(entry, scope).bytes],
    [entry.key, sealed(entry, { ...scope, state: later }).bytes],
  ]);
  const removed = removeEntry(
    registryWith(tags),
    { repository: "made/x", tag: "v1" } as never,
    new Set([entry.by.uid]),
  );
  expect(await removed).toBe(true);
  expect([...tags]).toEqual([]);
});

it("what another run has made with its key since stays", async () => {
  const entry = entryOf("own");
  const other = { ...entry, by: { ...entry.by, uid: "another" } };
  const tags = new Map([
    [latestTag({ repository: "made/x", tag: "v1" }), sealed(entry, scope).bytes],
    [entry.key, sealed(other, scope).bytes],
  ]);
  const removed = removeEntry(
    registryWith(tags),
    { repository: "made/x", tag: "v1" } as never,
    new Set([entry.by.uid]),
  );
  expect(await removed).toBe(true);
  expect([...tags.keys()]).toEqual([entry.key]);
});
