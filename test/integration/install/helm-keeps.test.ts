import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { parse, stringify } from "yaml";
import { chartValues, type Value } from "../../../schema/chart-values.ts";
import { names } from "../../../schema/names.ts";
import { type Administrator, startAdministrator } from "../../support/administrator.ts";
import { cacheOf } from "../../support/builders.ts";
import { foreignCrd } from "../../support/foreign-crd.ts";

let { plane, folder, shell } = {} as Administrator;

beforeAll(async () => {
  ({ plane, folder, shell } = await startAdministrator());
  const definitions = join(folder, "definitions.yaml");
  const kinds = [
    ...["Certificate", "Issuer"].map((kind) => foreignCrd({ group: "cert-manager.io", version: "v1", kind })),
    ...["ServiceMonitor", "PrometheusRule"].map((kind) =>
      foreignCrd({ group: "monitoring.coreos.com", version: "v1", kind }),
    ),
  ];
  await writeFile(definitions, kinds.map((definition) => stringify(definition)).join("---\n"));
  await shell(
    `kubectl apply -f ${definitions} -f config/crd/orascaches.yaml && kubectl wait --for=condition=Established crd --all`,
  );
  await writeFile(join(folder, "cache.json"), JSON.stringify(cacheOf("mine")));
  await shell(`kubectl create -f ${join(folder, "cache.json")}`);
}, 900_000);

afterAll(() => plane?.stop());

const release = "oras-operator --namespace releases";

/** Installs a chart into a namespace that it makes, in which there is a key afterwards; the test takes the release away. */
async function install(chart: string, namespace: string, set = `namespace.name=${namespace}`): Promise<void> {
  onTestFinished(async () => {
    await shell(`helm uninstall ${release} --ignore-not-found`);
  });
  await shell(`helm install ${release} ${chart} --create-namespace --set ${set}`);
  await shell(`kubectl create secret generic ${names.cacheKeySecret} --namespace ${namespace}`);
}

/** What nobody can get back: which objects there are, and whether one of them is being deleted. */
async function precious(namespace: string): Promise<string[]> {
  const path = "-o jsonpath='{.metadata.name} {.metadata.uid} {.metadata.deletionTimestamp}'";
  const objects = [
    `namespace ${namespace}`,
    `secret ${names.cacheKeySecret} --namespace ${namespace}`,
    `crd ${names.plural}.${names.group}`,
    `${names.plural} mine`,
  ];
  return Promise.all(objects.map((object) => shell(`kubectl get ${object} ${path}`)));
}

/** A chart as those were that made the namespace without asking Helm to keep it. */
async function olderChart(): Promise<string> {
  const older = join(folder, "older");
  await cp("chart", older, { recursive: true });
  const file = join(older, "templates/namespace.yaml");
  const text = await readFile(file, "utf8");
  const [annotations = ""] = /^ {2}annotations:\n.*\n.*keep\n/m.exec(text) ?? [];
  expect(annotations).not.toBe("");
  await writeFile(file, text.replace(annotations, ""));
  return older;
}

/** For each value that is on or off, or one of some words: everything that it is not by default. */
function flips(values: Record<string, Value>, path = ""): string[][] {
  return Object.entries(values).flatMap(([name, { type, properties, default: fallback, enum: words }]) => {
    if (properties) return flips(properties, `${path}${name}.`);
    const others = type === "boolean" ? [!fallback] : (words ?? []).filter((word) => word !== fallback);
    return others.length > 0 ? [others.map((other) => `${path}${name}=${other}`)] : [];
  });
}

describe("helm upgrade deletes no namespace, no key of passwords, no CustomResourceDefinition and no OrasCache", () => {
  test("whatever is turned on or off, and back", async () => {
    await install("./chart", "flipped");
    const before = await precious("flipped");
    const all = flips(chartValues());
    expect(all).toContainEqual(["namespace.create=false"]);
    const rounds = Math.max(...all.map((others) => others.length));
    for (let round = 0; round <= rounds; round++) {
      const values = round === rounds ? [] : all.map((others) => others[round % others.length]);
      await shell(`helm upgrade ${release} ./chart --set ${["namespace.name=flipped", ...values].join(",")}`);
      expect(await precious("flipped")).toEqual(before);
    }
  });

  test.each(["helm upgrade", "helm upgrade --reuse-values"])(
    "%s from a chart that did not have Helm keep its namespace, with namespace.create=false",
    async (upgrade) => {
      const namespace = upgrade.includes("reuse") ? "reused" : "anew";
      await install(await olderChart(), namespace);
      const before = await precious(namespace);
      // The first one has Helm keep it; from the second one on it is not the chart's.
      for (const _ of ["first", "second"]) {
        await shell(`${upgrade} ${release} ./chart --set namespace.name=${namespace},namespace.create=false`);
        expect(await precious(namespace)).toEqual(before);
      }
      expect(await shell(`helm get manifest ${release}`)).not.toContain("kind: Namespace");
      await shell(`helm uninstall ${release}`);
      expect(await precious(namespace)).toEqual(before);
    },
  );

  test("a move to another namespace waits for the key, and keeps the old namespace", async () => {
    await install(await olderChart(), "from");
    const before = await precious("from");
    const move = `helm upgrade ${release} ./chart --set namespace.name=to`;
    const refused: unknown = await shell(move).catch((error: unknown) => error);
    expect(String(refused)).toContain("from the namespace from to to without the Secret");
    expect(await precious("from")).toEqual(before);
    const [, copy = ""] = /namespace\.create=false: (.*)$/m.exec(String(refused)) ?? [];
    await shell(copy);
    await shell(`${move},namespace.create=false`);
    expect(await precious("from")).toEqual(before);
    expect(
      await shell("kubectl get deployment --all-namespaces -o jsonpath={.items[*].metadata.namespace}"),
    ).toBe("to");
    expect(await shell(`kubectl get secret ${names.cacheKeySecret} --namespace to -o name`)).not.toBe("");
  });

  test("the chart that it is a part of goes without it", async () => {
    const umbrella = join(folder, "umbrella");
    await cp("chart", join(umbrella, "charts/oras-operator"), { recursive: true });
    const { version } = parse(await readFile("chart/Chart.yaml", "utf8")) as { version: string };
    const dependency = { name: "oras-operator", version, condition: "oras-operator.enabled" };
    const chart = { apiVersion: "v2", name: "platform", version: "0.1.0", dependencies: [dependency] };
    await writeFile(join(umbrella, "Chart.yaml"), stringify(chart));
    await install(umbrella, "part", "oras-operator.namespace.name=part");
    const before = await precious("part");
    await shell(`helm upgrade ${release} ${umbrella} --set oras-operator.enabled=false`);
    expect(await shell("kubectl get deployment --namespace part -o name")).toBe("");
    expect(await precious("part")).toEqual(before);
  });
});
