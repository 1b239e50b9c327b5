import { html } from "htm/preact";
import { notRunIn } from "./form.ts";
import { icon } from "./icons.ts";
import { countsOf, type Group, groupNames, type Show } from "./model.ts";
import type { Page, Store } from "./store.ts";
import { counted } from "./words.ts";

interface Given {
  readonly page: Page;
  readonly store: Store;
}

/** The bar above: which namespace, how its steps are, and what is looked for. */
export function Bar({ page, store }: Given) {
  const { drawing, filter, view } = page;
  const steps = drawing?.steps ?? [];
  const counts = countsOf(steps);
  const notRun = notRunIn(steps);
  const setShow = (show: Show) =>
    store.set({ filter: { ...filter, show: filter.show === show ? "all" : show } });
  return html`<header class="top">
    <h1>
      <span class="hint">${drawing?.only ? `Run in the namespace ${drawing.namespace}` : "Namespace"}</span>
      <span class="namespace">${drawing?.only?.run ?? drawing?.namespace ?? "…"}</span>
    </h1>
    <div class="chips" role="group" aria-label="Show steps">
      <${Chip} label="all" count=${steps.length} pressed=${filter.show === "all"} onPress=${() => store.set({ filter: { ...filter, show: "all" } })} />
      ${groupNames.map(
        (name) =>
          html`<${Chip} key=${name} label=${name} group=${name} count=${counts[name]} notRun=${name === "succeeded" ? notRun : 0} pressed=${filter.show === name} onPress=${() => setShow(name)} />`,
      )}
    </div>
    <label class="search">
      <span class="unseen">Search steps and artifacts</span>
      <input
        id="search"
        type="search"
        placeholder="Search steps, artifacts, reasons"
        aria-keyshortcuts="/"
        autocomplete="off"
        spellcheck=${false}
        value=${filter.query}
        onInput=${(event: InputEvent) => store.set({ filter: { ...filter, query: (event.target as HTMLInputElement).value.trim() } })}
      />
    </label>
    <div class="views" role="group" aria-label="View">
      <button type="button" aria-pressed=${view === "graph"} onClick=${() => store.set({ view: "graph" })}>Graph</button>
      <button type="button" aria-pressed=${view === "table"} onClick=${() => store.set({ view: "table" })}>Table</button>
    </div>
    <${Live} page=${page} />
    <button type="button" class="round" aria-label="Keys" title="Keys (?)" onClick=${() => store.set({ help: true })}>?</button>
  </header>`;
}

interface ChipGiven {
  readonly label: string;
  readonly count: number;
  /** So many of them have succeeded without a run. */
  readonly notRun?: number;
  readonly group?: Group;
  readonly pressed: boolean;
  readonly onPress: () => void;
}

function Chip({ label, count, notRun = 0, group, pressed, onPress }: ChipGiven) {
  const isQuiet = count === 0 && !pressed;
  return html`<button type="button" class=${`chip ${group ?? ""} ${isQuiet ? "quiet" : ""}`} aria-pressed=${pressed} onClick=${onPress}>
    ${group && icon(group)}<span class="count">${counted(count)}</span><span class="label">${label}</span>${notRun > 0 && html`<span class="hint">${counted(notRun)} not run</span>`}
  </button>`;
}

function Live({ page }: { readonly page: Page }) {
  const { connection, reach } = page;
  const isLive = connection === "open" && reach.lost === undefined;
  const words = {
    opening: "connecting",
    open: isLive ? "live" : "stale",
    lost: "disconnected",
    refused: "no access",
  };
  return html`<span class=${`live ${isLive ? "on" : "off"}`} role="status"><span class="dot" aria-hidden="true"></span>${words[connection]}</span>`;
}
