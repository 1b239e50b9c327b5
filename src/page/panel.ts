import { html } from "htm/preact";
import { useEffect, useRef } from "preact/hooks";
import { ArtifactPanel } from "./artifact-panel.ts";
import type { GraphView } from "./graph.ts";
import { type Chosen, nodeOf } from "./model.ts";
import type { Drawing } from "./protocol.ts";
import { SeveralPanel } from "./several-panel.ts";
import { StepPanel } from "./step-panel.ts";
import type { Store } from "./store.ts";

interface Given {
  readonly drawing: Drawing;
  readonly chosen: Chosen;
  readonly store: Store;
  readonly graph: { readonly current: GraphView | undefined };
}

/** What is known of what was chosen. */
export function Panel({ drawing, chosen, store, graph }: Given) {
  const panel = useRef<HTMLElement>(null);
  const name = chosen.type === "several" ? chosen.label : chosen.id;
  useEffect(() => {
    panel.current?.scrollTo(0, 0);
    // Whoever presses Escape goes on where they were.
    const before = document.activeElement;
    return () => {
      if (document.activeElement === document.body && before instanceof HTMLElement) before.focus();
    };
  }, [name]);
  const choose = (next: Chosen) => {
    store.set({ chosen: next });
    graph.current?.focus(nodeOf(next, drawing));
  };
  const given = { drawing, choose };
  return html`<aside ref=${panel} aria-label="Details">
    <button type="button" class="round close" aria-label="Close" title="Close (Esc)" onClick=${() => store.set({ chosen: undefined })}>×</button>
    ${chosen.type === "step" && html`<${StepPanel} key=${name} ...${given} chosen=${chosen} />`}
    ${chosen.type === "artifact" && html`<${ArtifactPanel} key=${name} ...${given} chosen=${chosen} />`}
    ${chosen.type === "several" && html`<${SeveralPanel} key=${name} ...${given} chosen=${chosen} store=${store} />`}
  </aside>`;
}
