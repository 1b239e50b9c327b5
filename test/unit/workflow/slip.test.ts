import { expect, it } from "vitest";
import { isSlipOf } from "../../../src/workflow/slip.ts";

it.each([
  ["climate/noth:1", "climate/north:1", true],
  ["climate/nnorth:1", "climate/north:1", true],
  ["climate/nprth:1", "climate/north:1", true],
  ["climate/nroth:1", "climate/north:1", true],
  ["Climate/North:1", "climate/north:1", true],
  ["climate/north:2", "climate/north:1", true],
  ["climate/south:1", "climate/north:1", false],
  ["climate/raw:1", "climate/plot:1", false],
  ["a:1", "b:1", false],
])("%s is a slip of %s: %s", (written, known, isSlip) => {
  expect(isSlipOf(written, known)).toBe(isSlip);
});
