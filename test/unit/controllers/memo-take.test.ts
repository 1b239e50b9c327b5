import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { take } from "../../../src/controllers/memo-take.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import type { MemoEntry, Memos, MemoTag, RetagLimits } from "../../../src/memo/memos.ts";

type Settings = Parameters<typeof take>[0];
type About = Parameters<typeof take>[1];

const numbers = [0, 1, 2];
const theirs = "pushed by somebody else";

/** A Job of three indexes whose results are there, and a registry that does not take the one of the second at first. */
function world() {
  const tags = new Map(numbers.map((number) => [`${number}`, `before ${number}`]));
  let isAway = true;
  let object = { metadata: { uid: "u", name: "sample", namespace: "work", annotations: {} } };
  const client = {
    now: () => 0,
    request: ({ body }: { readonly body: { readonly metadata?: { readonly annotations?: object } } }) => {
      const annotations = { ...object.metadata.annotations, ...body.metadata?.annotations };
      object = { ...object, metadata: { ...object.metadata, annotations } };
      return Promise.resolve(object);
    },
  } as unknown as KubeClient;
  const memos = {
    tagged: (_: string, { tag }: MemoTag) => Promise.resolve({ digest: tags.get(tag) }),
    retag: (_: string, { output }: MemoEntry, { tag }: MemoTag, { before }: RetagLimits) => {
      const held = tags.get(tag);
      if (tag === "1" && isAway) return Promise.resolve({ kind: "unknown", because: "503" });
      if (held !== before && held !== output.digest)
        return Promise.resolve({ kind: "taken", because: "taken" });
      tags.set(tag, output.digest);
      return Promise.resolve({ kind: "done" });
    },
  } as unknown as Memos;
  const settings: Settings = {
    ...{ client, memos, log: pino({ enabled: false }), leftMs: () => 10_000 },
    claimed: new Map(),
  };
  const keyed = {
    ...{ key: "k", images: new Map(), containers: [], asWhole: undefined, taken: "", pins: [] },
    units: numbers.map((index) => ({
      ...{ index, key: { key: `k${index}`, text: "" } },
      output: { repository: "a/b", tag: `${index}` },
    })),
  };
  const entries = numbers.map((number) => ({
    ...{ key: `k${number}`, parts: "", at: "2026-01-01T00:00:00Z", by: { kind: "Job", name: "o", uid: "o" } },
    output: { repository: "a/b", digest: `result ${number}`, mediaType: "x", size: 1 },
  }));
  const look = () => {
    const step = { object, uid: "u", isPod: false, namespace: "work", name: "Job sample" };
    const about = { step, cache: "work/oras", keyed, entries, because: "", tell: () => {} };
    return take(settings, about as unknown as About);
  };
  return {
    ...{ tags, look, settings },
    comeBack: () => {
      isAway = false;
    },
    claim: () => (object.metadata.annotations as Record<string, string>)[names.memoClaimAnnotation],
  };
}

describe("an Indexed Job that cannot take its results at once", () => {
  it("leaves each tag alone that somebody has pushed to since its claim", async () => {
    const { tags, look, comeBack, claim, settings } = world();
    expect(await look()).toMatchObject({ kind: "held" });
    const claimed = claim();
    tags.set("0", theirs).set("2", theirs);
    comeBack();
    expect(await look()).toMatchObject({ kind: "part", indexes: "1" });
    expect(claim()).toBe(claimed);
    expect([...tags.values()]).toEqual([theirs, "result 1", theirs]);
    expect(settings.claimed.size).toBe(0);
  });
});
