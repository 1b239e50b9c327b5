import { test as base } from "vitest";
import { workspace } from "./workspace.ts";

/** Tests on the real cluster: `ws` is a namespace with a cache, for the tests of one file. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
export const it = base.extend("ws", { scope: "file" }, async ({}, { onCleanup }) => {
  const ws = await workspace();
  onCleanup(ws.remove);
  return ws;
});
