import { test as base } from "vitest";
import { workspace } from "./workspace.ts";

/**
 * Tests on the real cluster: `ws` is a namespace with a cache, for the tests of one file; the one of `open` asks for no
 * password: it may be reached by another name than its own, such as that of a proxy.
 */
export const it = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("ws", { scope: "file" }, async ({}, { onCleanup }) => {
    const ws = await workspace();
    onCleanup(ws.remove);
    return ws;
  })
  // biome-ignore lint/correctness/noEmptyPattern: see above
  .extend("open", { scope: "file" }, async ({}, { onCleanup }) => {
    const open = await workspace({}, { auth: { type: "none" } });
    onCleanup(open.remove);
    return open;
  });
