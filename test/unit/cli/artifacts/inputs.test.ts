import { describe, expect, it } from "vitest";
import { fromOf } from "../../../../src/cli/artifacts/inputs.ts";
import { formatList, type Listed, withFrom } from "../../../../src/cli/artifacts/list.ts";

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute));
const names = (...all: readonly [string, number?][]) =>
  new Map([
    [
      "sha256:a",
      all.map(([name, minute]) => {
        const [repository = "", tag = ""] = name.split(":");
        return { repository, tag, pushed: minute === undefined ? undefined : at(minute) };
      }),
    ],
  ]);

describe("what an input is called", () => {
  it.each<[string, ReturnType<typeof names>, object]>([
    ["has one name", names(["raw:x"]), { artifact: "raw:x" }],
    ["has no name", new Map(), {}],
    ["has the artifact's tag", names(["raw:2", 2], ["raw:1", 1]), { artifact: "raw:1" }],
    ["has it twice", names(["raw:1", 1], ["copy:1", 2]), { artifact: "copy:1", others: 1 }],
    ["was there before", names(["raw:a", 1], ["raw:b", 3], ["raw:c", 9]), { artifact: "raw:b", others: 2 }],
    ["came later alone", names(["raw:a", 8], ["raw:b", 7]), { artifact: "raw:b", others: 1 }],
    ["has no times", names(["raw:a"], ["raw:b"]), { artifact: "raw:a", others: 1 }],
  ])("that %s", (_, tagged, expected) => {
    const found = fromOf(["sha256:a"], { tag: "1", pushed: at(5) }, tagged);
    expect(found).toEqual([{ digest: "sha256:a", ...expected }]);
  });

  it("stands in the list", () => {
    const item = (name: string, digest: string, inputs: readonly string[]): Listed => {
      const [repository = "", tag = ""] = name.split(":");
      const manifest = { digest, parts: [], bytes: 42, images: [], inputs };
      return { namespace: "x", cache: "oras", repository, tag, manifest };
    };
    const raw = [item("raw:v1", "sha256:a", []), item("raw:v2", "sha256:a", [])];
    const all = withFrom([...raw, item("plot:1", "sha256:b", ["sha256:a", `sha256:${"c".repeat(64)}`])]);
    const lines = formatList(all, "table", { everywhere: false, now: 0 }).split("\n");
    expect(lines[3]).toMatch(/^plot:1 +42B +0 +- +raw:v1 or 1 more,sha256:cccccccccccc +-$/);
    // Two caches tell nothing of each other.
    expect(withFrom([item("plot:1", "sha256:b", ["sha256:a"])])[0]?.from).toEqual([{ digest: "sha256:a" }]);
  });
});
