import { html } from "htm/preact";
import { useEffect, useRef } from "preact/hooks";
import { icon } from "./icons.ts";
import type { Store } from "./store.ts";

const keys = [
  [
    "← → ↑ ↓",
    "along the data, from a step to what it makes and to who reads it, and to nodes beside; or along the table",
  ],
  ["Enter", "show what is chosen"],
  ["Esc", "close what is shown; then show all steps again"],
  ["/", "search"],
  ["F", "failed steps only, or all"],
  ["W", "waiting steps only, or all"],
  ["N", "next step that failed"],
  ["T", "graph or table"],
  ["+ − 0", "nearer, farther, everything"],
] as const;

const forms = [
  ["succeeded", "has ended with success"],
  ["notRun", "has succeeded without a run: its result was there already"],
  ["failed", "has failed"],
  ["running", "runs"],
  ["waiting", "has not started: it waits for its inputs, a node or an image"],
  ["gated", "is a Pod that a scheduling gate holds"],
  ["suspended", "is a Job that somebody has suspended; one that waits for its inputs is waiting"],
] as const;

/** What keys do, and what the icons mean. */
export function Help({ store }: { readonly store: Store }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    // The button at the end takes the focus.
    dialog.current?.scrollTo(0, 0);
  }, []);
  return html`<dialog ref=${dialog} aria-labelledby="help" onClose=${() => store.set({ help: false })}>
    <h2 id="help">Keys</h2>
    <dl>${keys.map(([key, what]) => html`<dt key=${key}><kbd>${key}</kbd></dt><dd>${what}</dd>`)}</dl>
    <h2>A step</h2>
    <dl>${forms.map(([form, what]) => html`<dt key=${form}>${icon(form)} ${form === "notRun" ? "not run" : form}</dt><dd>${what}</dd>`)}</dl>
    <form method="dialog"><button class="primary">Close</button></form>
  </dialog>`;
}
