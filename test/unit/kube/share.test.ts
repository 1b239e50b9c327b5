import { expect, test } from "vitest";
import { createShare } from "../../../src/kube/share.ts";

test("what is equal is held once, and of what is seldom met only the last is remembered", () => {
  const share = createShare();
  const often = share({ containers: [{ name: "main" }] });
  expect(share({ containers: [{ name: "other" }] })).not.toBe(often);
  const seldom = share({ name: "seldom" });
  for (let i = 0; i < 2_000; i++) {
    share({ i });
    expect(share({ containers: [{ name: "main" }] })).toBe(often);
  }
  expect(share({ name: "seldom" })).toEqual(seldom);
  expect(share({ name: "seldom" })).not.toBe(seldom);
});
