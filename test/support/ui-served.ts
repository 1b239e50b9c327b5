import { readAssets } from "../../src/cli/ui/assets.ts";
import { type Source, servePage } from "../../src/cli/ui/server.ts";
import type { Drawing, Message } from "../../src/page/protocol.ts";

/** A page of a drawing that no cluster is behind. */
export interface ServedDrawing {
  readonly address: URL;
  /** Tells all open pages. */
  readonly tell: (message: Message) => void;
  readonly close: () => Promise<void>;
}

/**
 * Serves a drawing as the command does.
 *
 * @param drawing - what pages get that are opened
 * @param asked - what is answered to questions about steps and artifacts
 */
export async function serveDrawing(
  drawing: Drawing,
  asked: Partial<Pick<Source, "step" | "artifact">> = {},
): Promise<ServedDrawing> {
  const listeners = new Set<(message: Message) => void>();
  const source: Source = {
    all: () => [
      { type: "reach", reach: { notes: [] } },
      { type: "drawing", drawing },
    ],
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    step: () => Promise.reject(new Error("nobody asks for it")),
    artifact: () => Promise.reject(new Error("nobody asks for it")),
    ...asked,
  };
  const { url, close } = await servePage(source, await readAssets(), "token");
  const tell = (message: Message) => {
    for (const listener of listeners) listener(message);
  };
  return { address: new URL(url), tell, close };
}
