import { html } from "htm/preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useAnswer } from "./ask.ts";
import { formOf } from "./form.ts";
import { icon } from "./icons.ts";
import type { Chosen } from "./model.ts";
import { Copied, type PanelGiven, Waiting } from "./parts.ts";
import type { Details, PageStep, Transferred } from "./protocol.ts";
import {
  clock,
  lasted,
  nameOf,
  notRunWords,
  shortDigest,
  sized,
  tookOf,
  unseenLeft,
  unseenWords,
} from "./words.ts";

type Choose = PanelGiven["choose"];

/** A step: how it is and why, what it read and made, when, and what was said of it. */
export function StepPanel({
  drawing,
  chosen,
  choose,
}: PanelGiven<Extract<Chosen, { type: "step" | "artifact" }>>) {
  const step = drawing.steps.find(({ id }) => id === chosen.id);
  const answer = useAnswer<Details>(`/step?id=${encodeURIComponent(chosen.id)}`, step);
  if (step === undefined)
    return html`<h2>${nameOf(chosen.id)}</h2><p>This step is gone: somebody has deleted it, or its time is over.</p>`;
  const details = answer && "value" in answer ? answer.value : undefined;
  return html`
    <p class="kind">${step.kind}</p>
    <h2>${nameOf(step.id)}</h2>
    <p class=${`standing ${step.state}`}>${icon(formOf(step))} <strong>${step.state}</strong>${shortWhy(step)}</p>
    ${step.state === "failed" && details && html`<${Logs} details=${details} />`}
    <${Why} step=${step} details=${details} />
    ${answer === undefined && html`<${Waiting} what="Reading what is known of it" />`}
    ${answer && "error" in answer && html`<p class="bad">${answer.error}</p>`}
    <${Times} step=${step} details=${details} />
    ${
      details &&
      html`
      <${Artifacts} title="Reads" none="It reads no artifact." list=${details.inputs} reader=${step} drawing=${drawing} choose=${choose} />
      <${Artifacts} title="Makes" none="It makes no artifact." list=${details.outputs} drawing=${drawing} choose=${choose} />
      ${details.left.length > 0 && html`<${Artifacts} title="Left" about="when it failed: no output" list=${details.left} isLeft drawing=${drawing} choose=${choose} />`}
      ${step.state !== "failed" && html`<${Logs} details=${details} />`}
      <${Events} details=${details} />
      <h3>In a terminal</h3>
      ${details.commands.map((text) => html`<${Copied} key=${text} text=${text} what="the command" />`)}
      ${details.unread.map((text) => html`<p key=${text} class="note">${text}</p>`)}
    `
    }
  `;
}

function shortWhy({ reason, completions }: PageStep): string {
  const done = completions ? `${completions.succeeded} of ${completions.wanted} succeeded` : undefined;
  const told = [reason, done].filter(Boolean).join(" · ");
  return told === "" ? "" : ` · ${told}`;
}

/** Why it ran or did not, and what to do. Until that is read: what the graph knows. */
function Why({ step, details }: { step: PageStep; details: Details | undefined }) {
  if (details === undefined) {
    const known = notRunWords(step) || step.message;
    return known ? html`<p class="finding">${known}</p>` : null;
  }
  return html`<ul class="findings">
    ${details.findings.map(
      ({ level, text, todo }) =>
        html`<li key=${text} class=${level}><p>${text}</p>${todo && html`<p class="todo"><span class="hint">What to do</span> ${todo}</p>`}</li>`,
    )}
  </ul>`;
}

function Logs({ details }: { readonly details: Details }) {
  return details.logs.map(
    ({ container, lines }) => html`<section key=${container}>
      <h3>End of the log <span class="hint">${container}</span></h3>
      <${Log} container=${container} lines=${lines} />
    </section>`,
  );
}

/** So near to its end counts as there. */
const nearEnd = 4;

/** What a container said last is seen first. Whoever has scrolled up stays there when more comes. */
function Log({ container, lines }: Details["logs"][number]) {
  const box = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (isAtEnd.current) box.current?.scrollTo(0, box.current.scrollHeight);
  }, [lines]);
  const onScroll = ({
    currentTarget: { scrollTop, clientHeight, scrollHeight },
  }: {
    currentTarget: HTMLElement;
  }) => {
    isAtEnd.current = scrollTop + clientHeight >= scrollHeight - nearEnd;
  };
  return html`<pre ref=${box} onScroll=${onScroll} tabindex="0" role="region" aria-label=${`Log of ${container}`}>${lines}</pre>`;
}

function Times({ step, details }: { step: PageStep; details: Details | undefined }) {
  const now = Date.now();
  const nodes = [...new Set(details?.pods.flatMap(({ node }) => node ?? []))];
  const rows = [
    ["Created", step.createdAt && clock(step.createdAt, now)],
    ["Started", step.startedAt && clock(step.startedAt, now)],
    ["Ended", step.endedAt && clock(step.endedAt, now)],
    ["Took", tookOf(step, now)],
    ["Node", nodes.join(", ")],
    ["Failed indexes", step.completions?.failedIndexes],
  ].filter(([, value]) => value);
  return html`<dl class="facts">${rows.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

interface ArtifactsGiven {
  readonly title: string;
  /** What stands behind the title. */
  readonly about?: string;
  readonly none?: string;
  readonly list: readonly Transferred[];
  readonly drawing: PanelGiven["drawing"];
  readonly choose: Choose;
  /** The step, where these are its inputs. */
  readonly reader?: PageStep;
  /** Whether these are what the step has left when it failed. */
  readonly isLeft?: boolean;
}

const mostListed = 20;

function Artifacts({ title, about, none, list, drawing, choose, reader, isLeft }: ArtifactsGiven) {
  const digests = new Map(drawing.artifacts.map(({ id, digest }) => [id, digest]));
  return html`<h3>${title}${about && html` <span class="hint">${about}</span>`}</h3>
    ${list.length === 0 && html`<p class="hint">${none}</p>`}
    <ul class="artifacts">
      ${list.slice(0, mostListed).map(({ id, reference, bytes, seconds, command, ...pushed }) => {
        const digest = pushed.digest ?? (isLeft ? undefined : digests.get(id));
        const size = bytes === undefined ? undefined : sized(bytes);
        const unseen = isLeft ? unseenLeft : unseenWords(id, drawing, reader);
        const took = seconds === undefined ? undefined : `pushed in ${lasted(seconds)}`;
        return html`<li key=${id}>
          <button type="button" class="link" onClick=${() => choose({ type: "artifact", id })}>${icon("artifact")}<span>${reference}</span></button>
          <p class="hint">${[digest && shortDigest(digest), size, took].filter(Boolean).join(" · ") || unseen.words}</p>
          ${(digest || unseen.isThere) && html`<${Copied} text=${command} what=${`the command that gets ${reference}`} />`}
        </li>`;
      })}
    </ul>
    ${list.length > mostListed && html`<p class="hint">and ${list.length - mostListed} more</p>`}`;
}

function Events({ details }: { readonly details: Details }) {
  if (details.events.length === 0) return null;
  const now = Date.now();
  return html`<h3>Events</h3>
    <ol class="events">
      ${details.events.map(
        ({ at, type, reason, note }, i) => html`<li key=${i} class=${type === "Warning" ? "bad" : ""}>
          <time datetime=${at}>${at === "" ? "" : clock(at, now)}</time> <strong>${reason}</strong>
          <p>${note}</p>
        </li>`,
      )}
    </ol>`;
}
