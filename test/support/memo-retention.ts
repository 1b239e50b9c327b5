import { readdirSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { rememberingOf } from "../../src/controllers/remembering.ts";
import { type PassSettings, planPass, runPass } from "../../src/controllers/retention-pass.ts";
import type { Memos, NewMemoEntry } from "../../src/memo/memos.ts";
import { withoutKeys } from "../../src/memo/state.ts";
import type { Policy } from "../../src/retention/facts.ts";
import { memoCache, memosOf, newEntry } from "./memo.ts";

const hour = 3_600_000;
const day = 24 * hour;
const memo = names.memoRepository;

/** A registry whose files the test may make older. */
export interface AgedRegistry {
  /** With its port. */
  readonly host: string;
  readonly authorization: string | undefined;
  /** The folder that has `docker/registry/v2`. */
  readonly root: string;
  /** Pushes something new; returns its digest. */
  readonly push: (reference: string) => Promise<string>;
  readonly tags: (repository: string) => Promise<readonly string[]>;
  readonly has: (repository: string, digest: string) => Promise<boolean>;
  readonly pass: (policy: Policy) => PassSettings;
}

/** Makes all links of a manifest older, as if it had been pushed, or taken, a time ago. */
function age({ root }: AgedRegistry, repository: string, digest: string, ageMs: number): void {
  const below = join(root, "docker/registry/v2/repositories", repository, "_manifests");
  const time = new Date(Date.now() - ageMs);
  for (const { name, parentPath } of readdirSync(below, { recursive: true, withFileTypes: true })) {
    const file = join(parentPath, name);
    if (name === "link" && readFileSync(file, "utf8").trim() === digest) utimesSync(file, time, time);
  }
}

/**
 * What retention does with entries of memoization and what they name, in one go: a pass takes a while.
 *
 * @param registry - a real one with its real keeper, whether on a volume or in S3
 */
export async function expectEntriesKept(registry: AgedRegistry): Promise<void> {
  const cache = memoCache("work", "oras");
  const store = new Map<string, StoredOrasCache>([["work/oras", cache]]);
  const access = { peer: { host: registry.host }, authorization: registry.authorization };
  const memos: Memos = memosOf(undefined, store, { accessTo: () => Promise.resolve(access) });
  /** A result that was made a time ago, and taken another time ago. */
  const made = async (reference: string, madeMs: number, takenMs: number): Promise<NewMemoEntry> => {
    const [repository = "", tag = ""] = reference.split(":");
    const digest = await registry.push(reference);
    const entry = newEntry(reference, { repository, digest }, tag);
    await memos.write("work/oras", entry);
    age(registry, repository, digest, madeMs);
    const found = await fetchDigest(registry, entry.key);
    age(registry, memo, found, takenMs);
    return entry;
  };
  const policy: Policy = {
    rules: [{ repositories: ["**"], keepLast: 5, keepYoungerThan: hour }],
    ...{ keepInputs: false, untaggedAfter: hour, grace: 0 },
  };
  const pass = (over: Partial<Policy> = {}) => ({
    ...registry.pass({ ...policy, ...over }),
    remembering: rememberingOf(store.get("work/oras") ?? cache, "secret"),
  });

  const kept: NewMemoEntry[] = [];
  for (let i = 1; i <= 7; i++) kept.push(await made(`runs/kept:${i}`, 30 * day, 6 * day));
  const over = await Promise.all([1, 2].map((i) => made(`runs/over:${i}`, 30 * day, 8 * day)));
  for (let i = 3; i <= 7; i++) await registry.push(`runs/over:${i}`);
  // Its tag has moved on to another result.
  const before = await made("runs/moved:v1", 30 * day, 2 * day);
  const after = await registry.push("runs/moved:v1");
  const taken = await made("runs/taken:old", 30 * day, 8 * day);
  for (let i = 1; i <= 5; i++) await registry.push(`runs/taken:${i}`);
  const found = await memos.find("work/oras", taken.key);
  if (found.kind !== "hit") throw new Error(found.because);
  const anyTime = { before: undefined, deadline: Number.POSITIVE_INFINITY };
  for (const repository of ["runs/taken", "runs/elsewhere"])
    expect(await memos.retag("work/oras", found.entry, { repository, tag: "new" }, anyTime)).toEqual({
      kind: "done",
    });
  const forgotten = await made("runs/forgotten:1", 30 * day, hour);
  for (let i = 2; i <= 6; i++) await registry.push(`runs/forgotten:${i}`);
  const state = withoutKeys(undefined, [forgotten.key]);
  store.set("work/oras", { ...cache, status: { ...cache.status, memo: state } });

  const plan = await planPass(pass());
  const unsigned = rememberingOf(store.get("work/oras") ?? cache, undefined);
  // Whoever cannot check signatures plans the same where nobody has forged one.
  expect((await planPass({ ...pass(), remembering: unsigned })).deletions).toEqual(plan.deletions);
  expect((await runPass(pass())).deleted).toEqual(plan.deletions);

  const hits = async (entries: readonly NewMemoEntry[]) => {
    const all = await Promise.all(entries.map(({ key }) => memos.find("work/oras", key)));
    return all.map(({ kind }) => kind);
  };
  expect(await hits([...kept, before, taken])).toEqual(Array(9).fill("hit"));
  expect(await hits([...over, forgotten])).toEqual(["miss", "miss", "miss"]);
  expect(await registry.tags("runs/kept")).toHaveLength(7);
  expect(await registry.tags("runs/over")).toEqual(["3", "4", "5", "6", "7"]);
  expect(await registry.has("runs/moved", before.output.digest)).toBe(true);
  expect(await registry.has("runs/moved", after)).toBe(true);
  expect(await registry.tags("runs/taken")).toContain("new");
  expect(await registry.tags("runs/elsewhere")).toEqual(["new"]);
  expect(await registry.tags("runs/forgotten")).toEqual(["2", "3", "4", "5", "6"]);
  const left = new Set([...kept, before, taken].map(({ key }) => key));
  expect((await registry.tags(memo)).filter((tag) => !tag.startsWith("output-")).toSorted()).toEqual(
    [...left].toSorted(),
  );
  // Where there is too little room, what is remembered goes before all else, and rules keep what they keep.
  const small = await runPass(pass({ maxSize: 1 }));
  expect(small.deleted.map(({ repository }) => repository)).toContain(memo);
  expect(await hits([before])).toEqual(["miss"]);
  expect(await registry.has("runs/moved", before.output.digest)).toBe(false);
  expect(await registry.has("runs/moved", after)).toBe(true);
}

async function fetchDigest({ host, authorization }: AgedRegistry, tag: string): Promise<string> {
  const accept = "application/vnd.oci.image.manifest.v1+json";
  const answer = await fetch(`http://${host}/v2/${memo}/manifests/${tag}`, {
    method: "HEAD",
    headers: { accept, ...(authorization && { authorization }) },
  });
  return answer.headers.get("docker-content-digest") ?? "";
}
