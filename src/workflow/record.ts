import { mismatch, type Shape } from "../workload/shape.ts";

/** How far a step that makes an input has come, as far as this one has seen. */
export type ProducerState = "live" | "pushed" | "failed";

/** What a step that waits remembers of one of its inputs: the next leader knows what this one knew. */
export interface InputRecord {
  /** The input as it is named in messages. */
  readonly input: string;
  /** The digest that its tag had when the step was created; none where it was not there. */
  readonly found?: string;
  /** The steps that make it, by their UID. */
  readonly producers: Readonly<Record<string, ProducerState>>;
}

const shape: Shape = {
  list: {
    fields: { input: "text", found: "text", producers: { map: "text" } },
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
    return new Map((value as InputRecord[]).map((record) => [record.input, record]));
  } catch {
    return new Map();
  }
}

/** The annotation waiting-for; the same records make the same text. */
export function writeRecord(records: readonly InputRecord[]): string {
  return JSON.stringify(
    records.map(({ input, found, producers }) => ({
      input,
      ...(found === undefined ? {} : { found }),
      producers: Object.fromEntries(Object.entries(producers).sort(([a], [b]) => (a < b ? -1 : 1))),
    })),
  );
}
