import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { indexSentence, toldIndex } from "../../../src/lineage/index-told.ts";
import type { MemoEntry } from "../../../src/memo/memos.ts";
import { shortKey } from "../../../src/memo/short-key.ts";
import {
  joinedSentence,
  memoizedSentence,
  missSentence,
  nameJoined,
  partSentence,
  toldResult,
} from "../../../src/memo/told.ts";

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const digests = hex(64).map((one) => `sha256:${one}`);
const repositories = fc.stringMatching(/^[a-z0-9]+([._-][a-z0-9]+)?(\/[a-z0-9]+)?$/);
const artifacts = fc
  .tuple(repositories, fc.stringMatching(/^[A-Za-z0-9_][\w.-]{0,30}$/))
  .map(([repository, tag]) => ({ repository, artifact: `${repository}:${tag}` }));
const results = fc
  .record({
    digest: digests,
    of: artifacts,
    kind: fc.constantFrom("Job" as const, "Pod" as const),
    name: fc.stringMatching(/^[a-z]([a-z0-9.-]{0,30}[a-z0-9])?$/),
  })
  .map(({ digest, of: { repository, artifact }, kind, name }) => {
    const output = { repository, digest, mediaType: "x", size: 1 };
    const entry: MemoEntry = {
      ...{ key: "k", parts: "", at: "2026-01-01T00:00:00Z" },
      ...{ by: { kind, name, uid: "u" }, output },
    };
    return { artifact, entry };
  });

describe("what is said of a step, and read again", () => {
  test("its result, of several the first", () => {
    fc.assert(
      fc.property(hex(64), fc.array(results, { minLength: 1, maxLength: 4 }), (key, given) => {
        const [first] = given;
        expect(toldResult(memoizedSentence(key, given))).toEqual({
          artifact: first?.artifact,
          digest: first?.entry.output.digest,
        });
      }),
    );
  });

  test("an index of its outputs", () => {
    fc.assert(
      fc.property(artifacts, digests, fc.nat(), ({ artifact }, digest, count) => {
        expect(toldIndex(indexSentence({ artifact, digest }, count))).toEqual({ artifact, digest });
      }),
    );
  });

  test("whom it waits for", () => {
    fc.assert(
      fc.property(hex(64), fc.stringMatching(/^[ -~]+$/), (key, name) => {
        const sentence = joinedSentence(key);
        expect(nameJoined(sentence, () => undefined)).toBe(sentence);
        expect(nameJoined(sentence, (short) => (short === shortKey(key) ? name : undefined))).toBe(
          `All inputs are there; waits for ${name}, which does the same work (key ${shortKey(key)}), to take its result.`,
        );
      }),
    );
  });

  test("nothing is read in another sentence", () => {
    fc.assert(
      fc.property(
        hex(64),
        fc.array(results, { maxLength: 3 }),
        artifacts,
        digests,
        (key, given, made, digest) => {
          const others = [
            memoizedSentence(key, []),
            partSentence(key, { indexes: "0-2", of: 9 }, given, "they have none"),
            missSentence(key, "nothing is remembered", given[0]?.entry, {}),
          ];
          for (const other of others) expect(nameJoined(other, () => "x")).toBe(other);
          for (const other of [...others, joinedSentence(key)])
            expect([toldResult(other), toldIndex(other)]).toEqual([undefined, undefined]);
          expect(toldResult(indexSentence({ ...made, digest }, 2))).toBeUndefined();
        },
      ),
    );
  });
});
