import { expect, onTestFinished, test } from "vitest";
import { startAdministrator } from "../../support/administrator.ts";
import { cacheOf } from "../../support/builders.ts";
import { foreignCrd } from "../../support/foreign-crd.ts";
import { blocksOf, commandsOf, pages } from "../../support/pages.ts";

/** Every block that says that this test types it, in pages such as docs/install.md. */
const blocks = pages.flatMap((page) =>
  blocksOf(page)
    .filter(({ note }) => note?.text === "test/integration/install/pages.test.ts")
    .map((block) => ({ page, ...block })),
);

/** Kinds of others, as far as a chart needs them. */
const kindsOfOthers = [
  { group: "cert-manager.io", version: "v1", kind: "Certificate" },
  { group: "cert-manager.io", version: "v1", kind: "Issuer" },
  { group: "monitoring.coreos.com", version: "v1", kind: "ServiceMonitor" },
  { group: "monitoring.coreos.com", version: "v1", kind: "PrometheusRule" },
].map(foreignCrd);

const cache = JSON.stringify(cacheOf("orascache-sample"));
const apply = (json: string) => `echo '${json}' | kubectl apply -f -`;

/**
 * What an administrator does from a fresh cluster on: a line of shell, or a page and what the block begins with, after the
 * prompt.
 */
const stories: Readonly<Record<string, readonly (string | readonly [string, string])[]>> = {
  "by kubectl": [
    ["docs/install.md", "kubectl apply -f"],
    apply(cache),
    ["docs/coming-from-the-original.md", "kubectl patch orascache"],
    ["docs/install.md", "kubectl delete orascaches"],
  ],
  "by kustomize": [["docs/install.md", "kubectl apply -k"]],
  "by Helm": [
    ["docs/install.md", "helm install"],
    ["docs/install.md", "helm upgrade oras-operator ./chart"],
    ["docs/how-to/proxies.md", "helm upgrade"],
    ["docs/how-to/monitoring.md", "helm upgrade"],
    ["docs/how-to/cert-manager.md", "helm upgrade"],
    ["docs/install.md", "helm show crds"],
    ["docs/install.md", "helm uninstall"],
    ["docs/install.md", "kubectl delete crd"],
  ],
  "by the chart's README": [
    [
      "chart/README.md",
      "helm install oras-operator ./chart --namespace oras-operator-system --create-namespace",
    ],
    ["chart/README.md", "helm upgrade"],
    ["chart/README.md", "helm show crds"],
    ["chart/README.md", "helm uninstall"],
    ["chart/README.md", "kubectl delete crd"],
  ],
};

function blockOf(page: string, beginning: string) {
  const block = blocks.find((each) => each.page === page && commandsOf(each)[0]?.startsWith(beginning));
  if (block === undefined) throw new Error(`${page} has no block that begins with ${beginning}`);
  return block;
}

test("every block that names this test is in a story", () => {
  const told = Object.values(stories)
    .flat()
    .flatMap((part) => (typeof part === "string" ? [] : [blockOf(...part)]));
  expect(blocks.filter((block) => !told.includes(block)).map(({ page, line }) => `${page}:${line}`)).toEqual(
    [],
  );
});

test.each(Object.entries(stories))("an installation %s: every command works", async (_, story) => {
  const { plane, shell } = await startAdministrator();
  onTestFinished(plane.stop);
  await shell(apply(JSON.stringify({ apiVersion: "v1", kind: "List", items: kindsOfOthers })));
  await shell("kubectl create namespace my-team && kubectl create namespace monitoring");
  for (const part of story) {
    if (typeof part === "string") {
      await shell(part);
      continue;
    }
    // No controller ends a namespace here.
    const command = commandsOf(blockOf(...part))
      .join("\n")
      .replaceAll("CHART", "./chart")
      .replaceAll("kubectl delete", "kubectl delete --wait=false");
    await shell(command);
  }
});
