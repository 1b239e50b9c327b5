import { test as base, expect } from "vitest";
import { type Asking, createHeads } from "../../src/controllers/heads.ts";
import { manifestHead } from "../../src/registry/head.ts";
import type { Head } from "../../src/workflow/opening.ts";
import type { Artifact } from "../../src/workflow/step.ts";
import { startRegistry } from "../support/registry.ts";

/** A real registry that tells nobody of pushes, and what it was asked for, on a clock that the test sets. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
const test = base.extend("world", async ({}, { onCleanup }) => {
  const registry = await startRegistry();
  onCleanup(registry.stop);
  const clock = { ms: 100_000 };
  const asked: string[] = [];
  const ask: Asking["ask"] = async (_, { repository, version }) => {
    asked.push(`${(clock.ms - 100_000) / 1_000} ${repository}${version}`);
    const { signal } = new AbortController();
    return (await manifestHead(
      { host: registry.host },
      repository,
      version.slice(1),
      undefined,
      signal,
    )) as Head;
  };
  const heads = createHeads(
    { ask },
    () => undefined,
    () => clock.ms,
  );
  const push = async ({ repository, version }: Artifact) => {
    const url = `${registry.url}/v2/${repository}/manifests/${version.slice(1)}`;
    const type = "application/vnd.oci.image.index.v1+json";
    const body = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [] });
    const answer = await fetch(url, { method: "PUT", body, headers: { "content-type": type } });
    expect(answer.status).toBe(201);
    return answer.headers.get("docker-content-digest");
  };
  return { clock, asked, heads, push };
});

const artifacts = (count: number): Artifact[] =>
  Array.from({ length: count }, (_, i) => ({
    registry: "cache oras",
    repository: `runs/${i}`,
    version: ":1",
  }));

test("a push that nobody tells of is found by the next question, two seconds after the one before", async ({
  world,
}) => {
  const { clock, asked, heads, push } = world;
  const [one] = artifacts(1);
  if (one === undefined) return;
  const found: unknown[] = [];
  heads.onFound((_, uid) => found.push(uid));
  const look = (uid: string) =>
    heads.of("ns", one).then((head) => ({ head, againInMs: heads.againInMs("ns", one, uid) }));
  for (let i = 0; i < 4; i++) {
    const { head, againInMs } = await look("first");
    expect(head).toEqual({ missing: true });
    // Another step waits for the same, and asks nothing.
    await look("second");
    clock.ms += againInMs;
  }
  const digest = await push(one);
  expect(await heads.of("ns", one)).toEqual({ digest });
  expect(asked).toEqual(["0 runs/0:1", "1 runs/0:1", "3 runs/0:1", "5 runs/0:1", "7 runs/0:1"]);
  expect(found).toEqual(["first"]);
});

test("where many wait, each is asked for after 5 s, in the order in which they came", async ({ world }) => {
  const { clock, asked, heads } = world;
  const many = artifacts(40);
  const lookAll = async () => {
    for (const one of many) {
      await heads.of("ns", one);
      heads.againInMs("ns", one, one.repository);
    }
  };
  const seconds = [0, 1, 2, 3, 4, 5];
  for (const second of seconds) {
    clock.ms = 100_000 + second * 1_000;
    await lookAll();
  }
  const at = (second: number) => many.map(({ repository }) => `${second} ${repository}:1`);
  expect(asked).toEqual([...at(0), ...at(5)]);
});
