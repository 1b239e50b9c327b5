import { quantityToScalar } from "@kubernetes/client-node/dist/util.js";
import fc from "fast-check";
import { expect, it } from "vitest";
import { amountOf } from "../../../src/injection/quantity.ts";

it.each([
  ["250m", 0.25],
  ["1.5Gi", 1.5 * 2 ** 30],
  ["1e3", 1000],
  [".5", 0.5],
  ["2M", 2e6],
  ["1E", 1e18],
  ["-1", -1],
])("%s is %d", (quantity, value) => {
  expect(amountOf(quantity)).toBeCloseTo(value, 9);
});

it.each(["", "x", "1 Gi", "1GiB", "1e", "--1"])("%j is no quantity", (quantity) => {
  expect(amountOf(quantity)).toBeNaN();
});

it("agrees with Kubernetes' own client", () => {
  const suffix = fc.constantFrom("", "m", "k", "M", "G", "Ki", "Mi", "Gi", "Ti");
  fc.assert(
    fc.property(fc.nat(9999), suffix, (number, unit) => {
      expect(amountOf(`${number}${unit}`)).toBeCloseTo(Number(quantityToScalar(`${number}${unit}`)), 6);
    }),
  );
});
