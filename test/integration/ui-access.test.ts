import type { Page } from "puppeteer-core";
import { describe, expect, onTestFinished, test } from "vitest";
import { stepsOf } from "../../src/cli/graph/steps.ts";
import type { Session } from "../../src/cli/remote/session.ts";
import { transfersOf } from "../../src/cli/ui/artifacts.ts";
import { draw } from "../../src/cli/ui/drawing.ts";
import type { Details, Drawing } from "../../src/page/protocol.ts";
import { browserOfFile } from "../support/browser.ts";
import { openUi, rowsOf, tabTo, textOf } from "../support/ui.ts";
import { objectsOf, stepIn } from "../support/ui-objects.ts";
import { detailsOfCall, run } from "../support/ui-run.ts";
import { type ServedDrawing, serveDrawing } from "../support/ui-served.ts";

const { drawing } = draw(run, undefined);

const withBrowser = test
  .extend("browser", { scope: "file" }, browserOfFile)
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("served", { scope: "file" }, async ({}, { onCleanup }): Promise<ServedDrawing> => {
    const served = await serveDrawing(drawing, {
      step: async () => detailsOfCall,
      artifact: async () => ({ digest: `sha256:${"a".repeat(64)}`, bytes: 70_000, files: ["a.txt"] }),
    });
    onCleanup(served.close);
    return served;
  });

/** What Chromium tells screen readers. */
interface Node {
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
  readonly properties?: readonly { readonly name: string; readonly value: { readonly value: unknown } }[];
}

async function treeOf(page: Page): Promise<Node[]> {
  const session = await page.createCDPSession();
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  await session.detach();
  return (nodes as unknown as Node[]).filter(({ ignored }) => !ignored);
}

/** Everything that can have the focus, by its role and name. */
async function controlsOf(page: Page): Promise<string[]> {
  const isControl = ({ role, properties = [] }: Node) =>
    role?.value !== "RootWebArea" &&
    properties.some(({ name, value }) => name === "focusable" && value.value);
  return (await treeOf(page))
    .filter(isControl)
    .map(({ role, name }) => `${role?.value} ${name?.value ?? ""}`);
}

/** What the focus is at, as it is read, from one Tab to the next until it has been everywhere. */
async function focusOrder(page: Page): Promise<string[]> {
  const read = `(({ ariaLabel, innerText, id, tagName }) => tagName === "BODY" ? "" :
    (ariaLabel ?? (innerText || id)).replaceAll(/\\s+/g, " ").trim())(document.activeElement)`;
  const found: string[] = [];
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    const name = (await page.evaluate(read)) as string;
    if (name === "" || name === found[0]) return found;
    found.push(name);
  }
  throw new Error(`Tab leads nowhere: ${found.join(", ")}`);
}

const narrow = { width: 360, height: 740 };

