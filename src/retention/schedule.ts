import { createHash } from "node:crypto";

/** When something is to happen, in UTC. */
export interface Schedule {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly isDay: (day: number, weekday: number) => boolean;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** The longest time between two 29ths of February: 2096 and 2104. */
const longestDays = 366 * 8;

/**
 * Reads a schedule whose form has been checked. A range that ends before it begins goes over midnight, or over the end of the
 * year. Where day and weekday are both limited, either will do, as for cron(8).
 *
 * @param text - minute, hour, day, month, weekday
 */
export function parseSchedule(text: string): Schedule {
  const [minute = "*", hour = "*", day = "*", month = "*", weekday = "*"] = text.split(" ");
  const days = numbers(day, 1, 31);
  const weekdays = new Set([...numbers(weekday, 0, 7)].map((number) => number % 7));
  const isAnyDay = day.startsWith("*");
  const isAnyWeekday = weekday.startsWith("*");
  const isDay = (of: number, on: number) =>
    isAnyDay || isAnyWeekday ? days.has(of) && weekdays.has(on) : days.has(of) || weekdays.has(on);
  return {
    minutes: numbers(minute, 0, 59),
    hours: numbers(hour, 0, 23),
    months: numbers(month, 1, 12),
    isDay,
  };
}

/** The numbers of a field. */
function numbers(field: string, least: number, most: number): Set<number> {
  return new Set(field.split(",").flatMap((item) => numbersOf(item, least, most)));
}

function numbersOf(item: string, least: number, most: number): number[] {
  const [range = "", step] = item.split("/");
  const [first = "", last] = range.split("-");
  const from = first === "*" ? least : Number(first);
  // With a step alone, as in 5/15, it goes on to the end.
  const to = first === "*" || (last === undefined && step !== undefined) ? most : Number(last ?? first);
  const length = to >= from ? to - from : most - from + 1 + to - least;
  const count = Math.floor(length / Number(step ?? 1)) + 1;
  return Array.from(
    { length: count },
    (_, i) => ((from - least + i * Number(step ?? 1)) % (most - least + 1)) + least,
  );
}

/**
 * The first time of a schedule after another time.
 *
 * @param schedule - as read
 * @param after - milliseconds since 1970
 * @returns milliseconds since 1970; undefined for a day that there never is, such as the 30th of February
 */
export function nextTime(schedule: Schedule, after: number): number | undefined {
  const first = Math.floor(after / minuteMs) * minuteMs + minuteMs;
  const midnight = Math.floor(first / dayMs) * dayMs;
  for (let day = 0; day < longestDays; day++) {
    const time = timeOfDay(schedule, midnight + day * dayMs, first);
    if (time !== undefined) return time;
  }
  return undefined;
}

function timeOfDay(schedule: Schedule, midnight: number, first: number): number | undefined {
  const date = new Date(midnight);
  if (!schedule.months.has(date.getUTCMonth() + 1)) return undefined;
  if (!schedule.isDay(date.getUTCDate(), date.getUTCDay())) return undefined;
  const times = [...schedule.hours].flatMap((hour) =>
    [...schedule.minutes].map((minute) => midnight + (hour * 60 + minute) * minuteMs),
  );
  const due = times.filter((time) => time >= first);
  return due.length > 0 ? Math.min(...due) : undefined;
}

/**
 * The schedule of a cache that names none: once an hour, at a minute of its own, so that those of a cluster do not all
 * work at once.
 *
 * @param uid - of the OrasCache
 */
export function ownSchedule(uid: string): string {
  return `${createHash("sha256").update(uid).digest().readUInt32BE() % 60} * * * *`;
}
