import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import type { KubeClient } from "../../src/kube/client.ts";
import { type Look, openTab, type Tab } from "./browser.ts";
import { type ControlPlane, kubeconfigFor } from "./control-plane.ts";
import { temporaryFolder } from "./folders.ts";
import type { Plugin } from "./plugin.ts";

/** The page of a namespace, served by the command. */
export interface Ui {
  /** That the command has printed. */
  readonly address: URL;
  /** Ends the command as Ctrl-C does, and says with which code it ended and what it has printed to standard error. */
  readonly stop: () => Promise<{ readonly code: number | null; readonly stderr: string }>;
}

/**
 * Starts `ui`, and waits for its address.
 *
 * @param plugin - the program, in the namespace
 * @param options - of the command
 */
export async function startUi(plugin: Plugin, options: readonly string[] = []): Promise<Ui> {
  const { child, ended, said } = plugin.start(["ui", ...options]);
  const [address = ""] = /http:\/\/\S+/.exec(await said("until you press Ctrl-C")) ?? [];
  return {
    address: new URL(address),
    stop: async () => {
      child.kill("SIGINT");
      const { code, stderr } = await ended;
      return { code, stderr };
    },
  };
}

/**
 * Opens the page as a person does, and waits until it shows the namespace.
 *
 * @param browser - see startBrowser
 * @param ui - the page
 * @param look - of the tab
 */
export async function openUi(
  browser: Browser,
  { address }: Pick<Ui, "address">,
  look: Look = {},
): Promise<Tab> {
  const tab = await openTab(browser, look);
  await tab.page.goto(address.href);
  await tab.page.waitForSelector(".live.on");
  return tab;
}

/** Where the API server is, and who it is asked by. */
interface Admin {
  readonly plane: Pick<ControlPlane, "server" | "ca">;
  readonly client: KubeClient;
}

/**
 * Makes somebody who may do what some ClusterRoles allow, in one namespace.
 *
 * @param admin - with every right
 * @param namespace - of their ServiceAccount, and of the rights
 * @param name - of their ServiceAccount
 * @param roles - ClusterRoles
 * @returns the path of their kubeconfig
 */
export async function makeUser(
  { plane, client }: Admin,
  namespace: string,
  name: string,
  roles: readonly string[] = [],
): Promise<string> {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  await client.request({ method: "POST", path: accounts, body: { metadata: { name } } });
  for (const role of roles) {
    const group = "rbac.authorization.k8s.io";
    const body = {
      metadata: { generateName: `${name}-` },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
      roleRef: { apiGroup: group, kind: "ClusterRole", name: role },
    };
    await client.request({
      method: "POST",
      path: `/apis/${group}/v1/namespaces/${namespace}/rolebindings`,
      body,
    });
  }
  const path = `${accounts}/${name}/token`;
  const { status } = await client.request<{ status: { token: string } }>({ method: "POST", path, body: {} });
  const kubeconfig = join(temporaryFolder("ui"), name);
  writeFileSync(kubeconfig, kubeconfigFor(plane.server, plane.ca, status.token), { mode: 0o600 });
  return kubeconfig;
}

/** The rows of the table: the cells of each, as they are read. */
export async function rowsOf(page: Page): Promise<string[][]> {
  const script = `[...document.querySelectorAll("tbody tr:not(.space)")].map((row) =>
    [...row.cells].map(({ innerText }) => innerText.replaceAll(/\\s+/g, " ").trim()))`;
  return (await page.evaluate(script)) as string[][];
}

/** Whether the element that has the focus is of a selector. */
async function isFocused(page: Page, selector: string): Promise<boolean> {
  return (await page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)) as boolean;
}

/** Presses Tab until the focus is at an element, and not more often than any page has elements. */
export async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 50; presses++) {
    await page.keyboard.press("Tab");
    if (await isFocused(page, selector)) return;
  }
  throw new Error(`Tab does not lead to ${selector}`);
}

/** What a part of the page says. */
export async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.evaluate(
    `document.querySelector(${JSON.stringify(selector)})?.innerText ?? ""`,
  )) as string;
}
