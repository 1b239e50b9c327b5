import { expect, test } from "vitest";
import { until } from "../support/wait.ts";

test.each([undefined, null, false, "" as string])(
  "what is waited for is not there while it is %j",
  async (absent) => {
    const looks = [absent, absent, "there"];
    expect(await until(() => looks.shift(), "it")).toBe("there");
    await expect(until(() => absent, "it", 1)).rejects.toThrow("in vain for: it");
  },
);

test.each([0, true, " ", {}])("what is waited for is there when it is %j", async (found) => {
  expect(await until<unknown>(() => found, "it", 1)).toBe(found);
});
