// Makes the pictures of the page in docs/images: `npm run docs:pictures`, or with another folder behind it. With `--all` it makes more, of
// other windows, to look at: see `looks`.
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { draw } from "../../src/cli/ui/drawing.ts";
import { type Look, openTab, startBrowser } from "./browser.ts";
import { detailsOfCall, run } from "./ui-run.ts";
import { serveDrawing } from "./ui-served.ts";

const { values: options, positionals } = parseArgs({
  options: { all: { type: "boolean", default: false } },
  allowPositionals: true,
});
const [folder = "docs/images"] = positionals;

interface Picture extends Look {
  /** Keys that are pressed first, such as `n`, which shows the step that failed. */
  readonly keys?: string;
}

const looks: Readonly<Record<string, Picture>> = {
  "ui-light": { width: 1184, height: 720, keys: "n" },
  "ui-dark": { width: 1184, height: 720, keys: "n", dark: true },
};
const more: Readonly<Record<string, Picture>> = {
  graph: {},
  "table-dark": { keys: "t", dark: true },
  help: { keys: "?" },
  "700": { width: 700, height: 900 },
  "700-panel": { width: 700, height: 900, keys: "n" },
  "480-table": { width: 480, height: 800, keys: "t" },
  "360": { width: 360, height: 740 },
  "360-panel": { width: 360, height: 740, keys: "n", dark: true },
  "360-table-panel": { width: 360, height: 740, keys: "tn", dark: true },
  "360-table": { width: 360, height: 740, keys: "t" },
  "360-help": { width: 360, height: 740, keys: "?" },
  "800-panel": { width: 800, height: 600, keys: "n" },
  "low-panel": { width: 900, height: 380, keys: "n" },
};

const ui = await serveDrawing(draw(run, undefined).drawing, { step: async () => detailsOfCall });
const browser = await startBrowser();
await mkdir(folder, { recursive: true });
try {
  for (const [name, { keys = "", ...look }] of Object.entries(options.all ? { ...looks, ...more } : looks)) {
    const { page } = await openTab(browser, look);
    await page.evaluateOnNewDocument(`Date.now = () => ${Date.parse("2026-11-27T09:05:12Z")}`);
    await page.goto(ui.address.href);
    await page.waitForSelector(".live.on");
    await page.waitForSelector(".node");
    for (const key of keys) await page.keyboard.press(key as "t");
    if (keys.includes("n")) await page.waitForSelector("aside .events");
    // Nothing is painted or moved any more.
    await page.waitForNetworkIdle();
    await page.evaluate("new Promise((resolve) => setTimeout(resolve, 400))");
    const file = join(folder, `${name}.png`);
    await writeFile(file, await page.screenshot());
    console.log(`${file}: ${Math.ceil((await stat(file)).size / 1024)} KiB`);
    await page.browserContext().close();
  }
} finally {
  await browser.close();
  await ui.close();
}
