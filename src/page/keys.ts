import type { GraphView } from "./graph.ts";
import { nodeOf, type Show } from "./model.ts";
import type { Store } from "./store.ts";

/**
 * Listens to the keys that do the same everywhere.
 *
 * @param store - of the page
 * @param graph - the graph, where it is shown
 * @returns ends it
 */
export function onKeys(store: Store, graph: () => GraphView | undefined): () => void {
  const toggle = (show: Show) => {
    const { filter } = store.get();
    store.set({ filter: { ...filter, show: filter.show === show ? "all" : show } });
  };
  const actions: Readonly<Record<string, () => void>> = {
    "/": () => document.getElementById("search")?.focus(),
    f: () => toggle("failed"),
    w: () => toggle("waiting"),
    t: () => store.set({ view: store.get().view === "graph" ? "table" : "graph" }),
    n: () => nextFailed(store, graph()),
    "+": () => graph()?.zoom(1.4),
    "=": () => graph()?.zoom(1.4),
    "-": () => graph()?.zoom(1 / 1.4),
    "0": () => graph()?.fit(),
    "?": () => store.set({ help: true }),
    Escape: () => closeOne(store),
  };
  const listen = (event: KeyboardEvent) => {
    const isTyping = event.target instanceof HTMLInputElement;
    if (event.ctrlKey || event.metaKey || event.altKey || store.get().help) return;
    if (isTyping && event.key !== "Escape") return;
    if (isTyping) (event.target as HTMLInputElement).blur();
    const action = actions[event.key] ?? actions[event.key.toLowerCase()];
    if (action === undefined) return;
    event.preventDefault();
    action();
  };
  document.addEventListener("keydown", listen);
  return () => document.removeEventListener("keydown", listen);
}

function closeOne(store: Store): void {
  const { chosen } = store.get();
  if (chosen === undefined) store.set({ filter: { show: "all", query: "" } });
  else store.set({ chosen: undefined });
}

/** The step after the chosen one that failed; after the last one the first. */
function nextFailed(store: Store, graph: GraphView | undefined): void {
  const { drawing, chosen } = store.get();
  const failed = (drawing?.steps ?? []).filter(({ state }) => state === "failed");
  const at = failed.findIndex(({ id }) => chosen?.type === "step" && chosen.id === id);
  const next = failed[(at + 1) % failed.length];
  if (drawing === undefined || next === undefined) return;
  const choice = { type: "step", id: next.id } as const;
  store.set({ chosen: choice });
  graph?.focus(nodeOf(choice, drawing));
}
