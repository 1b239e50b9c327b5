import { quantityToScalar } from "@kubernetes/client-node/dist/util.js";
import fc from "fast-check";
import { expect, it } from "vitest";
import { amountOf, formatAmount } from "../../../src/annotations/quantity.ts";
import { milli } from "../../../src/injection/usage.ts";

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

it.each(["1e999", "9223372036854775808", `${"9".repeat(400)}`, "99999999999Ei"])(
  "%.40s is the largest that there is",
  (quantity) => {
    expect(amountOf(quantity)).toBe(2 ** 63);
    expect(amountOf(`-${quantity}`)).toBe(-(2 ** 63));
    for (const resource of ["cpu", "memory", "pods"]) {
      expect(formatAmount(resource, milli(quantity) * 3)).toMatch(/^[0-9]+(m|[KMG]i)?$/);
    }
  },
);

it.each(["cpu", "memory"])("an amount of %s is written as a quantity, however large it is", (resource) => {
  const amount = fc.double({ min: 0, max: 1e26, noNaN: true }).map(Math.round);
  fc.assert(
    fc.property(amount, (thousandths) => {
      expect(formatAmount(resource, thousandths)).toMatch(/^[0-9]+(m|[KMG]i)?$/);
    }),
  );
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
