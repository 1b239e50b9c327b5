import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { parse, stringify } from "yaml";
import { pinImages } from "../../../dev/release/chart.ts";
import { names } from "../../../schema/names.ts";
import { type Administrator, startAdministrator } from "../../support/administrator.ts";
import { cacheOf } from "../../support/builders.ts";
import { foreignCrd } from "../../support/foreign-crd.ts";
import { objectsIn, yamlOf } from "../../support/manifests.ts";
import { blocksOf } from "../../support/pages.ts";
import { helmTemplate } from "../../support/programs.ts";
import { startRegistry } from "../../support/registry.ts";

let { plane, folder, shell } = {} as Administrator;

beforeEach(async () => {
  ({ plane, folder, shell } = await startAdministrator());
}, 900_000);

afterEach(() => plane?.stop());

/** The commands of a page that are meant to be run as they stand, those that this test is named for. */
function commandsOf(page: string): string[] {
  const own = blocksOf(page).filter(
    ({ language, note }) => language === "sh" && note?.text.endsWith("lifecycle.test.ts"),
  );
  return own.map(({ text }) => text);
}

const original = "test/support/original-installation.yaml";
const account = (name: string) => `--as=system:serviceaccount:${names.operatorNamespace}:${name}`;
const may = (what: string, name: string) =>
  shell(`kubectl auth can-i ${what} --namespace kube-system ${account(name)} || true`).then((answer) =>
    answer.trim(),
  );

