import { expect, onTestFinished, test } from "vitest";
import { draw } from "../../src/cli/ui/drawing.ts";
import { startBrowser } from "../support/browser.ts";
import { openUi, rowsOf, textOf } from "../support/ui.ts";
import { manySteps, objectsOf, stepIn } from "../support/ui-objects.ts";
import { serveDrawing } from "../support/ui-served.ts";

const mostElements = 301;

test("of 3,000 steps those are elements that are seen", async () => {
  const { drawing } = draw(manySteps(3_000), undefined);
  const ui = await serveDrawing(drawing);
  onTestFinished(ui.close);
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

test("a step that runs says for how long, also where nothing changes and nobody moves the graph", async () => {
  const running = stepIn("align", { "output-uri": "aligned/all:v1" }, "running");
  const { drawing } = draw(objectsOf([running]), undefined);
  const startedAt = new Date().toISOString();
  const ui = await serveDrawing({ ...drawing, steps: drawing.steps.map((step) => ({ ...step, startedAt })) });
  onTestFinished(ui.close);
  const browser = await startBrowser();
  onTestFinished(() => browser.close());
  const { page } = await openUi(browser, ui);
  const label = '.node[aria-label^="Step align, running"]';
  await page.waitForSelector(label);
  const before = await textOf(page, label);
  await expect.poll(() => textOf(page, label), { timeout: 30_000 }).not.toBe(before);
});
