import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type Content, judge, steps, type Try } from "../reliability/lineage.ts";

const payload = (fill: string) => Buffer.alloc(2_000_000, fill);
const sum = (content: string | Buffer) => createHash("sha256").update(content).digest("hex");

/** What 50 Jobs leave behind when nothing goes wrong. */
function ran() {
  const contents = new Map<string, Content>();
  const tries: Try[] = steps.map(({ name }) => ({
    step: name,
    pod: `${name}-x`,
    ran: true,
    succeeded: true,
  }));
  for (const { name, inputs } of steps) {
    const read = inputs.toSorted().flatMap((input) => {
      const from = contents.get(input);
      return [
        `${sum(from?.lineage ?? "")}  ${input}/lineage`,
        `${sum(from?.payload ?? "")}  ${input}/payload`,
      ];
    });
    contents.set(name, { lineage: `${[`${name} ${name}-x`, ...read].join("\n")}\n`, payload: payload("a") });
  }
  return { contents, tries };
}

describe("what 50 Jobs left behind", () => {
  test("is right when each ran once and read what is there", () => {
    const { contents, tries } = ran();
    expect(tries).toHaveLength(50);
    expect(judge(tries, contents)).toEqual({ lost: [], doubled: [], wrong: [] });
  });

  test("is right when a Pod failed and another one did its work", () => {
    const { contents, tries } = ran();
    const before = { step: "row-0-0", pod: "row-0-0-y", ran: true, succeeded: false };
    expect(judge([before, ...tries], contents)).toEqual({ lost: [], doubled: [], wrong: [] });
  });

  test("has lost an artifact that is not there, and whoever read it read what nobody can check", () => {
    const { contents, tries } = ran();
    contents.delete("row-3-5");
    expect(judge(tries, contents)).toEqual({ lost: ["row-3-5"], doubled: [], wrong: ["join"] });
  });

  test("is doubled where two Pods of a Job succeeded", () => {
    const { contents, tries } = ran();
    const again = { step: "last", pod: "last-y", ran: true, succeeded: true };
    expect(judge([...tries, again], contents).doubled).toEqual(["last"]);
  });

  test("is wrong where an artifact was pushed again after it had been read", () => {
    const { contents, tries } = ran();
    const old = contents.get("row-0-0") as Content;
    contents.set("row-0-0", { ...old, payload: payload("b") });
    expect(judge(tries, contents).wrong).toEqual(["row-1-0", "row-1-11"]);
  });

  test.each([
    ["of another Pod", (old: Content) => ({ ...old, lineage: old.lineage.replace("last-x", "last-y") })],
    ["cut short", (old: Content) => ({ ...old, payload: old.payload.subarray(1) })],
    ["without its inputs", (old: Content) => ({ ...old, lineage: "last last-x\n" })],
  ])("is wrong where an artifact is %s", (_, change) => {
    const { contents, tries } = ran();
    contents.set("last", change(contents.get("last") as Content));
    expect(judge(tries, contents).wrong).toEqual(["last"]);
  });
});