describe("lif-29: over an installation of the original", () => {
  const page = "docs/coming-from-the-original.md";

  /** Its objects, of which cert-manager's kinds need their definitions first. */
  async function certManagerKinds(): Promise<void> {
    const definitions = ["Certificate", "Issuer"].map((kind) =>
      stringify(foreignCrd({ group: "cert-manager.io", version: "v1", kind })),
    );
    await writeFile(join(folder, "cert-manager.yaml"), definitions.join("---\n"));
    await shell(`kubectl apply -f ${join(folder, "cert-manager.yaml")}`);
    await shell("kubectl wait --for=condition=Established crd --all");
  }

  async function createCache(): Promise<void> {
    await shell("kubectl wait --for=condition=Established crd --all");
    await writeFile(join(folder, "cache.json"), JSON.stringify(cacheOf("mine")));
    await shell(`kubectl create -f ${join(folder, "cache.json")}`);
  }

  /** Those of its objects that are there, but for what this operator has under the same name. */
  async function left(text: string): Promise<string[]> {
    const kept = ["Namespace", "CustomResourceDefinition", "MutatingWebhookConfiguration"];
    const gone = objectsIn(text).filter(({ kind }) => !kept.includes(kind));
    await writeFile(join(folder, "gone.yaml"), yamlOf(gone));
    const found = await shell(`kubectl get --ignore-not-found -o name -f ${join(folder, "gone.yaml")}`);
    return found.split("\n").filter(Boolean);
  }

  describe("by YAML", () => {
    beforeEach(async () => {
      await certManagerKinds();
      await shell(`kubectl apply -f ${original}`);
      await createCache();
    });

    test("kubectl apply and the page's commands leave this operator, its rights, and the caches", async () => {
      const [install = "", clean = "", certificate = ""] = commandsOf(page);
      await shell(install);
      const webhooks = await shell(
        `kubectl get mutatingwebhookconfiguration ${names.webhookConfiguration} -o jsonpath='{.metadata.annotations.cert-manager\\.io/inject-ca-from}{range .webhooks[*]}{.clientConfig.service.name} {end}'`,
      );
      expect(webhooks).toBe(`${names.webhookService} ${names.webhookService} `);
      for (const what of ["get secrets", "create pods/exec", "delete pods", "update configmaps"]) {
        expect(await may(what, names.serviceAccount), what).toBe("no");
      }
      await shell(clean);
      await shell(certificate);
      expect(await may("get secrets", "oras-operator-controller-manager")).toBe("no");
      expect(await left(await readFile(original, "utf8"))).toEqual([]);
      expect(await shell("kubectl get orascache mine -o name")).toContain("mine");
      const conversion = `kubectl get crd ${names.plural}.${names.group} -o jsonpath={.spec.conversion.strategy}`;
      expect(await shell(conversion)).toBe("None");
      const again = await shell(install);
      // kubectl sends a budget's selector each time, because its patchStrategy is replace; nothing changes by that.
      const same = / unchanged$|^poddisruptionbudget\S* configured$|^$/;
      expect(again.split("\n").filter((line) => !same.test(line))).toEqual([]);
    });

    test("helm install changes nothing; the page's commands let it", async () => {
      const install = "helm install oras-operator ./chart --namespace oras-operator-system";
      await expect(shell(install)).rejects.toThrow("cannot be imported into the current release");
      const service = `kubectl get mutatingwebhookconfiguration ${names.webhookConfiguration} -o jsonpath={.webhooks[0].clientConfig.service.name}`;
      expect(await shell(service)).toBe("oras-operator-webhook-service");
      const [, clean = "", certificate = "", commands = ""] = commandsOf(page);
      await shell(clean);
      await shell(certificate);
      await shell(commands);
      expect(await shell(service)).toBe(names.webhookService);
      expect(await shell("kubectl get orascache mine -o name")).toContain("mine");
    });
  });

  describe("by its chart", () => {
    /** As its templates name everything: by the release and by the chart, which is called "chart". */
    let text: string;

    beforeEach(async () => {
      await certManagerKinds();
      text = (await readFile(original, "utf8"))
        .replaceAll(/\boras-operator-(?!system)/g, "my-release-chart-")
        .replaceAll("namespace: oras-operator-system", "namespace: default")
        .replaceAll("oras-operator-system", "default");
      // The namespace is first, and is no part of the chart.
      text = text.slice(text.indexOf("---\n"));
      const chart = join(folder, "original");
      await mkdir(join(chart, "templates"), { recursive: true });
      const about = { apiVersion: "v2", name: "chart", version: "0.1.0", appVersion: "0.1.0" };
      await writeFile(join(chart, "Chart.yaml"), stringify(about));
      await writeFile(join(chart, "templates/all.yaml"), text);
      await shell(`helm install my-release ${chart} --set controllerManager.replicas=2`);
      await createCache();
    });

    test("helm upgrade is refused where it would delete every OrasCache, and changes nothing", async () => {
      const upgrade = `helm upgrade my-release ./chart --reset-values --set namespace.name=${names.operatorNamespace}`;
      await expect(shell(upgrade)).rejects.toThrow("this upgrade would delete it, with every OrasCache");
      expect(await left(text)).not.toEqual([]);
      expect(await shell("kubectl get orascache mine -o name")).toContain("mine");
    });

    test("the page's commands leave this operator alone, and the caches", async () => {
      const [commands = ""] = commandsOf(page).slice(-1);
      await shell(commands);
      expect(await left(text)).toEqual([]);
      expect(await shell("kubectl get orascache mine -o name")).toContain("mine");
      expect(await shell("kubectl get mutatingwebhookconfiguration -o name")).toBe(
        `mutatingwebhookconfiguration.admissionregistration.k8s.io/${names.webhookConfiguration}\n`,
      );
      expect(await shell(`kubectl get deployment -n ${names.operatorNamespace} -o name`)).toContain(
        "oras-operator",
      );
      expect(await may("get secrets", names.serviceAccount)).toBe("no");
      // Later ones go as with any release.
      await shell("helm upgrade my-release ./chart --namespace default");
      expect(await shell("kubectl get orascache mine -o name")).toContain("mine");
    });
  });
});

describe("the chart", () => {
  test.each(["a folder", "an archive", "an OCI registry"])(
    "lif-26: the command of its notes upgrades the CRD, from %s",
    async (form) => {
      const chart = join(folder, "chart");
      await cp("chart", chart, { recursive: true });
      const within = `--namespace ${names.operatorNamespace}`;
      const notes = await shell(`helm install oras-operator ${chart} ${within} --create-namespace`);
      const crds = join(chart, "crds/orascaches.yaml");
      const crd = parse(await readFile(crds, "utf8")) as { spec: { names: { categories?: string[] } } };
      crd.spec.names.categories = ["next"];
      await writeFile(crds, yamlOf([crd]));
      if (form !== "a folder") await shell(`helm package ${chart} --destination ${folder}`);
      const archive = join(folder, "oras-operator-*.tgz");
      let from = form === "a folder" ? chart : archive;
      if (form === "an OCI registry") {
        const registry = await startRegistry();
        onTestFinished(registry.stop);
        const charts = `oci://${registry.host}/charts`;
        await shell(`helm push ${archive} ${charts} --plain-http`);
        from = `${charts}/oras-operator --plain-http`;
      }
      const [command = ""] = /^ *helm show crds CHART.*$/m.exec(notes) ?? [];
      await shell(command.replace("CHART", from));
      const categories = `kubectl get crd ${names.plural}.${names.group} -o jsonpath={.spec.names.categories[0]}`;
      expect(await shell(categories)).toBe("next");
      await shell(`helm upgrade oras-operator ${from} ${within}`);
    },
  );

  test("its notes say what a namespace that it did not make lacks, and only then", async () => {
    const label = `kubectl label namespace ${names.operatorNamespace} pod-security.kubernetes.io/enforce=`;
    const notes = (...args: string[]) =>
      shell(["helm install oras-operator ./chart --dry-run=client --namespace", ...args].join(" "));
    const other = `releases --set namespace.name=${names.operatorNamespace}`;
    expect(await notes(other)).not.toContain(label);
    expect(await notes(names.operatorNamespace)).toContain(`${label}restricted`);
    expect(await notes(`${names.operatorNamespace} --set hostNetwork=true`)).toContain(`${label}privileged`);
    expect(await notes(`${other},namespace.create=false`)).toContain(label);
  });
});

