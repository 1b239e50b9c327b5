import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { formOf } from "./form.ts";
import { icon } from "./icons.ts";
import type { Chosen } from "./model.ts";
import type { Drawing } from "./protocol.ts";
import { nameOf, plural } from "./words.ts";

/** What the details of every kind of thing are drawn from. */
export interface PanelGiven<T extends Chosen = Chosen> {
  readonly drawing: Drawing;
  readonly chosen: T;
  readonly choose: (chosen: Chosen) => void;
}

const copiedMs = 1_500;

/** A command or digest, with a button that copies it. */
export function Copied({ text, what, shown = text }: { text: string; what: string; shown?: string }) {
  const [state, setState] = useState<"" | "copied" | "select it by hand">("");
  const copy = async () => {
    // Where the page may not write to the clipboard, people can still select.
    const done = await navigator.clipboard.writeText(text).then(
      () => "copied" as const,
      () => "select it by hand" as const,
    );
    setState(done);
    setTimeout(() => setState(""), copiedMs);
  };
  return html`<div class="copied">
    <code title=${text}>${shown}</code>
    <button type="button" onClick=${copy} aria-label=${`Copy ${what}`}>${state === "" ? "Copy" : state}</button>
    <span class="unseen" role="status">${state}</span>
  </div>`;
}

const mostListed = 12;

interface StepsGiven {
  readonly title: string;
  /** What stands behind the title. */
  readonly about?: string;
  readonly none: string;
  readonly ids: readonly string[];
  readonly drawing: Drawing;
  readonly choose: (chosen: Chosen) => void;
}

/** Steps that can be gone to. */
export function Steps({ title, about, none, ids, drawing, choose }: StepsGiven) {
  const [isWhole, setWhole] = useState(false);
  const known = new Map(ids.length === 0 ? [] : drawing.steps.map((step) => [step.id, step]));
  const listed = isWhole ? ids : ids.slice(0, mostListed);
  return html`<h3>${title}${about && html` <span class="hint">${about}</span>`}</h3>
    ${ids.length === 0 && html`<p class="hint">${none}</p>`}
    <ul class="links">
      ${listed.map((id) => {
        const step = known.get(id);
        return html`<li key=${id}>
          <button type="button" class="link" onClick=${() => choose({ type: "step", id })}>${step && icon(formOf(step))}<span>${nameOf(id)}</span></button>
          ${step && html`<span class="hint">${step.state}</span>`}
        </li>`;
      })}
    </ul>
    ${ids.length > listed.length && html`<button type="button" class="link more" onClick=${() => setWhole(true)}>${plural(ids.length - listed.length, "more step")}</button>`}`;
}

/** Something that takes a moment. */
export function Waiting({ what }: { readonly what: string }) {
  return html`<p class="hint" role="status">${what} …</p>`;
}
