import { expect, onTestFinished, test } from "vitest";
import { names } from "../../schema/names.ts";
import { blocksOf, commandsOf, headsOf, isTyped } from "../support/pages.ts";
import { scenes } from "../support/scenes.ts";
import { openTerminal, type } from "../support/typed.ts";
import { workspace } from "../support/workspace.ts";

test.each(Object.entries(scenes))("%s: every command works", async (page, { bare, prepare, prints = [] }) => {
  const ws = await workspace();
  onTestFinished(ws.remove);
  if (bare) await ws.kubectl("delete", names.plural, "oras", "--cascade=foreground");
  const terminal = await openTerminal(ws.namespace);
  const words = Object.entries((await prepare?.(ws, terminal)) ?? {});
  let all = "";
  for (const block of blocksOf(page).filter(isTyped)) {
    const lines = commandsOf(block).map((line) =>
      words.reduce((typed, [word, said]) => typed.replaceAll(RegExp(`\\b${word}\\b`, "g"), said), line),
    );
    const { code, stdout, stderr } = await type(terminal, lines);
    expect(code, `${page}:${block.line}\n${lines.join("\n")}\n${stdout}${stderr}`).toBe(0);
    // A table that the page shows has the columns that are printed.
    for (const heads of headsOf(block)) expect(stdout).toMatch(heads);
    all += stdout + stderr;
  }
  for (const each of prints) expect(all).toMatch(each);
});