describe("helm install beside an installation by kubectl apply", () => {
  const within = `--namespace ${names.operatorNamespace}`;
  const state = () =>
    shell(
      `kubectl get deployment,service,serviceaccount,networkpolicy,poddisruptionbudget ${within} -o yaml && kubectl get mutatingwebhookconfiguration,clusterrole,validatingadmissionpolicy -o yaml`,
    );

  test("is refused with a reason and changes nothing", async () => {
    await shell("kubectl apply -f examples/dist/oras-operator.yaml");
    const before = await state();
    await expect(shell(`helm install oras-operator ./chart ${within}`)).rejects.toThrow(
      "exists and cannot be imported into the current release",
    );
    expect(await state()).toBe(before);
  });

  test("takes it over with the page's command, and helm upgrade goes on from there", async () => {
    await shell("kubectl apply -f examples/dist/oras-operator.yaml");
    const [command = ""] =
      /helm install .*--take-ownership.*/.exec(await readFile("chart/README.md", "utf8")) ?? [];
    await shell(command);
    await shell(`helm upgrade oras-operator ./chart ${within} --set replicas=1`);
    const replicas = `kubectl get deployment oras-operator ${within} -o jsonpath={.spec.replicas}`;
    expect(await shell(replicas)).toBe("1");
  });

  test("and a second release are refused, whatever they are called", async () => {
    await shell(`helm install oras-operator ./chart ${within} --create-namespace`);
    const second =
      "helm install second ./chart --namespace second --create-namespace --set fullnameOverride=second";
    await expect(shell(second)).rejects.toThrow("cannot be imported into the current release");
  });
});

