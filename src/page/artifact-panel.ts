import { html } from "htm/preact";
import { useAnswer } from "./ask.ts";
import { artifactIn, type Chosen } from "./model.ts";
import { Copied, type PanelGiven, Steps, Waiting } from "./parts.ts";
import type { Held } from "./protocol.ts";
import { scopeOf, sized } from "./words.ts";

/** An artifact: its digest and size, who made it and who reads it, and how to get it. */
export function ArtifactPanel({
  drawing,
  chosen,
  choose,
}: PanelGiven<Extract<Chosen, { type: "step" | "artifact" }>>) {
  const artifact = artifactIn(chosen.id, drawing);
  const answer = useAnswer<Held>(`/artifact?id=${encodeURIComponent(chosen.id)}`, artifact?.digest);
  if (artifact === undefined) return html`<h2>${chosen.id}</h2><p>No step names this artifact any more.</p>`;
  const held = answer && "value" in answer ? answer.value : undefined;
  const digest = held?.digest ?? artifact.digest;
  const { madeBy, leftBy = [] } = artifact;
  const scope = scopeOf(drawing);
  return html`
    <p class="kind">Artifact</p>
    <h2>${artifact.reference}</h2>
    ${answer === undefined && html`<${Waiting} what="Asking its registry" />`}
    ${answer && "error" in answer && html`<p class="bad">${answer.error}</p>`}
    ${held?.unread && html`<p class="note">${held.unread}</p>`}
    <dl class="facts">
      ${held?.bytes !== undefined && html`<div><dt>Size</dt><dd>${sized(held.bytes)}</dd></div>`}
      <div><dt>Address</dt><dd class="long">${artifact.id}</dd></div>
    </dl>
    ${digest && html`<h3>Digest</h3><${Copied} text=${digest} what="the digest" />`}
    ${held?.command && html`<h3>Get it</h3><${Copied} text=${held.command} what="the command" />`}
    ${held?.files && html`<h3>Files</h3><ul class="files">${held.files.map((path) => html`<li key=${path}><code>${path || "(its folder)"}</code></li>`)}</ul>`}
    ${(madeBy.length > 0 || leftBy.length === 0) && html`<${Steps} title="Made by" none=${`No step of this ${scope} makes it.`} ids=${madeBy} drawing=${drawing} choose=${choose} />`}
    ${leftBy.length > 0 && html`<${Steps} title="Left by" about="only if it fails: no output" none="" ids=${leftBy} drawing=${drawing} choose=${choose} />`}
    <${Steps} title="Read by" none=${`No step of this ${scope} reads it.`} ids=${artifact.usedBy} drawing=${drawing} choose=${choose} />
  `;
}
