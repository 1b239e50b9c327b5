import { Environment } from "@marcbachmann/cel-js";
import { amountOf } from "../annotations/quantity.ts";

/** A rule of the CRD between fields, in CEL, as the API server evaluates it. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
  /** The field to blame, as `.field`; without it the object itself. */
  readonly fieldPath?: string;
}

class Quantity {
  readonly amount: number;
  constructor(text: string) {
    this.amount = amountOf(text);
  }
}

/** CEL as the API server has it, as far as rules of the schema need it: optional fields and quantities. */
const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false })
  .registerVariable("self", "dyn")
  .registerType("Quantity", Quantity)
  .registerFunction("quantity(string): Quantity", (text: string) => new Quantity(text))
  .registerFunction("Quantity.compareTo(Quantity): int", (one: Quantity, other: Quantity) =>
    BigInt(Math.sign(one.amount - other.amount)),
  );

const parsed = new Map<string, ReturnType<typeof environment.parse>>();

/**
 * Evaluates rules for an object.
 *
 * Rules about a change (`oldSelf`) are skipped: a file says nothing about what was there before. So is a rule that cannot
 * be evaluated because a value is of a wrong type: that type is a problem by itself, which the schema reports.
 *
 * @param rules - of the object's schema
 * @param self - the object
 * @returns the rules that it breaks
 * @see https://kubernetes.io/docs/reference/using-api/cel/
 */
export function brokenRules(rules: readonly Rule[], self: unknown): Rule[] {
  return rules.filter(({ rule }) => !rule.includes("oldSelf") && !holds(rule, self));
}

function holds(rule: string, self: unknown): boolean {
  const evaluate = parsed.get(rule) ?? environment.parse(rule);
  parsed.set(rule, evaluate);
  try {
    return evaluate({ self }) !== false;
  } catch {
    return true;
  }
}
