import { describe, expect, it } from "vitest";
import { chooseStatement, makersIn } from "../../../src/lineage/choose-statement.ts";
import type { Made } from "../../../src/lineage/read-statement.ts";

const about = { containers: {}, annotations: {}, exitCodes: {}, dependencies: [] };
const made = (tag: string, at: number, more: Partial<Made> = {}): Made => ({
  ...{ ...about, artifact: `oci://oras-0.oras.x.svc:5000/plot:${tag}`, step: `job/${tag}-plot` },
  ...{ pod: `${tag}-plot-${at}`, finishedOn: `2026-01-01T00:00:${at}Z`, ...more },
});
const [first, again, other] = [made("a", 10), made("a", 20), made("b", 30, { run: "b" })];
const all = [first, other, again];
const at = (seconds: number) => `2026-01-01T00:00:${seconds}Z`;
const chosen = (wanted: Parameters<typeof chooseStatement>[1], of: readonly Made[] = all) => {
  const { statement, by } = chooseStatement(of, wanted) ?? {};
  return [statement, by];
};

describe("choosing a statement of those about the same bytes", () => {
  it("takes the newest of the name, and the others are told", () => {
    expect(chooseStatement(all, { name: "plot:a" })).toEqual({
      ...{ statement: again, by: "name", others: [other, first] },
    });
  });

  it("takes what was made before the reader ended, where several have the name", () => {
    expect(chosen({ name: "plot:a", reader: { finishedOn: at(15) } })).toEqual([first, "name"]);
    expect(chosen({ name: "plot:a", reader: { finishedOn: at(25) } })).toEqual([again, "name"]);
    expect(chosen({ name: "plot:a", reader: { finishedOn: at(5) } })).toEqual([again, "name"]);
  });

  it("takes that of the reader's run, with the name and without", () => {
    const ofRun = made("a", 5, { run: "r" });
    expect(chosen({ name: "plot:a", reader: { run: "r" } }, [...all, ofRun])).toEqual([ofRun, "name"]);
    expect(chosen({ reader: { run: "b", finishedOn: at(40) } })).toEqual([other, "run"]);
    expect(chosen({ name: "plot:none", reader: { run: "b" } })).toEqual([other, "run"]);
  });

  it("takes that of the Pod whose result it is, else of the step before it was remembered", () => {
    const source = { step: "job/a-plot", pod: "a-plot-10", at: at(12) };
    expect(chosen({ name: "plot:u", source })).toEqual([first, "memoized"]);
    expect(chosen({ name: "plot:u", source: { ...source, pod: "gone" } })).toEqual([first, "memoized"]);
    expect(chosen({ name: "plot:u", source: { step: "job/none", at: at(12) } })).toEqual([other, "bytes"]);
  });

  it("takes the newest where nothing else is known, and none where there is none", () => {
    expect(chosen({})).toEqual([other, "bytes"]);
    expect(chosen({ name: "plot:a" }, [])).toEqual([undefined, undefined]);
    expect(chosen({ name: "plot:a" }, [{ ...about, artifact: "plot:a" }])[1]).toBe("bytes");
  });

  it("counts a step once under each name", () => {
    expect(makersIn(all)).toBe(2);
    expect(makersIn([first, { ...first, artifact: "plot:c" }])).toBe(2);
  });
});
