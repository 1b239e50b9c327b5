import { existsSync } from "node:fs";
import { type Browser, launch, type Page } from "puppeteer-core";

const program = "/usr/bin/chromium";

/**
 * Starts Debian's Chromium without a window, in its own folder.
 *
 * @throws where it is not installed: a test that needs it does not pass without it
 */
export async function startBrowser(): Promise<Browser> {
  if (!existsSync(program))
    throw new Error(`${program} is not there: run node dev/cluster/main.ts prepare --packages`);
  // Its sandbox needs namespaces that root in a container does not have; it opens nothing but pages of the tests.
  return launch({
    executablePath: program,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
}

/** A fixture: a browser for the tests of a file. */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
export async function browserOfFile({}, { onCleanup }: { onCleanup: (end: () => Promise<void>) => void }) {
  const browser = await startBrowser();
  onCleanup(() => browser.close());
  return browser;
}

/** A tab of a browser, with what went wrong in it and whom it asked. */
export interface Tab {
  readonly page: Page;
  /** Errors of scripts, and what the page's own policy refused. */
  readonly errors: string[];
  readonly requests: string[];
}

/** How a tab is looked at. */
export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
}

/**
 * Opens a tab of its own cookies.
 *
 * @param browser - see startBrowser
 * @param look - of the tab
 */
export async function openTab(browser: Browser, look: Look = {}): Promise<Tab> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setViewport({ width: look.width ?? 1280, height: look.height ?? 800 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: look.dark ? "dark" : "light" }]);
  const errors: string[] = [];
  const requests: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("request", (request) => requests.push(request.url()));
  return { page, errors, requests };
}
