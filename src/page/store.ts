import { apply, type Chosen, type Filter, type Model } from "./model.ts";
import type { Message } from "./protocol.ts";

/** How the page stands to the program that serves it. */
export type Connection = "opening" | "open" | "lost" | "refused";

/** Everything that the page shows. */
export interface Page extends Model {
  readonly connection: Connection;
  readonly filter: Filter;
  readonly view: "graph" | "table";
  readonly chosen: Chosen | undefined;
  readonly help: boolean;
}

/** Where the page keeps what it shows. */
export interface Store {
  readonly get: () => Page;
  readonly set: (change: Partial<Page>) => void;
  readonly tell: (message: Message) => void;
  /** Called once a frame in which something has changed. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** An empty store. */
export function createStore(): Store {
  let page: Page = {
    drawing: undefined,
    reach: { notes: [] },
    connection: "opening",
    filter: { show: "all", query: "" },
    view: "graph",
    chosen: undefined,
    help: false,
  };
  const listeners = new Set<() => void>();
  let asked = false;
  const notify = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      for (const listener of listeners) listener();
    });
  };
  return {
    get: () => page,
    set: (change) => {
      page = { ...page, ...change };
      notify();
    },
    tell: (message) => {
      page = { ...page, ...apply(page, message) };
      notify();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
