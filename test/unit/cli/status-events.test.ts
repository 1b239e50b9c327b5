import { describe, expect, it } from "vitest";
import { type KubeEvent, toldOfGone } from "../../../src/cli/status/events.ts";

const event = (uid: string, at: string, note: string, kind = "Job"): KubeEvent => ({
  ...{ type: "Normal", reason: "Pushed", note, eventTime: at },
  regarding: { kind, name: "fetch", uid },
});

describe("Events of an object that is gone", () => {
  it("are of the one that was there last, the newest first", () => {
    const events = [
      event("old", "2026-01-01T00:00:01Z", "of the one before"),
      event("last", "2026-01-01T00:00:02Z", "first"),
      event("last", "2026-01-01T00:00:03Z", "second"),
      event("pod", "2026-01-01T00:00:04Z", "of a Pod of that name", "Pod"),
    ];
    expect(toldOfGone("Job", events)).toEqual([
      "A Job of that name was deleted. The last Events of that one:",
      "  2026-01-01T00:00:03Z Pushed: second",
      "  2026-01-01T00:00:02Z Pushed: first",
    ]);
  });

  it("are few", () => {
    const events = Array.from({ length: 9 }, (_, at) => event("a", `2026-01-01T00:00:0${at}Z`, `${at}`));
    expect(toldOfGone("Job", events)).toHaveLength(6);
  });

  it("are none where nobody tells of one", () => {
    expect(toldOfGone("Job", [event("a", "2026-01-01T00:00:00Z", "x", "Pod")])).toEqual([]);
  });
});
