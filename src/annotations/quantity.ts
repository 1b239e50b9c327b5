const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * What a quantity of Kubernetes amounts to, exact enough to compare two.
 *
 * @param quantity - such as `250m`, `1.5Gi` or `1e3`
 * @returns cores, bytes or whatever it counts; NaN when it is none
 * @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function amountOf(quantity: string): number {
  const [, digits, exponent, suffix = ""] =
    /^([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:[eE]([+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i))?$/.exec(
      quantity,
    ) ?? [];
  if (digits === undefined) return Number.NaN;
  const amount =
    exponent === undefined
      ? Number(digits) * (suffixes[suffix] ?? Number.NaN)
      : Number(`${digits}e${exponent}`);
  return Math.max(-largest, Math.min(largest, amount));
}

/** Kubernetes takes what is larger for this. */
const largest = 2 ** 63;

/**
 * A quantity as people write it.
 *
 * @param resource - `cpu` is counted in thousandths of cores, the rest in bytes or pieces
 * @param milli - thousandths
 * @returns for example `250m` or `100Mi`
 */
export function formatAmount(resource: string, milli: number): string {
  const whole = Math.floor(milli / 1000);
  if (resource === "cpu") return milli % 1000 === 0 ? digitsOf(whole) : `${digitsOf(milli)}m`;
  const suffix = (["Gi", "Mi", "Ki"] as const).find(
    (unit) => whole > 0 && whole % (suffixes[unit] ?? 1) === 0,
  );
  return suffix === undefined ? digitsOf(whole) : `${digitsOf(whole / (suffixes[suffix] ?? 1))}${suffix}`;
}

/** What differs by less is the same: an amount that is looked at again and again is not to change all the time. */
const same = 0.03;

/**
 * Bytes as people write them, with three digits.
 *
 * @param bytes - at least 0
 * @param before - what was written before; it stays as long as it is about right
 * @returns for example `1.5Gi`
 */
export function roundBytes(bytes: number, before?: string): string {
  if (before !== undefined && Math.abs(amountOf(before) - bytes) <= bytes * same) return before;
  const suffix = (["Pi", "Ti", "Gi", "Mi", "Ki"] as const).find((unit) => bytes >= (suffixes[unit] ?? 1));
  const amount = bytes / (suffixes[suffix ?? ""] ?? 1);
  const places = suffix === undefined || amount >= 100 ? 0 : amount >= 10 ? 1 : 2;
  return `${Number(amount.toFixed(places))}${suffix ?? ""}`;
}

/** A whole number without an exponent, however large it is. */
function digitsOf(whole: number): string {
  return BigInt(whole).toString();
}
