import { expect, onTestFinished, test } from "vitest";
import { draw } from "../../src/cli/ui/drawing.ts";
import { startBrowser } from "../support/browser.ts";
import { openUi, rowsOf, tabTo, textOf } from "../support/ui.ts";
import { manySteps, objectsOf, stepIn } from "../support/ui-objects.ts";
import { detailsOfCall } from "../support/ui-run.ts";
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

test("the end of a long log is what is seen of it, the keyboard scrolls it, and who reads it is left where they are", async () => {
  const failed = stepIn("align", { "output-uri": "aligned/all:v1" }, "failed");
  const { drawing } = draw(objectsOf([failed]), undefined);
  let told = 40;
  const lines = () => Array.from({ length: told }, (_, at) => `line ${at}`).join("\n");
  const step = async () => ({ ...detailsOfCall, logs: [{ container: "align-x7k2p/main", lines: lines() }] });
  const ui = await serveDrawing(drawing, { step });
  onTestFinished(ui.close);
  const browser = await startBrowser();
  onTestFinished(() => browser.close());
  const { page } = await openUi(browser, ui);
  await page.keyboard.press("n");
  await page.waitForSelector("aside pre");
  const seen = async () =>
    (await page.evaluate(`(({ scrollTop, clientHeight, scrollHeight }) => ({ left: scrollHeight - clientHeight - scrollTop, height: scrollHeight - clientHeight }))(
      document.querySelector("aside pre"))`)) as { left: number; height: number };
  await expect.poll(async () => (await seen()).left).toBeLessThan(2);
  expect((await seen()).height).toBeGreaterThan(50);

  const more = async () => {
    told += 10;
    const [now] = drawing.steps;
    if (now === undefined) throw new Error("there is no step");
    ui.tell({ type: "changes", steps: [[0, { ...now, message: `${told} lines` }]], artifacts: [] });
    await page.waitForFunction(`document.querySelector("aside pre").innerText.includes("line ${told - 1}")`);
  };
  await more();
  await expect.poll(async () => (await seen()).left).toBeLessThan(2);
  await tabTo(page, "aside pre");
  await page.keyboard.press("Home");
  await expect.poll(async () => (await seen()).left).toBeGreaterThan(50);
  await more();
  expect((await seen()).left).toBeGreaterThan(50);
});

test("names of artifacts that are near each other are told apart where they are small", async () => {
  const trials = [1, 2, 3].flatMap((trial) => {
    const artifact = (name: string) => `climate/${name}:trial-${trial}`;
    const makes = (name: string, inputs: object) =>
      stepIn(`trial-${trial}-${name}`, { ...inputs, "output-uri": artifact(name) }, "succeeded");
    return [
      makes("raw", {}),
      ...["north", "south"].map((name) => makes(name, { "input-uri": artifact("raw") })),
      makes("all", { "input-uri": artifact("north"), "input-uri_1": artifact("south") }),
      makes("plot", { "input-uri": artifact("all") }),
      makes("report", { "input-uri": artifact("plot") }),
    ];
  });
  const alone = Array.from({ length: 7 }, (_, at) => `alone-${"abcdefg"[at]}`).map((name) =>
    stepIn(name, { "output-uri": `climate/${name}:1` }, "succeeded"),
  );
  const { drawing } = draw(objectsOf([...trials, ...alone]), undefined);
  const ui = await serveDrawing(drawing);
  onTestFinished(ui.close);
  const browser = await startBrowser();
  onTestFinished(() => browser.close());
  const { page } = await openUi(browser, ui, { width: 1280, height: 800 });
  await page.waitForSelector(".small .node.artifacts");
  const cut = (part: string) =>
    page.evaluate(`[...document.querySelectorAll(".node.artifacts .${part}")]
      .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth).map(({ textContent }) => textContent)`);
  // The folder that they share goes first.
  expect(await cut("folder")).toContain("climate/");
  expect(await cut("repository")).toEqual([]);
  expect(await page.$$(".node.artifacts")).toHaveLength(25);
});
