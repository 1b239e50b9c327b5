import { describe, expect, it } from "vitest";
import type { InputVerdict, Producer } from "../../../src/workflow/opening.ts";
import { openedSentence, waitingSentence } from "../../../src/workflow/told.ts";

const by = (name: string): Producer => ({ uid: name, name, createdAt: 0, state: "live" });
const there: InputVerdict = { kind: "there", pin: "sha256:a", mayBeOld: true };

describe("what a step waits for, in a sentence", () => {
  it.each<[InputVerdict, string]>([
    [{ kind: "nobody" }, "a:1 (not in the registry, and no step of this namespace makes it)"],
    [
      { kind: "nobody", leaver: { uid: "x", name: "Job x", state: "live" } },
      "a:1 (made by Job x if that fails, as its failure-uri says)",
    ],
    [
      { kind: "nobody", leaver: { uid: "x", name: "Job x", state: "succeeded" } },
      "a:1 (Job x makes it only if it fails, as its failure-uri says, and has succeeded: it does not come)",
    ],
    [
      { kind: "nobody", leaver: { uid: "x", name: "Job x", state: "failed" } },
      "a:1 (Job x failed, and has not pushed it, as its failure-uri says: see the log of its container oras)",
    ],
    [
      { kind: "nobody", meant: { artifact: "aa:1", by: "Job x" } },
      "a:1 (not in the registry, and no step of this namespace makes it; did you mean aa:1, which Job x makes?)",
    ],
    [{ kind: "made", by: [by("Job x")] }, "a:1 (made by Job x)"],
    [{ kind: "made", by: [by("Job x"), by("Pod y"), by("Pod z")] }, "a:1 (made by Job x and 2 more)"],
    [{ kind: "unknown", why: "no answer" }, "a:1 (no answer)"],
    [
      { kind: "failed", by: "Job x", how: "failed" },
      'a:1 (Job x was to make it and failed: create that again, or set wait-for-inputs to "false")',
    ],
    [
      { kind: "failed", by: "Job x", how: "is gone", again: "Job y, then Job x" },
      'a:1 (Job x was to make it and is gone: create Job y, then Job x again, or set wait-for-inputs to "false")',
    ],
  ])("%j", (verdict, said) => {
    expect(waitingSentence(["b:1", "a:1"], [there, verdict], { missing: 3 })).toBe(`Waits for ${said}.`);
  });

  it("names eight, and counts the others", () => {
    const inputs = Array.from({ length: 20 }, (_, i) => `a:${i}`);
    const said = waitingSentence(
      inputs,
      inputs.map(() => ({ kind: "nobody" })),
      { missing: undefined },
    );
    expect(said.match(/a:\d+/g)).toHaveLength(8);
    expect(said).toMatch(/ and 12 more\.$/);
    const opened = openedSentence(
      inputs,
      inputs.map(() => "sha256:a"),
      2.4,
    );
    expect(opened).toMatch(/^Starts after 2 s with a:0 \(sha256:a\), .* and 12 more\.$/);
  });

  it("names its batch, and how many of it are there, or those that may still come", () => {
    const of = { name: "climate", count: 3 };
    expect(waitingSentence(["a:1"], [there], { missing: 1, of })).toBe(
      "Waits until all 3 steps of its batch climate are there; 2 of 3 are. All inputs are there.",
    );
    // Of many, each step that comes would have all others told anew.
    const many = { name: "climate", count: 51 };
    const [two, one] = [2, 1].map((missing) => waitingSentence(["a:1"], [there], { missing, of: many }));
    expect(two).toContain("all 51 steps of its batch climate are there. ");
    expect(one).toBe(two);
    expect(waitingSentence(["a:1"], [there], { missing: 1, of, isLost: true })).toMatch(
      /2 of 3 are\..* without batch\.$/,
    );
    for (const missing of [0, undefined])
      expect(waitingSentence(["a:1"], [there], { missing, of })).toContain("created together with it");
  });

  it("does not say of what is not there that it is, where a step is started by hand", () => {
    const verdicts: InputVerdict[] = [{ kind: "nobody" }, { kind: "made", by: [by("Job x")] }, there];
    expect(openedSentence(["a:1", "b:1", "c:1"], ["tag", "tag", "sha256:a"], 11, verdicts)).toBe(
      "Starts after 11 s with a:1 (by hand, though it is not in the registry), b:1 (as it is, by hand, before Job x has pushed it), c:1 (sha256:a).",
    );
  });

  it("says how each input came", () => {
    expect(openedSentence(["a:1", "b:1"], ["tag", "wait"], 0)).toBe(
      "Starts after 0 s with a:1 (as it is, by hand), b:1 (the Pod waits for it: the operator may not ask its registry).",
    );
  });
});
