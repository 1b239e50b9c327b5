const minuteMs = 60_000;
const mostApartMs = 5 * minuteMs;

/**
 * The time by which a pass decides, where two clocks tell it: that of the API server, and that of the registry's node, which dates what is
 * pushed. The earlier one, by which nothing is older than by the other.
 *
 * @param now - by the API server, in milliseconds since 1970
 * @param registry - by the registry's node; undefined where it does not say
 * @throws where they are so far apart that one of them is wrong: nobody knows what is old then
 */
export function agreedTime(now: number, registry: number | undefined): number {
  if (registry === undefined) return now;
  const apart = registry - now;
  if (Math.abs(apart) <= mostApartMs) return Math.min(now, registry);
  const how = `${lengthOf(Math.abs(apart))} ${apart > 0 ? "ahead of" : "behind"}`;
  throw new Error(
    `the clock of the registry's node is ${how} that of the API server, so the ages of artifacts are not known. Nothing is deleted ` +
      `until they are at most ${lengthOf(mostApartMs)} apart; set the clock that is wrong, and see why nothing sets it, such as chrony`,
  );
}

function lengthOf(ms: number): string {
  const minutes = Math.round(ms / minuteMs);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  const parts = [
    [days, "d"],
    [hours, "h"],
    [minutes % 60, "m"],
  ] as const;
  return parts.flatMap(([count, unit]) => (count > 0 ? `${count}${unit}` : [])).join("");
}
