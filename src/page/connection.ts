import type { Message } from "./protocol.ts";
import type { Store } from "./store.ts";

const againMs = 2_000;

/**
 * Listens to the program that serves the page, and keeps trying where it does not answer.
 *
 * @param store - that is told
 */
export function connect(store: Store): void {
  const events = new EventSource("/events");
  events.onopen = () => store.set({ connection: "open" });
  events.onmessage = ({ data }: MessageEvent<string>) => store.tell(JSON.parse(data) as Message);
  events.onerror = async () => {
    store.set({ connection: "lost" });
    if (events.readyState !== EventSource.CLOSED) return;
    // An event source does not say with which status it was refused.
    const status = await fetch("/events", { method: "GET", signal: AbortSignal.timeout(againMs) }).then(
      (response) => {
        void response.body?.cancel();
        return response.status;
      },
      () => undefined,
    );
    if (status === 401) store.set({ connection: "refused" });
    else setTimeout(() => connect(store), againMs);
  };
}
