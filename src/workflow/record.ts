import { mismatch, type Shape } from "../workload/shape.ts";

/** How far a step that makes an input has come, as far as this one has seen: `earlier` if it had pushed before this one came. */
export type ProducerState = (typeof states)[number];

const states = ["live", "pushed", "earlier", "failed"] as const;

/** Of a tag that was not there. */
export const notFound = "none";

/** What a step that waits remembers of one of its inputs: the next leader knows what this one knew. */
export interface InputRecord {
  /** The input as it is named in messages. */
  readonly input: string;
  /** The digest that its tag had when it was looked at first, or `none`; absent until that is known. */
  readonly found?: string;
  /** The steps that make it, by their UID, in the order in which they came. */
  readonly producers: Readonly<Record<string, ProducerState>>;
  /** Name of the last of them, such as `Job split`: it may be gone when it has to be named. */
  readonly last?: string;
}

const shape: Shape = {
  list: {
    fields: { input: "text", found: "text", producers: { map: "text" }, last: "text" },
    needs: ["input", "producers"],
  },
};

/**
 * Reads the annotation waiting-for.
 *
 * @param text - the annotation
 * @returns by input; empty where it cannot be read: then everything is looked at anew
 */
export function readRecord(text: string | undefined): ReadonlyMap<string, InputRecord> {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    if (mismatch(value, shape) !== undefined) return new Map();
    const records = value as InputRecord[];
    const isKnown = records.every(({ producers }) => Object.values(producers).every(isState));
    return new Map(isKnown ? records.map((record) => [record.input, record]) : []);
  } catch {
    return new Map();
  }
}

function isState(state: string): boolean {
  return (states as readonly string[]).includes(state);
}

/** The annotation waiting-for; the same records make the same text. */
export function writeRecord(records: readonly InputRecord[]): string {
  return JSON.stringify(
    records.map(({ input, found, producers, last }) => ({
      input,
      ...(found === undefined ? {} : { found }),
      producers,
      ...(last === undefined ? {} : { last }),
    })),
  );
}
