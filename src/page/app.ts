import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Announcer } from "./announcer.ts";
import { Bar } from "./bar.ts";
import { createGraph, type GraphView } from "./graph.ts";
import { Help } from "./help.ts";
import { onKeys } from "./keys.ts";
import { Notices } from "./notices.ts";
import { Panel } from "./panel.ts";
import type { Page, Store } from "./store.ts";
import { Table } from "./table.ts";

const tickMs = 5_000;

/** The whole page. */
export function App({ store }: { readonly store: Store }) {
  const page = usePage(store);
  const graph = useRef<GraphView>(undefined);
  useEffect(() => onKeys(store, () => graph.current), [store]);
  const { drawing } = page;
  const title = [drawing?.only?.run, drawing?.namespace, "oras-cache"].filter(Boolean).join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);
  const isEmpty = drawing !== undefined && drawing.steps.length === 0;
  return html`<div class=${`app ${page.chosen === undefined ? "" : "chosen"}`}>
    <${Bar} page=${page} store=${store} />
    <${Notices} page=${page} />
    <${Announcer} steps=${drawing?.steps} />
    <main>
      ${page.view === "graph" && html`<${Graph} store=${store} graph=${graph} />`}
      ${page.view === "table" && drawing && html`<${Table} drawing=${drawing} filter=${page.filter} chosen=${page.chosen} store=${store} />`}
      ${isEmpty && html`<${Empty} page=${page} />`}
      ${drawing === undefined && html`<p class="empty" role="status">Looking at the namespace …</p>`}
      ${drawing && page.chosen && html`<${Panel} drawing=${drawing} chosen=${page.chosen} store=${store} graph=${graph} />`}
    </main>
    ${page.help && html`<${Help} store=${store} />`}
  </div>`;
}

/** What the store has; anew each time it changes, and now and then for the durations. */
function usePage(store: Store): Page {
  const [page, setPage] = useState(store.get());
  useEffect(() => {
    const leave = store.subscribe(() => setPage(store.get()));
    const tick = setInterval(() => setPage({ ...store.get() }), tickMs);
    return () => {
      leave();
      clearInterval(tick);
    };
  }, [store]);
  return page;
}

function Graph({ store, graph }: { store: Store; graph: { current: GraphView | undefined } }) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (host.current === null) return;
    const view = createGraph(host.current, store);
    graph.current = view;
    return () => {
      view.stop();
      graph.current = undefined;
    };
  }, [store, graph]);
  return html`<section class="graph" aria-label="Graph">
    <div class="stage" ref=${host} role="application" aria-roledescription="graph" aria-label="Steps and artifacts. Arrow keys go along the data; Enter shows a node; T shows the same as a table."></div>
    <div class="zoom" role="group" aria-label="Zoom">
      <button type="button" onClick=${() => graph.current?.zoom(1.4)} aria-label="Nearer" title="Nearer (+)">+</button>
      <button type="button" onClick=${() => graph.current?.zoom(1 / 1.4)} aria-label="Farther" title="Farther (−)">−</button>
      <button type="button" onClick=${() => graph.current?.fit()} aria-label="Show everything" title="Show everything (0)">Fit</button>
    </div>
  </section>`;
}

/** A namespace without steps. */
function Empty({ page }: { readonly page: Page }) {
  const isDenied = page.reach.notes.length > 0;
  const { only } = page.drawing ?? {};
  const which = only ? `with the annotation run: ${only.run}` : "of this namespace";
  return html`<div class="empty" role="status">
    <h2>No step to be seen</h2>
    <p>
      ${
        isDenied
          ? "What you may see of this namespace has no step. The notes above say what is missing."
          : `No Job or Pod ${which} names an input or output. Steps appear here as soon as you create them.`
      }
    </p>
  </div>`;
}
