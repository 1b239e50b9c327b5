// How the page of `ui` paints 3,000 steps in Debian's Chromium without a GPU at 1280x800: when the graph is there, and how long
// frames take while it is being moved and 20 steps change with each frame. A run in which the machine has other work (a load
// above 2) is done again and does not count.
import { loadavg } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Page } from "puppeteer-core";
import { draw } from "../../src/cli/ui/drawing.ts";
import { stepStates } from "../../src/lineage/graph.ts";
import type { Drawing } from "../../src/page/protocol.ts";
import { openTab, startBrowser } from "../support/browser.ts";
import { manySteps, randomNumbers } from "../support/ui-objects.ts";
import { type ServedDrawing, serveDrawing } from "../support/ui-served.ts";
import { median, table } from "./table.ts";

const frames = 180;
const changesAtOnce = 20;
const frameMs = 1000 / 60;
const mostMs = 50;
const mostLoad = 2;
const restMs = 15_000;

/** Nearer by the key `+` so often. */
const zooms = { "all of it": 0, "so near that nodes are elements": 9 } as const;
type Zoom = keyof typeof zooms;

/** What a run has shown. Milliseconds; `nodes` and `edges` from the start of the navigation. */
interface Run {
  readonly load: number;
  readonly nodes: number;
  readonly edges: number;
  readonly moved: Readonly<Record<Zoom, Moved>>;
}

interface Moved {
  readonly took: readonly number[];
  /** Elements in the graph, and steps that changed meanwhile. */
  readonly elements: number;
  readonly changes: number;
}

/** In the page: when nodes were painted, and all edges. The canvas that is painted first is hidden when the other has all. */
const watchPaint = `
  window.painted = {};
  const look = () => {
    const { painted } = window;
    if (document.querySelector(".node") !== null) painted.nodes ??= performance.now();
    if (painted.nodes !== undefined && document.querySelector(".stage canvas").hidden) painted.edges = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);`;

/** In the page: pulls the graph in circles as two fingers on a pad do, a step with each frame, and says how long each took. */
const pullInCircles = `new Promise((resolve) => {
    const took = [];
    let last;
    const go = (now) => {
      if (last !== undefined) took.push(now - last);
      last = now;
      if (took.length === ${frames}) return resolve(took);
      const angle = (took.length / 60) * 2 * Math.PI;
      const pull = { deltaX: 12 * Math.cos(angle) || 1, deltaY: 12 * Math.sin(angle) };
      const event = new WheelEvent("wheel", { ...pull, bubbles: true, cancelable: true });
      document.querySelector(".stage").dispatchEvent(event);
      requestAnimationFrame(go);
    };
    requestAnimationFrame(go);
  })`;

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "3000" },
    runs: { type: "string", default: "3" },
    tries: { type: "string", default: "20" },
  },
});
const begun = performance.now();
const { drawing } = draw(manySteps(Number(options.steps)), undefined);
console.log(
  `${drawing.steps.length} steps, ${drawing.nodes.length} nodes, ${drawing.edges.length} edges, placed by the program in ${ms(performance.now() - begun)} ms`,
);
const ui = await serveDrawing(drawing);
const browser = await startBrowser();
const runs: Run[] = [];
try {
  for (let tries = 0; runs.length < Number(options.runs) && tries < Number(options.tries); tries++) {
    const run = await measure();
    const { load } = run;
    if (load <= mostLoad) runs.push(run);
    const verdict = load <= mostLoad ? "counts" : `does not count and is done again: above ${mostLoad}`;
    console.log(`\nload ${load.toFixed(2)}: ${verdict}\n${shown(run)}`);
    if (load > mostLoad) await pause(restMs);
  }
} finally {
  await browser.close();
  await ui.close();
}
console.log(`\n${runs.length} runs count of ${options.runs} that were asked for.`);
if (runs.length > 0)
  console.log(
    `Their medians: nodes are there after ${ms(median(runs.map(({ nodes }) => nodes)))} ms, edges after ${ms(median(runs.map(({ edges }) => edges)))} ms`,
  );

async function measure(): Promise<Run> {
  const before = load();
  const { page, errors } = await openTab(browser);
  await page.evaluateOnNewDocument(watchPaint);
  await page.goto(ui.address.href);
  await page.waitForFunction("window.painted?.edges !== undefined");
  const { nodes, edges } = (await page.evaluate("window.painted")) as { nodes: number; edges: number };
  const moved: Partial<Record<Zoom, Moved>> = {};
  let presses = 0;
  for (const [zoom, times] of Object.entries(zooms) as [Zoom, number][]) {
    for (; presses < times; presses++) await page.keyboard.press("+");
    // What zooming leaves to be painted is not what is measured.
    await pause(500);
    moved[zoom] = await moveIt(page, ui, drawing);
  }
  if (errors.length > 0) throw new Error(errors.join("\n"));
  await page.browserContext().close();
  return { load: Math.max(before, load()), nodes, edges, moved: moved as Run["moved"] };
}

/** Moves the graph while the program tells of steps that have changed. */
async function moveIt(page: Page, { tell }: ServedDrawing, { steps }: Drawing): Promise<Moved> {
  const drawn = randomNumbers();
  const any = <T>(list: readonly T[]) => Math.floor(drawn() * list.length);
  let changes = 0;
  const telling = setInterval(() => {
    const changed = Array.from({ length: changesAtOnce }, () => {
      const at = any(steps);
      return [at, { ...steps[at], state: stepStates[any(stepStates)] }] as const;
    });
    changes += changed.length;
    tell({ type: "changes", steps: changed as never, artifacts: [] });
  }, frameMs);
  try {
    const took = (await page.evaluate(pullInCircles)) as number[];
    return { took, elements: (await page.$$(".node")).length, changes };
  } finally {
    clearInterval(telling);
  }
}

function shown({ nodes, edges, moved }: Run): string {
  const rows = (Object.entries(moved) as [Zoom, Moved][]).map(([zoom, { took, elements, changes }]) => {
    const sorted = took.toSorted((a, b) => a - b);
    const at = (part: number) => ms(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]);
    const slow = took.filter((each) => each > mostMs).length;
    const share = `${slow} (${((100 * slow) / took.length).toFixed(1)} %)`;
    return [zoom, at(0.5), at(0.99), at(1), share, String(elements), String(changes)];
  });
  return `nodes are there after ${ms(nodes)} ms, edges after ${ms(edges)} ms; ${frames} frames:\n${table(
    ["what is seen", "p50 ms", "p99 ms", "longest ms", `above ${mostMs} ms`, "elements", "changes"],
    rows,
  )}`;
}

/** Of the last minute. */
function load(): number {
  return loadavg()[0] ?? 0;
}

function ms(value = Number.NaN): string {
  return value.toFixed(0);
}
