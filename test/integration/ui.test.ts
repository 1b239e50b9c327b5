import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished } from "vitest";
import { cookieName } from "../../src/cli/ui/decide.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { browserOfFile, openTab } from "../support/browser.ts";
import { kubeconfigFor } from "../support/control-plane.ts";
import { endOf, makeEndedPod, makeJob } from "../support/ended-jobs.ts";
import { temporaryFolder } from "../support/folders.ts";
import { test as base } from "../support/integration.ts";
import { type ObjectsIn, objectsIn } from "../support/objects-in.ts";
import { makePlugin } from "../support/plugin.ts";
import { startProxy } from "../support/proxy.ts";
import { makeUser, openUi, rowsOf, startUi, tabTo, textOf, type Ui } from "../support/ui.ts";

const test = base
  .extend("browser", { scope: "file" }, browserOfFile)
  /** A namespace with four steps: one has succeeded, one has failed. */
  .extend("runs", { scope: "file" }, async ({ installed }): Promise<ObjectsIn> => {
    const runs = await objectsIn(installed, "runs");
    await makeJob(runs, "split", { "input-uri": "data/raw:v1", "output-uri": "parts/all:v1" });
    await makeJob(runs, "count", { "input-uri": "parts/all:v1", "output-uri": "counts/all:v1" });
    await makeJob(runs, "report", { "input-uri": "counts/all:v1", "output-uri": "report/all:v1" });
    await makeJob(runs, "align", { "input-uri": "parts/all:v1", "output-uri": "aligned/all:v1" });
    await runs.patchStatus(resources.jobs, "split", endOf("Complete", "CompletionsReached"));
    await runs.patchStatus(resources.jobs, "align", endOf("Failed", "BackoffLimitExceeded"));
    await makeEndedPod(runs, "align", "Failed", "main", { exitCode: 137, reason: "OOMKilled" });
    // Its log is that of a node that has gone.
    const name = "align-x7k2p";
    const path = `${pathOf(resources.pods, { namespace: runs.namespace, name })}/binding`;
    const body = { metadata: { name }, target: { kind: "Node", name: "gone" } };
    await installed.request({ method: "POST", path, body });
    return runs;
  })
  .extend("ui", { scope: "file" }, async ({ runs }, { onCleanup }): Promise<Ui> => {
    const ui = await startUi(await makePlugin(runs.namespace));
    onCleanup(async () => void (await ui.stop()));
    return ui;
  });

