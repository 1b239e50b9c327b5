const units = ["B", "Ki", "Mi", "Gi", "Ti", "Pi"];

/**
 * A number of bytes, short, in the units of Kubernetes.
 *
 * @param bytes - how many
 * @returns such as `512B`, `1.5Ki` or `20Gi`
 */
export function shortSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)}${units[unit]}`;
}

const day = 86_400;

/**
 * A span of time, short, as kubectl shows ages.
 *
 * @param seconds - how long
 * @returns such as `45s`, `12m`, `5h20m` or `3d`
 */
export function shortAge(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return `${whole}s`;
  if (whole < 600) return withRest(Math.floor(whole / 60), "m", whole % 60, "s");
  if (whole < 3 * 3600) return `${Math.floor(whole / 60)}m`;
  if (whole < 8 * 3600) return withRest(Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "m");
  if (whole < 2 * day) return `${Math.floor(whole / 3600)}h`;
  return `${Math.floor(whole / day)}d`;
}

function withRest(value: number, unit: string, rest: number, smaller: string): string {
  return rest === 0 ? `${value}${unit}` : `${value}${unit}${rest}${smaller}`;
}
