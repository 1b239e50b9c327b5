import { html } from "htm/preact";
import { notRunIn } from "./form.ts";
import { icon } from "./icons.ts";
import { type Chosen, countsOf, groupNames, groupOf, membersOf, nodeOf } from "./model.ts";
import { type PanelGiven, Steps } from "./parts.ts";
import type { PageStep } from "./protocol.ts";
import type { Store } from "./store.ts";
import { counted, titleOf } from "./words.ts";

interface Given extends PanelGiven<Extract<Chosen, { type: "several" }>> {
  readonly store: Store;
}

const mostListed = 100;

/** Several steps or artifacts that are equal but for the numbers in their names. */
export function SeveralPanel({ drawing, chosen, choose, store }: Given) {
  const node = drawing.nodes[nodeOf(chosen, drawing)];
  if (node === undefined)
    return html`<h2>${chosen.label}</h2><p>These are not alike any more: they are drawn one by one.</p>`;
  if (node.type === "artifacts") {
    const members = membersOf(node, drawing.artifacts);
    return html`<p class="kind">Artifacts</p><h2>${titleOf(node)}</h2>
      <ul class="links">${members.slice(0, mostListed).map(({ id, reference }) => html`<li key=${id}><button type="button" class="link" onClick=${() => choose({ type: "artifact", id })}>${icon("artifact")}<span>${reference}</span></button></li>`)}</ul>
      ${members.length > mostListed && html`<p class="hint">and ${counted(members.length - mostListed)} more</p>`}`;
  }
  const members = membersOf(node, drawing.steps);
  const counts = countsOf(members);
  const notRun = notRunIn(members);
  const urgent = members.toSorted((a, b) => rank(a) - rank(b));
  const inTable = () => store.set({ view: "table", filter: { show: "all", query: commonPart(node.label) } });
  return html`<p class="kind">${counted(members.length)} steps that are alike</p>
    <h2>${titleOf(node)}</h2>
    <ul class="tally">
      ${groupNames.map((name) => counts[name] > 0 && html`<li key=${name} class=${name}>${icon(name)} ${counted(counts[name])} ${name}</li>`)}
      ${notRun > 0 && html`<li>${icon("notRun")} ${counted(notRun)} not run: their results were there already</li>`}
    </ul>
    <${Steps} title="Steps" none="" ids=${urgent.map(({ id }) => id)} drawing=${drawing} choose=${choose} />
    <p><button type="button" class="primary" onClick=${inTable}>Show them in the table</button></p>`;
}

function rank({ state }: PageStep): number {
  return groupNames.indexOf(groupOf(state));
}

/** The longest piece of a label without a number. */
function commonPart(label: string): string {
  return label.split("*").reduce((longest, part) => (part.length > longest.length ? part : longest), "");
}
