import { conditionReasons, eventReasons } from "../../../schema/reasons.ts";

/** How something is, in a word and in sentences. */
export interface Finding {
  /** A note is neither good nor wrong. */
  readonly level: "good" | "note" | "waits" | "bad";
  readonly text: string;
  readonly todo?: string;
}

const known: Readonly<Record<string, { readonly meaning: string; readonly fix?: string }>> = {
  ...conditionReasons,
  ...eventReasons.OrasCache,
  ...eventReasons.step,
};

/** What to do about a reason, if anything is known. */
export function withFix(reason: string | undefined): { readonly todo?: string } {
  const fix = reason === undefined ? undefined : known[reason]?.fix;
  return fix === undefined ? {} : { todo: fix };
}

/** Something that is as it should be. */
export function good(text: string): Finding {
  return { level: "good", text };
}
