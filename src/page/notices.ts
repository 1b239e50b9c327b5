import { html } from "htm/preact";
import type { Page } from "./store.ts";
import { uiCommand } from "./words.ts";

/** What is wrong with the page itself, or missing from it. */
export function Notices({ page }: { readonly page: Page }) {
  const { connection, reach, drawing } = page;
  const told: { level: "bad" | "note"; text: string }[] = [];
  if (connection === "refused")
    told.push({
      level: "bad",
      text: "Open the address that the command has printed, with its token. Each start has another.",
    });
  else if (connection === "lost") {
    const again = drawing?.only?.command ?? uiCommand(drawing);
    told.push({
      level: "bad",
      text: `The command that serves this page does not answer. ${drawing ? "You see what it said last. " : ""}If you have ended it, start it again: ${again}`,
    });
  }
  if (connection === "open" && reach.lost !== undefined)
    told.push({
      level: "bad",
      text: `${reach.lost} You see what it said last; it is asked again until it answers.`,
    });
  if (drawing?.only !== undefined)
    told.push({
      level: "note",
      text: `You see the run ${drawing.only.run} alone: only the steps with this annotation run. All of the namespace: ${uiCommand(drawing)}`,
    });
  for (const text of reach.notes) told.push({ level: "note", text });
  for (const cycle of drawing?.cycles ?? [])
    told.push({
      level: "bad",
      text: `These steps wait for each other and never start: ${cycle.join(" → ")} → ${cycle[0]}.`,
    });
  // It is there before it has words: else they are not read aloud.
  return html`<div class="notices" role="status">
    ${told.map(({ level, text }) => html`<p key=${text} class=${level}>${text}</p>`)}
  </div>`;
}
