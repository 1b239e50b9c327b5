import { readFile } from "node:fs/promises";
import { describe, expect, onTestFinished } from "vitest";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { browserOfFile } from "../support/browser.ts";
import { cacheOf } from "../support/builders.ts";
import { endOf, makeJob } from "../support/ended-jobs.ts";
import { test as base } from "../support/integration.ts";
import { type ObjectsIn, objectsIn } from "../support/objects-in.ts";
import { makePlugin } from "../support/plugin.ts";
import { makeUser, openUi, startUi, textOf } from "../support/ui.ts";

/** What `view` is put together from by a controller that does not run beside an API server alone. */
const viewing = ["system:aggregate-to-view", "oras-operator-orascache-viewer"];

const test = base
  .extend("browser", { scope: "file" }, browserOfFile)
  /** A namespace with a cache that asks for a password, and a step that has succeeded. */
  .extend("runs", { scope: "file" }, async ({ installed }): Promise<ObjectsIn> => {
    const roles = parseAllDocuments(await readFile("config/rbac/orascache-roles.yaml", "utf8"));
    for (const role of roles)
      await installed.request({
        ...{ method: "POST", path: "/apis/rbac.authorization.k8s.io/v1/clusterroles", body: role.toJS() },
      });
    const runs = await objectsIn(installed, "runs");
    await runs.create(resources.orasCaches, cacheOf("oras", {}));
    await runs.patchStatus(resources.orasCaches, "oras", { credentialsSecret: "oras-auth" });
    const secret = { metadata: { name: "oras-auth" }, stringData: { username: "oras", password: "hidden" } };
    await runs.create(resources.secrets, secret as unknown as KubeObject);
    await makeJob(runs, "split", { "input-uri": "data/raw:v1", "output-uri": "parts/all:v1" });
    await runs.patchStatus(resources.jobs, "split", endOf("Complete", "CompletionsReached"));
    return runs;
  });

describe("ui", () => {
  test("shows nothing of a namespace to a user of another one, and says why", async ({
    browser,
    installed: client,
    plane,
    runs,
  }) => {
    const theirs = await objectsIn(client, "theirs");
    const kubeconfig = await makeUser({ plane, client }, theirs.namespace, "mallory", [...viewing, "admin"]);
    const ui = await startUi(await makePlugin(runs.namespace, kubeconfig));
    onTestFinished(async () => void (await ui.stop()));
    const { page } = await openUi(browser, ui);
    const notices = () => textOf(page, ".notices");
    for (const kind of ["jobs", "pods", "orascaches"])
      await expect
        .poll(notices)
        .toContain(`You have no right to list and watch ${kind} in the namespace runs.`);
    expect(await textOf(page, ".empty")).toContain("No step to be seen");
    expect(await page.$$(".node")).toEqual([]);
    const ask = (path: string) =>
      page.evaluate(
        `fetch(${JSON.stringify(path)}).then(async (answer) => [answer.status, await answer.text()])`,
      );
    const [status, text] = (await ask("/step?id=job/split")) as [number, string];
    expect(status).toBe(502);
    expect(text).toContain("You have no right to");
    const place = encodeURIComponent("oras-0.oras.runs.svc.cluster.local:5000/parts/all:v1");
    const [, held] = (await ask(`/artifact?id=${place}`)) as [number, string];
    expect(JSON.parse(held)).toEqual({ unread: "No step here names it." });
    const everything = (await page.evaluate("document.body.innerText")) as string;
    for (const name of ["split", "parts/all", "data/raw"]) expect(everything).not.toContain(name);
  });

  test("shows the graph to who may view the namespace, and says what the registry would have told", async ({
    browser,
    installed: client,
    plane,
    runs,
  }) => {
    const kubeconfig = await makeUser({ plane, client }, runs.namespace, "viewer", viewing);
    const ui = await startUi(await makePlugin(runs.namespace, kubeconfig));
    onTestFinished(async () => void (await ui.stop()));
    const { page, errors } = await openUi(browser, ui);
    await page.waitForSelector('.node[aria-label^="Step split, succeeded"]');
    expect(await textOf(page, ".notices")).toBe("");
    await page.locator('.node[aria-label^="Artifact parts/all:v1"]').click();
    const details = () => textOf(page, "aside");
    await expect
      .poll(details)
      .toContain('You have no right to get secrets "oras-auth" in the namespace runs.');
    const told = await details();
    expect(told).toContain("kubectl oras-cache grant USER oras -n runs");
    expect(told).toMatch(/Made by\s+split\s+succeeded/);
    expect(told).not.toContain("hidden");
    // With the Secret, the way to the registry is what is missing.
    const rule = { apiGroups: [""], resources: ["secrets"], resourceNames: ["oras-auth"], verbs: ["get"] };
    const metadata = { name: "read-oras-auth" };
    const path = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    await client.request({ method: "POST", path, body: { metadata, rules: [rule] } });
    const other = await makeUser({ plane, client }, runs.namespace, "reader", [...viewing, metadata.name]);
    const second = await startUi(await makePlugin(runs.namespace, other));
    onTestFinished(async () => void (await second.stop()));
    const { page: again } = await openUi(browser, second);
    await again.locator('.node[aria-label^="Artifact parts/all:v1"]').click();
    await expect
      .poll(() => textOf(again, "aside"))
      .toContain('You have no right to get and create pods/portforward "oras-0" in the namespace runs.');
    expect(errors).toEqual([]);
  });
});