describe("helm upgrade of a release that an older chart made", () => {
  const elsewhere = "oras-operator ./chart --namespace tools";

  test.each(["", "--reuse-values", "--reset-then-reuse-values"])(
    "it stays in its namespace, with the key of all passwords: helm upgrade %s",
    async (how) => {
      for (const namespace of [names.operatorNamespace, "other"]) {
        await shell(`helm install ${elsewhere} --create-namespace --set namespace.name=${namespace}`);
        await shell(`kubectl create secret generic ${names.cacheKeySecret} --namespace ${namespace}`);
        await shell(`helm upgrade ${elsewhere} ${how}`);
        expect(await shell(`kubectl get secret,deployment --namespace ${namespace} -o name`)).toBe(
          `secret/${names.cacheKeySecret}\ndeployment.apps/oras-operator\n`,
        );
        expect(await shell("kubectl get deployment --namespace tools -o name")).toBe("");
        await shell("helm uninstall oras-operator --namespace tools");
      }
    },
  );

  test("a release is not led to where another one is", async () => {
    await shell(
      `helm install ${elsewhere} --create-namespace --set namespace.name=${names.operatorNamespace}`,
    );
    const second = shell("helm install oras-operator ./chart --namespace second --create-namespace");
    await expect(second).rejects.toThrow("cannot be imported into the current release");
  });

  test.each(["", "--reuse-values", "--reset-then-reuse-values"])(
    "the images are those of the new one: helm upgrade %s",
    async (how) => {
      const chartOf = async (version: string, digit: string) => {
        const chart = join(folder, version);
        await cp("chart", chart, { recursive: true });
        const about = parse(await readFile(join(chart, "Chart.yaml"), "utf8")) as object;
        await writeFile(join(chart, "Chart.yaml"), stringify({ ...about, version, appVersion: version }));
        const images = [
          names.operatorImageRepository,
          names.agentImageRepository,
          names.scriptsImageRepository,
        ];
        const digest = `sha256:${digit.repeat(64)}`;
        const registry = `docker.io/library/registry:${version}`;
        const all = [...images.map((image) => `${image}:${version}`), registry];
        await pinImages(chart, new Map(all.map((image) => [image, digest])));
        const file = join(chart, "files/names.yaml");
        await writeFile(file, (await readFile(file, "utf8")).replace(names.registryImage, registry));
        return { chart, images: all.map((image) => `${image}@${digest}`).sort() };
      };
      const deployed = async () => {
        const path = "jsonpath='{.spec.template.spec.containers[0]}'";
        const container = await shell(`kubectl get deployment oras-operator --namespace tools -o ${path}`);
        return [...container.matchAll(/[^"]+@sha256:\w+/g)].map(([image]) => image).sort();
      };
      const [older, newer] = [await chartOf("0.0.1", "1"), await chartOf("0.0.2", "2")];
      await shell(`helm install oras-operator ${older.chart} --namespace tools --create-namespace`);
      expect(await deployed()).toEqual(older.images);
      await shell(`helm upgrade oras-operator ${newer.chart} --namespace tools ${how}`);
      expect(await deployed()).toEqual(newer.images);
    },
  );

  test("--reuse-values: what the older chart had no values for has its defaults", async () => {
    const older = join(folder, "older");
    await cp("chart", older, { recursive: true });
    await writeFile(join(older, "values.yaml"), stringify({ replicas: 1 }));
    await shell(`helm install oras-operator ${older} --namespace tools --create-namespace`);
    await shell(`helm upgrade ${elsewhere} --reuse-values --set commonLabels.team=a`);
    const env = `kubectl get deployment oras-operator --namespace tools -o jsonpath='{.spec.replicas} {.metadata.labels.team} {.spec.template.spec.containers[0].env[?(@.name=="ORAS_OPERATOR_REGISTRY_AUTH")].value}'`;
    expect(await shell(env)).toBe("1 a htpasswd");
  });
});

test("helm uninstall keeps the key of all passwords, also in a namespace that the chart made, and the OrasCaches", async () => {
  const within = `-n ${names.operatorNamespace}`;
  await shell(`helm install oras-operator ./chart --set namespace.name=${names.operatorNamespace}`);
  await shell(`kubectl create secret generic ${names.cacheKeySecret} ${within}`);
  await shell("kubectl wait --for=condition=Established crd --all");
  await writeFile(join(folder, "cache.json"), JSON.stringify(cacheOf("mine")));
  await shell(`kubectl create -f ${join(folder, "cache.json")}`);
  await shell("helm uninstall oras-operator");
  expect(await shell(`kubectl get secret,deployment,service ${within} -o name`)).toBe(
    `secret/${names.cacheKeySecret}\n`,
  );
  expect(await shell(`kubectl get ns ${names.operatorNamespace} -o jsonpath={.status.phase}`)).toBe("Active");
  expect(await shell("kubectl get orascache mine -o name")).toContain("mine");
});

test("lif-01: an umbrella chart with a condition and global values renders the chart", async () => {
  await cp("chart", join(folder, "charts/oras-operator"), { recursive: true });
  const { version } = parse(await readFile("chart/Chart.yaml", "utf8")) as { version: string };
  const dependency = { name: "oras-operator", version, condition: "oras-operator.enabled" };
  await writeFile(
    join(folder, "Chart.yaml"),
    stringify({ apiVersion: "v2", name: "platform", version: "0.1.0", dependencies: [dependency] }),
  );
  const values = (enabled: boolean) =>
    stringify({ global: { imageRegistry: "mirror.example" }, "oras-operator": { enabled } });
  const template = `helm template p ${folder} --namespace ${names.operatorNamespace} --kube-version 1.36.0 --include-crds`;
  await writeFile(join(folder, "values.yaml"), values(true));
  const kinds = (text: string) => text.match(/^kind: .*$/gm);
  expect(kinds(await shell(template))).toEqual(
    kinds(await helmTemplate(["--namespace", names.operatorNamespace])),
  );
  await writeFile(join(folder, "values.yaml"), values(false));
  expect((await shell(template)).trim()).toBe("");
});