describe("the page", () => {
  withBrowser.for([
    ["the graph", "", {}],
    ["the details of a step", "n", {}],
    ["the table", "t", {}],
    ["the keys", "?", {}],
    ["the graph in a narrow window", "", narrow],
    ["the details in a narrow window", "n", narrow],
    ["the table in a narrow window", "t", narrow],
  ] as const)("has a name for each control of %s", async ([, keys, look], { browser, served }) => {
    const { page } = await openUi(browser, served, look);
    await page.waitForSelector(".node");
    for (const key of keys) await page.keyboard.press(key as "t");
    if (keys === "n") await page.waitForSelector("aside .events");
    if (keys === "t") await page.waitForSelector("[data-row]");
    if (keys === "?") await page.waitForSelector("dialog[open]");
    const controls = await controlsOf(page);
    expect(controls.length).toBeGreaterThan(keys === "?" ? 0 : 8);
    expect(controls.filter((each) => !/ \S/.test(each))).toEqual([]);
  });

  withBrowser("is gone through in the order in which it is read", async ({ browser, served }) => {
    const { page } = await openUi(browser, served);
    await page.waitForSelector(".node");
    expect(await focusOrder(page)).toEqual([
      ...["22 all", "1 failed", "1 running", "4 waiting", "16 succeeded 10 not run"],
      ...["search", "Graph", "Table", "Keys"],
      expect.stringMatching(/^Artifact data\/(samples|genome)/),
      ...["Nearer", "Farther", "Show everything"],
    ]);
  });

  withBrowser("comes back to where somebody was when details are closed", async ({ browser, served }) => {
    const { page } = await openUi(browser, served);
    await tabTo(page, ".node");
    await page.keyboard.press("Enter");
    await page.waitForSelector("aside");
    await tabTo(page, "aside .close");
    await page.keyboard.press("Enter");
    await page.waitForFunction("document.querySelector('aside') === null");
    await page.waitForSelector(".node:focus");
  });

  withBrowser("keeps the whole graph in sight beside the details", async ({ browser, served }) => {
    const { page } = await openUi(browser, served);
    await page.waitForSelector(".node");
    await page.keyboard.press("n");
    await page.waitForSelector("aside .events");
    const hidden = `(() => {
      const { left, right } = document.querySelector(".stage").getBoundingClientRect();
      return [...document.querySelectorAll(".node")].filter((node) => {
        const box = node.getBoundingClientRect();
        return box.left < left || box.right > right;
      }).map(({ ariaLabel }) => ariaLabel);
    })()`;
    await expect.poll(() => page.evaluate(hidden)).toEqual([]);
    // Each node is an element.
    expect((await page.$$(".node")).length).toBe(drawing.nodes.length);
  });

  withBrowser("has a table that says what its rows and columns are", async ({ browser, served }) => {
    const { page } = await openUi(browser, served);
    await page.keyboard.press("t");
    await page.waitForSelector("[data-row]");
    const tree = await treeOf(page);
    const named = (role: string) =>
      tree.filter((node) => node.role?.value === role).map(({ name }) => name?.value);
    expect(named("table")).toEqual(["Steps"]);
    expect(named("columnheader")).toEqual(["State", "Step", "Why", "Reads", "Makes", "Took"]);
    const rows = await rowsOf(page);
    expect(named("rowheader")).toHaveLength(rows.length);
    const states = (await page.$$eval("thead th", (heads) =>
      heads.map((head) => head.ariaSort),
    )) as unknown[];
    expect(states.slice(0, 2)).toEqual(["none", "none"]);
    await page.locator("thead th:nth-child(2) button").click();
    await page.waitForSelector('thead th:nth-child(2)[aria-sort="ascending"]');
    const cells = Object.fromEntries(rows.map(([state = "", step = "", why = ""]) => [step, [state, why]]));
    expect(cells["fetch-reads Job"]).toEqual([
      "succeeded",
      expect.stringMatching(/^not run: took the result of Job fetch-reads of /),
    ]);
    expect(cells["align Job"]).toEqual([
      "running",
      expect.stringMatching(/^indexes 0-8 not run: took results/),
    ]);
    expect(cells["quality Job"]).toEqual(["succeeded", ""]);
  });

  withBrowser("shows what a failed step has left, as it shows its outputs", async ({ browser }) => {
    const flaky = { "output-uri": "made/x:1", "failure-uri": "failed/x:1" };
    const objects = objectsOf([
      stepIn("flaky", flaky, "failed"),
      stepIn("debug", { "input-uri": "failed/y:1" }, "succeeded"),
      stepIn("frail", { "output-uri": "made/y:1", "failure-uri": "failed/y:1" }, "failed"),
    ]);
    const session = { kubectlOptions: "-n runs" } as Session;
    const details = (id: string): Details => {
      const step = stepsOf(objects).find(({ kind, name }) => `${kind.toLowerCase()}/${name}` === id);
      const transfers = transfersOf(step ?? { inputs: [], outputs: [] }, objects.pods, objects, session);
      return { ...detailsOfCall, id, ...transfers };
    };
    const left = await serveDrawing(draw(objects, undefined).drawing, {
      step: async (id) => details(id),
      artifact: async () => ({ files: ["oras-log.txt"] }),
    });
    onTestFinished(left.close);
    const { page, errors } = await openUi(browser, left);
    await page.waitForSelector('.node[aria-label^="Step flaky, failed"][aria-label$="has left 1"]');
    await page.waitForSelector('.node[aria-label="Artifact failed/y:1, left by 1, read by 1"]');
    await page.keyboard.press("t");
    await page.waitForSelector("[data-row]");
    const tree = await treeOf(page);
    expect(tree.filter(({ role }) => role?.value === "columnheader").map(({ name }) => name?.value)).toEqual([
      "State",
      "Step",
      "Why",
      "Reads",
      "Makes",
      "Left",
      "Took",
    ]);
    const cells = Object.fromEntries((await rowsOf(page)).map(([, step = "", ...rest]) => [step, rest[3]]));
    expect(cells).toEqual({ "flaky Job": "failed/x:1", "frail Job": "failed/y:1", "debug Job": "" });
    await page.keyboard.press("/");
    await page.keyboard.type("failed/x");
    await expect.poll(async () => (await rowsOf(page)).length).toBe(1);
    await tabTo(page, "[data-row]");
    await page.keyboard.press("Enter");
    await page.waitForSelector("aside .events");
    const told = await textOf(page, "aside");
    expect(told).toMatch(/Left when it failed: no output\s+failed\/x:1\s+sha256:[0-9a-f]{12}\s/);
    expect(told).toContain("kubectl oras-cache get -n runs --cache oras failed/x:1");
    expect(await controlsOf(page)).toContain("button Copy the command that gets failed/x:1");
    await tabTo(page, "aside .artifacts ~ .artifacts ~ .artifacts .link");
    await page.keyboard.press("Enter");
    await expect.poll(() => textOf(page, "aside")).toContain("oras-log.txt");
    const artifact = await textOf(page, "aside");
    expect(artifact).toMatch(/Left by only if it fails: no output\s+flaky\s+failed/);
    expect(artifact).toMatch(/sha256:[0-9a-f]{64}/);
    expect(artifact).not.toContain("Made by");
    expect(errors).toEqual([]);
  });

  withBrowser("reads aloud what has become of steps", async ({ browser, served }) => {
    const { page } = await openUi(browser, served);
    await page.waitForSelector(".node");
    const become = (...changes: readonly (readonly [string, Drawing["steps"][number]["state"]])[]) =>
      served.tell({
        type: "changes",
        steps: changes.map(([name, state]) => {
          const at = drawing.steps.findIndex(({ id }) => id === `job/${name}`);
          return [at, { ...(drawing.steps[at] as Drawing["steps"][number]), state }];
        }),
        artifacts: [],
      });
    const announced = () => textOf(page, "[data-announced]");
    expect(await announced()).toBe("");
    become(["align", "failed"], ["call-snv", "running"]);
    await expect.poll(announced, { timeout: 10_000 }).toBe("align failed. call-snv started.");
    expect((await page.$$('[data-announced][aria-live="polite"]')).length).toBe(1);
    become(["align", "running"], ["call-snv", "waiting"]);
  });

  withBrowser("moves nothing for who has asked for that", async ({ browser, served }) => {
    const { page } = await openUi(browser, served);
    await page.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }]);
    await page.keyboard.press("n");
    await page.waitForSelector("aside .events");
    const moving = `[...document.querySelectorAll("*")].filter((element) => {
      const { transitionDuration, animationName } = getComputedStyle(element);
      return animationName !== "none" || transitionDuration.split(",").some((time) => parseFloat(time) > 0);
    }).map(({ className }) => className)`;
    expect(await page.evaluate(moving)).toEqual([]);
  });

  withBrowser.for([
    [360, 740],
    [480, 800],
    [700, 900],
    [900, 380],
  ] as const)(
    "has nothing on top of something else at %i x %i",
    async ([width, height], { browser, served }) => {
      const { page } = await openUi(browser, served, { width, height });
      await page.waitForSelector(".node");
      const parts = [".top", ".chips", ".search", ".views", ".live", ".zoom", "main > *"];
      const check = `(() => {
      const seen = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility());
      const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
      const overlaps = (elements) => elements.flatMap((a, at) => elements.slice(at + 1).flatMap((b) =>
        apart(a.getBoundingClientRect(), b.getBoundingClientRect()) ? [] : [a.className + " on " + b.className]));
      const out = seen(${JSON.stringify(parts.join(","))}).filter((e) => {
        const { left, right } = e.getBoundingClientRect();
        return left < -1 || right > innerWidth + 1;
      }).map(({ className }) => className + " is cut");
      return [...overlaps(seen(".top > *")), ...overlaps(seen(".chip")), ...overlaps(seen("main > *")),
        ...overlaps([...seen(".top"), ...seen("main")]), ...out];
    })()`;
      expect(await page.evaluate(check)).toEqual([]);
      const covered = `(() => {
      const { left, top } = document.querySelector(".zoom").getBoundingClientRect();
      return [...document.querySelectorAll(".node")].filter((node) => {
        const { right, bottom } = node.getBoundingClientRect();
        return right > left && bottom > top;
      }).map(({ ariaLabel }) => ariaLabel);
    })()`;
      expect(await page.evaluate(covered)).toEqual([]);
      await page.keyboard.press("n");
      await page.waitForSelector("aside .events");
      expect(await page.evaluate(check)).toEqual([]);
    },
  );
});
