import { expect, onTestFinished, test } from "vitest";
import { readAssets } from "../../src/cli/ui/assets.ts";
import { draw } from "../../src/cli/ui/drawing.ts";
import { servePage } from "../../src/cli/ui/server.ts";
import type { Drawing, Message } from "../../src/page/protocol.ts";
import { startBrowser } from "../support/browser.ts";
import { openUi, rowsOf, textOf } from "../support/ui.ts";
import { manySteps } from "../support/ui-objects.ts";

const mostElements = 301;

/** A page of a drawing, which can be changed. */
async function served(drawing: Drawing) {
  const listeners = new Set<(message: Message) => void>();
  const source = {
    all: (): Message[] => [
      { type: "reach", reach: { notes: [] } },
      { type: "drawing", drawing },
    ],
    subscribe: (listener: (message: Message) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    step: () => Promise.reject(new Error("nobody asks for it")),
    artifact: () => Promise.reject(new Error("nobody asks for it")),
  };
  const { url, close } = await servePage(source, await readAssets(), "token");
  onTestFinished(close);
  const tell = (message: Message) => {
    for (const listener of listeners) listener(message);
  };
  return { address: new URL(url), tell };
}

test("of 3,000 steps those are elements that are seen", async () => {
  const { drawing } = draw(manySteps(3_000), undefined);
  const ui = await served(drawing);
  const browser = await startBrowser();
  onTestFinished(() => browser.close());
  const { page, errors } = await openUi(browser, ui);
  const nodes = async () => (await page.$$(".node")).length;
  // From afar that alone at which the keyboard is.
  await expect.poll(nodes).toBe(1);
  for (let presses = 0; presses < 12; presses++) {
    await page.keyboard.press("+");
    expect(await nodes()).toBeLessThanOrEqual(mostElements);
  }
  expect(await nodes()).toBeGreaterThan(1);

  await page.keyboard.press("t");
  await page.waitForSelector('[data-row="0"]');
  expect((await rowsOf(page)).length).toBeLessThan(60);
  expect(await textOf(page, ".table [role=status]")).toBe("3,000 steps");
  await page.focus('[data-row="0"]');
  await page.keyboard.press("End");
  await page.waitForSelector('[data-row="2999"]:focus');
  expect((await rowsOf(page)).length).toBeLessThan(60);

  const at = drawing.steps.findIndex(({ id }) => id === "job/step-2345");
  const step = drawing.steps[at];
  if (step === undefined) throw new Error("step-2345 is not there");
  await page.keyboard.press("/");
  await page.keyboard.type("step-2345");
  await expect.poll(async () => (await rowsOf(page)).length).toBe(1);
  ui.tell({ type: "changes", steps: [[at, { ...step, state: "failed" }]], artifacts: [] });
  await expect.poll(async () => (await rowsOf(page))[0]?.[0]).toBe("failed");
  expect(errors).toEqual([]);
});