describe("ui", () => {
  test("shows the steps of the namespace, and what becomes of them without a reload", async ({
    runs,
    browser,
    ui,
  }) => {
    const { page, errors, requests } = await openUi(browser, ui);
    await page.keyboard.press("t");
    const states = async () => Object.fromEntries((await rowsOf(page)).map(([state, step]) => [step, state]));
    const before = {
      ...{ "split Job": "succeeded", "align Job": "failed" },
      ...{ "count Job": "waiting", "report Job": "waiting" },
    };
    await expect.poll(states).toEqual(before);
    expect((await rowsOf(page))[0]).toEqual([
      ...["succeeded", "split Job", "", "data/raw:v1", "parts/all:v1"],
      expect.stringMatching(/^\d+ s$/),
    ]);

    await makeJob(runs, "plot", { "input-uri": "counts/all:v1", "output-uri": "plots/all:v1" });
    await expect.poll(states).toEqual({ ...before, "plot Job": "waiting" });
    await runs.patchStatus(resources.jobs, "count", endOf("Failed", "BackoffLimitExceeded"));
    const after = { ...before, "count Job": "failed", "plot Job": "waiting" };
    await expect.poll(states).toEqual(after);

    await page.keyboard.press("f");
    await expect.poll(states).toEqual({ "align Job": "failed", "count Job": "failed" });
    await page.keyboard.press("Escape");
    await expect.poll(states).toEqual(after);
    await page.keyboard.press("/");
    await page.keyboard.type("plots/");
    await expect.poll(states).toEqual({ "plot Job": "waiting" });

    // Nothing is asked of anybody else, and the address that stays has no token.
    expect(page.url()).toBe(`${ui.address.origin}/`);
    expect(requests.filter((url) => new URL(url).origin !== ui.address.origin)).toEqual([]);
    expect(errors).toEqual([]);
  });

  test("tells all of a step that the keyboard has chosen, in the table and in the graph", async ({
    runs,
    browser,
    ui,
  }) => {
    const { page, errors } = await openUi(browser, ui);
    await page.keyboard.press("t");
    await page.waitForSelector("[data-row]");
    await tabTo(page, "[data-row]");
    await page.keyboard.press("ArrowDown");
    await page.waitForSelector('[data-row="1"]:focus');
    await page.keyboard.press("/");
    await page.keyboard.type("aligned/");
    await expect.poll(async () => (await rowsOf(page)).length).toBe(1);
    await tabTo(page, "[data-row]");
    await page.keyboard.press("Enter");
    const details = () => textOf(page, "aside");
    await expect.poll(details).toContain("kubectl oras-cache status job/align --namespace runs");
    const told = await details();
    const why = "kubectl oras-cache why job/align --namespace runs";
    for (const text of ["OOMKilled", "parts/all:v1", "aligned/all:v1", why]) expect(told).toContain(text);
    expect(told).toContain("The log of align-x7k2p/main is missing: ");
    await page.locator("aside ::-p-text(parts/all:v1)").click();
    await expect.poll(details).toContain('There is no OrasCache "oras" in the namespace runs');
    expect(await details()).toMatch(/Made by\s+split\s+succeeded/);
    await page.keyboard.press("Escape");
    await expect.poll(details).toBe("");
    await page.keyboard.press("?");
    await expect.poll(() => textOf(page, "dialog[open]")).toContain("search");
    await page.keyboard.press("Escape");
    await page.waitForFunction("document.querySelector('dialog') === null");

    // What the table was asked for counts in the graph, too.
    await page.keyboard.press("t");
    await page.waitForSelector(".node.dimmed");
    await tabTo(page, ".node");
    await page.keyboard.press("Enter");
    await expect.poll(details).toContain("data/raw:v1");
    await page.keyboard.press("Escape");
    // Another Job changes places, and not where the keyboard is.
    await page.keyboard.press("ArrowRight");
    const label = "Step split, succeeded";
    await page.waitForSelector(`.node[aria-label^="${label}"]:focus`);
    await makeJob(runs, "another", { "output-uri": "a/first:v1" });
    await page.waitForSelector('.node[aria-label^="Step another"]');
    await page.waitForSelector(`.node[aria-label^="${label}"]:focus`);
    expect(errors).toEqual([]);
  });

  test("is limited to a run, says so and how to see all", async ({ runs, browser, ui }) => {
    await makeJob(runs, "alone", { "input-uri": "parts/all:v1", "output-uri": "alone/all:v1" });
    const limited = await startUi(await makePlugin(runs.namespace), ["--run", "18"]);
    const { page, errors } = await openUi(browser, limited);
    await page.waitForSelector('.node[aria-label^="Step alone"]');
    expect(await textOf(page, "h1")).toMatch(/^Run in the namespace runs\s+18$/);
    expect(await page.title()).toBe("18 · runs · oras-cache");
    const notices = () => textOf(page, '.notices[role="status"]');
    expect(await notices()).toBe(
      "You see the run 18 alone: only the steps with this annotation run. All of the namespace: kubectl oras-cache ui -n runs",
    );
    await page.keyboard.press("t");
    const steps = async () => (await rowsOf(page)).map(([, step]) => step);
    await expect.poll(steps).toEqual(["alone Job"]);
    // Its input is made by a step of another run.
    await page.locator("[data-row]").click();
    await page.locator("aside ::-p-text(parts/all:v1)").click();
    await expect.poll(() => textOf(page, "aside")).toContain("No step of this run makes it.");
    // What comes later is seen if it is of the run.
    const map = { "input-uri": "alone/all:v1", "output-uri": "later/all:v1" };
    await makeJob(runs, "of-another", map);
    await makeJob(runs, "later", { ...map, run: "18" });
    await expect.poll(steps).toEqual(["alone Job", "later Job"]);
    const { page: whole } = await openUi(browser, ui);
    await whole.waitForSelector('.node[aria-label^="Step of-another"]');
    expect(await textOf(whole, ".notices")).toBe("");
    expect(errors).toEqual([]);
    expect(await limited.stop()).toEqual({ code: 0, stderr: "" });
    await expect.poll(notices).toContain("start it again: kubectl oras-cache ui -n runs --run 18");

    const none = await startUi(await makePlugin(runs.namespace), ["--run", "of nobody"]);
    onTestFinished(async () => void (await none.stop()));
    const { page: empty } = await openUi(browser, none);
    await expect
      .poll(() => textOf(empty, ".empty"))
      .toContain("No Job or Pod with the annotation run: of nobody names an input or output.");
  });

  test("answers nobody who has not the address that the command has printed", async ({ browser, ui }) => {
    const token = ui.address.searchParams.get("token") ?? "";
    const cookie = `${cookieName(Number(ui.address.port))}=${token}`;
    const ask = async (path: string, headers: Readonly<Record<string, string>>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const asked = request(new URL(path, ui.address), { headers }, (response) => {
          response.destroy();
          resolve(response.statusCode);
        });
        asked.on("error", reject).end();
      });
    expect(await ask("/step?id=job/count", { cookie })).toBe(200);
    expect(await ask("/events", { cookie })).toBe(200);
    expect(await ask("/events", { cookie, host: "evil.example" })).toBe(421);
    expect(await ask("/events", { cookie, origin: "http://evil.example" })).toBe(403);
    expect(await ask("/events", {})).toBe(401);
    expect(await ask("/step?id=job/count", {})).toBe(401);
    expect(await ask("/?token=guessed", {})).toBe(403);

    const { page } = await openTab(browser);
    await page.goto(ui.address.origin);
    await expect
      .poll(() => textOf(page, ".notices"))
      .toBe("Open the address that the command has printed, with its token. Each start has another.");
  });

  test("says to who may not see Jobs what is missing", async ({ browser, installed, plane, runs }) => {
    const kubeconfig = await makeUser({ plane, client: installed }, runs.namespace, "jane");
    const ui = await startUi(await makePlugin(runs.namespace, kubeconfig));
    const { page } = await openUi(browser, ui);
    await expect
      .poll(() => textOf(page, ".notices"))
      .toMatch(/right to list.* jobs .*Jobs are missing here\./);
    expect(await textOf(page, ".empty")).toContain("No step to be seen");
    expect(await ui.stop()).toEqual({ code: 0, stderr: "" });
    // It is no longer there, and the page says so.
    await expect.poll(() => textOf(page, ".notices")).toContain("kubectl oras-cache ui -n runs");
  });

  test("says that the API server does not answer, and goes on when it does", async ({
    browser,
    plane,
    runs,
  }) => {
    const proxy = await startProxy(plane.server);
    onTestFinished(proxy.close);
    const kubeconfig = join(temporaryFolder("ui"), "kubeconfig");
    const server = new URL(`https://${plane.server.hostname}:${proxy.port}`);
    writeFileSync(kubeconfig, kubeconfigFor(server, plane.ca, plane.token), { mode: 0o600 });
    const ui = await startUi(await makePlugin(runs.namespace, kubeconfig));
    onTestFinished(async () => void (await ui.stop()));
    const { page } = await openUi(browser, ui);
    proxy.cut();
    await expect.poll(() => textOf(page, ".live")).toBe("stale");
    expect(await textOf(page, ".notices")).toContain("The API server does not answer: ");
    await makeJob(runs, "meanwhile", { "output-uri": "meanwhile/all:v1" });
    proxy.restore();
    await page.waitForSelector('.node[aria-label^="Step meanwhile"]');
    await expect.poll(() => textOf(page, ".live")).toBe("live");
    expect(await textOf(page, ".notices")).toBe("");
  });
});
