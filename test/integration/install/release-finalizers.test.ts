import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { type Administrator, startAdministrator } from "../../support/administrator.ts";
import { cacheOf } from "../../support/builders.ts";
import { kubeconfigFor } from "../../support/control-plane.ts";
import { asksNobody, type Operator, startOperator } from "../../support/operator.ts";
import { blocksOf, commandsOf } from "../../support/pages.ts";
import { until } from "../../support/wait.ts";

let { plane, folder, shell, hooks } = {} as Administrator;

beforeEach(async () => {
  ({ plane, folder, shell, hooks } = await startAdministrator());
}, 900_000);

afterEach(() => plane?.stop());

const { operatorNamespace, plural, group, exportAnnotation, exportFinalizer, emptyFinalizer } = names;
const other = "example.com/other";
const s3 = { endpoint: "https://s3.example", bucket: "artifacts", secretRef: { name: "s3" } };
const exported = { annotations: { [exportAnnotation]: "oci://ghcr.io/acme" } };
/** The command of the page, with the program of this repository. */
const byHand = () => {
  const commands = blocksOf("docs/install.md").flatMap(commandsOf);
  const found = commands.find((command) => command.includes("release-finalizers")) ?? "";
  expect(found).toContain("kubectl oras-cache ");
  return shell(found.replace("kubectl oras-cache", `${process.execPath} src/cli/main.ts`));
};

/** The operator as it is installed: with the rights of its ServiceAccount, which go with the installation. */
async function startInstalled(): Promise<Operator> {
  const token = await shell(`kubectl create token ${names.serviceAccount} -n ${operatorNamespace}`);
  const kubeconfig = join(folder, "operator");
  await writeFile(kubeconfig, kubeconfigFor(plane.server, plane.ca, token.trim()), { mode: 0o600 });
  const operator = await startOperator(kubeconfig, ...asksNobody);
  onTestFinished(async () => {
    await operator.stop();
  });
  return operator;
}

async function finalizers(): Promise<Record<string, string[]>> {
  const { items } = JSON.parse(await shell(`kubectl get ${plural} -A -o json`)) as {
    items: { metadata: { name: string; finalizers?: string[] } }[];
  };
  return Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.finalizers ?? []]));
}

/** OrasCaches that the operator holds, one of them with a finalizer of somebody else, and one that it does not hold. */
async function createHeld(): Promise<void> {
  const held = (name: string, storage: object, metadata: object) => {
    const cache = cacheOf(name, storage as never, { namespace: "default" });
    return { ...cache, metadata: { ...cache.metadata, ...metadata } };
  };
  const emptied = { storage: { s3: { ...s3, prefix: "emptied", onDelete: "Delete" } } };
  const both = { storage: { s3: { ...s3, prefix: "both", onDelete: "Delete" } } };
  const items = [
    held("exported", {}, exported),
    held("emptied", emptied, {}),
    held("both", both, { ...exported, finalizers: [other] }),
    held("neither", {}, {}),
  ];
  const file = join(folder, "caches.json");
  await writeFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  await shell(`kubectl wait --for=condition=Established crd --all && kubectl create -f ${file}`);
  await until(async () => {
    const { exported = [], emptied = [], both = [] } = await finalizers();
    return exported.includes(exportFinalizer) && emptied.includes(emptyFinalizer) && both.length === 3;
  }, "the finalizers");
}

const isGone = async (what: string) => (await shell(`kubectl get ${what} --ignore-not-found -o name`)) === "";

describe("helm uninstall", () => {
  const release = `${names.operatorName} --namespace ${operatorNamespace}`;

  test("takes the operator's finalizers off, while its process has not ended yet", async () => {
    await shell(`helm install ${release} ./chart --create-namespace`);
    await startInstalled();
    await createHeld();
    // One that waits for its export goes with the operator.
    await shell(`kubectl delete ${plural} exported --wait=false`);
    await shell(`helm uninstall ${release}`);
    expect(hooks).toMatchObject([{ code: 0, stderr: "" }]);
    expect(hooks[0]?.stdout.trim().split("\n").sort()).toEqual([
      "3 OrasCaches had finalizers of the operator.",
      "default/both: finalizers taken off",
      "default/emptied: finalizers taken off",
      "default/exported: finalizers taken off, and it goes: its artifacts were not all exported",
    ]);
    expect(await finalizers()).toEqual({ both: [other], emptied: [], neither: [] });
    // The Job and its rights are gone, too.
    const rights = `serviceaccount,job -n ${operatorNamespace}`;
    expect(await isGone(rights)).toBe(true);
    const ofHook = `${names.operatorName}-release-finalizers`;
    expect(await isGone(`clusterrole ${ofHook}`)).toBe(true);
    expect(await isGone(`clusterrolebinding ${ofHook}`)).toBe(true);
    await shell(`kubectl patch ${plural} both --type merge -p '{"metadata":{"finalizers":null}}'`);
    await shell(`kubectl delete crd ${plural}.${group} --timeout=60s`);
  });

  test("ends where there is no OrasCache, and none of their kind", async () => {
    await shell(`helm install ${release} ./chart --create-namespace`);
    await shell(`kubectl delete crd ${plural}.${group}`);
    await shell(`helm uninstall ${release} --timeout 100s`);
    expect(hooks).toMatchObject([{ code: 0, stdout: "0 OrasCaches had finalizers of the operator.\n" }]);
  });
});

describe("kubectl delete -f", () => {
  const file = "examples/dist/oras-operator.yaml";

  test("leaves OrasCaches that are held, and release-finalizers lets them go", async () => {
    await shell(`kubectl apply -f ${file}`);
    await startInstalled();
    await createHeld();
    await shell(
      `kubectl patch ${plural} both --type merge -p '{"metadata":{"finalizers":["${emptyFinalizer}"]}}'`,
    );
    await expect(byHand()).rejects.toThrow("The operator is installed");
    await shell(`kubectl delete -f ${file} --wait=false`);
    await until(async () => Object.keys(await finalizers()).join() === "both,emptied,exported", "those held");
    expect(await byHand()).toContain("3 OrasCaches had finalizers of the operator.");
    await shell(`kubectl wait --for=delete crd ${plural}.${group} --timeout=60s`);
  });
});
