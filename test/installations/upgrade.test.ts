import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { V1Pod } from "@kubernetes/client-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Earlier, earlierVersions, folderOf } from "../../dev/earlier.ts";
import { names } from "../../schema/names.ts";
import type { Manifest } from "../../scripts/build-config.ts";
import { conditionOf } from "../../src/cache/status.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf, jobOf, podOf } from "../support/builders.ts";
import { kubectl, tryKubectl } from "../support/kubectl.ts";
import { localVolume } from "../support/local-volume.ts";
import { objectsIn, title } from "../support/manifests.ts";
import { start } from "../support/processes.ts";
import { until } from "../support/wait.ts";
import { type Workspace, workspace } from "../support/workspace.ts";

const dist = "examples/dist/oras-operator.yaml";
const own = ["--namespace", names.operatorNamespace];
const crd = `${names.plural}.${names.group}`;

/** Runs a line of shell as a reader of the docs would, in the repository. */
async function shell(line: string): Promise<string> {
  const { code, stdout, stderr } = await start(["sh", "-ec", line], { env: process.env }).ended;
  if (code !== 0) throw new Error(`${line}: ${stderr}${stdout}`);
  return stdout;
}

/** A release of Helm's is in another namespace than the operator; what is said at the installation is not said again. */
const release = `${names.operatorName} --namespace releases`;
const withHelm = (upgrade: string) => ({
  install: (tree: string) =>
    shell(
      `helm install ${release} --create-namespace --set namespace.name=${names.operatorNamespace} ${join(tree, "chart")}`,
    ),
  upgrade: async () => {
    const page = await readFile("docs/install.md", "utf8");
    const [, command = ""] = /^\$ (helm show crds CHART.*)$/m.exec(page) ?? [];
    await shell(command.replace("CHART", "./chart"));
    await shell(`${upgrade} ${release} ./chart`);
  },
});

const ways = {
  "kubectl apply": {
    install: (tree: string) => shell(`kubectl apply -f ${join(tree, dist)}`),
    upgrade: () => shell(`kubectl apply -f ${dist}`),
  },
  "helm upgrade": withHelm("helm upgrade"),
  "helm upgrade --reuse-values": withHelm("helm upgrade --reuse-values"),
} as const;

async function uninstall(): Promise<void> {
  await start(["helm", "uninstall", "--ignore-not-found", "--wait", ...release.split(" ")], {
    env: process.env,
  }).ended;
  await tryKubectl(["delete", "--ignore-not-found", "--wait", "--timeout=180s", "-f", dist]);
  // Helm keeps it.
  await kubectl(["delete", "crd", crd, "--ignore-not-found", "--timeout=120s"]);
}

async function isRolledOut(image: string): Promise<void> {
  const deployment = `deployment/${names.deployment}`;
  await kubectl([...own, "rollout", "status", deployment, "--timeout=180s"]);
  const path = "jsonpath={.spec.template.spec.containers[0].image}";
  expect(await kubectl([...own, "get", deployment, "-o", path])).toBe(image);
}

const stored = async (ws: Workspace, name: string) =>
  JSON.parse(await ws.kubectl("get", names.plural, name, "-o", "json")) as StoredOrasCache;
const digestOf = async (ws: Workspace, artifact: string) => {
  const { code, stdout, stderr } = await ws.oras("resolve", "--plain-http", `{registry}/${artifact}`);
  expect(code, stderr).toBe(0);
  return stdout.trim();
};
/** What makes a registry's Pod the same one as before. */
const lifeOf = ({ metadata, status }: V1Pod) => [
  metadata?.uid,
  status?.containerStatuses?.map(({ containerID }) => containerID),
];
const schemaOf = (object: unknown) =>
  (object as { spec: { versions: { schema: object }[] } }).spec.versions[0]?.schema;

describe.each(earlierVersions)("from $commit ($what)", (earlier: Earlier) => {
  const tree = folderOf(earlier);

  test("nothing that it installed by YAML is left behind", async () => {
    const [before, now] = await Promise.all(
      [join(tree, dist), dist].map(async (file) => objectsIn(await readFile(file, "utf8")).map(title)),
    );
    expect(before?.filter((object) => !now?.includes(object))).toEqual([]);
  });

  test.each(Object.keys(ways) as (keyof typeof ways)[])("by %s", async (way) => {
    const { install, upgrade } = ways[way];
    await uninstall();
    onTestFinished(uninstall);
    await install(tree);
    await isRolledOut(`${names.operatorImageRepository}:${earlier.commit}`);
    const ws = await workspace();
    onTestFinished(ws.remove);
    await ws.step("makes", { "output-uri": "made/a:1", "output-path": "out" }, "echo made > out");

    const volume = earlier.hasVolumes ? await localVolume(ws) : undefined;
    if (volume) {
      const persistentVolumeClaim = { size: "1Gi", storageClassName: volume.className };
      await ws.apply(cacheOf("kept", { storage: { persistentVolumeClaim } }));
      await ws.kubectl("wait", `${names.plural}/kept`, "--for=condition=Available", "--timeout=120s");
      const output = { "output-uri": "kept/a:1", "output-path": "out", "oras-cache": "kept" };
      await ws.step("keeps", output, "echo kept > out");
    }

    const untilTold = "touch begun; until [ -e go ]; do sleep 0.1; done; echo $(cat out) and more > more";
    const running = podOf(
      "running",
      { "input-uri": "made/a:1", "output-uri": "made/b:1", "output-path": "more" },
      untilTold,
    );
    const job = jobOf("job", { "output-uri": "made/c:1", "output-path": "out" }, "echo by a job > out");
    await ws.apply({ ...running, metadata: { ...running.metadata, labels: { revision: "one" } } });
    await ws.apply(job);
    expect(await ws.verdict("job")).toBe("Complete");
    await until(
      async () => (await ws.try(["exec", "running", "-c", "main", "--", "test", "-e", "begun"])).code === 0,
      "the step to be in the middle of its work",
    );
    const digest = await digestOf(ws, "made/a:1");
    const before = { registry: lifeOf(await ws.pod("oras-0")), step: lifeOf(await ws.pod("running")) };
    const crdBefore = JSON.parse(await kubectl(["get", "crd", crd, "-o", "json"]));

    await upgrade();

    await isRolledOut(names.operatorImage);
    const crdNow = schemaOf(JSON.parse(await kubectl(["get", "crd", crd, "-o", "json"])));
    const [wanted] = objectsIn(await readFile("config/crd/orascaches.yaml", "utf8")) as Manifest[];
    expect(crdNow).toEqual(schemaOf(wanted));
    if (!earlier.hasVolumes) expect(crdNow).not.toEqual(schemaOf(crdBefore));

    // What an upgrade would change in it has to wait, and is told.
    await until(async () => {
      const { status } = await stored(ws, "oras");
      return conditionOf(status, "UpdatePending")?.status === "True" || conditionOf(status, "Open");
    }, "the operator to have looked at the OrasCache");
    expect(lifeOf(await ws.pod("oras-0"))).toEqual(before.registry);
    expect(await digestOf(ws, "made/a:1")).toBe(digest);

    // Its own manifest, as GitOps applies it again, with a change that the API server allows.
    await ws.apply({ ...running, metadata: { ...running.metadata, labels: { revision: "two" } } });
    await ws.apply(job);
    const again = await ws.pod("running");
    expect(again.metadata?.labels).toMatchObject({ revision: "two", [names.injectedLabel]: "true" });
    expect(lifeOf(again)).toEqual(before.step);

    await ws.kubectl("exec", "running", "-c", "main", "--", "touch", "go");
    await ws.succeeded("running");
    expect(await ws.content("made/b:1", "more")).toBe("made and more\n");

    await ws.step(
      "reads",
      { "input-uri": "made/b:1", "output-uri": "made/d:1", "output-path": "again" },
      "cp more again",
    );
    expect(await ws.content("made/d:1", "again")).toBe("made and more\n");
    expect(lifeOf(await ws.pod("oras-0"))).toEqual(before.registry);

    if (volume) {
      await ws.step("reads-kept", { "input-uri": "kept/a:1", "oras-cache": "kept" }, "cat out");
      expect(await ws.log("reads-kept", "main")).toBe("kept\n");
      await ws.kubectl("delete", names.plural, "kept", "--cascade=foreground", "--timeout=120s");
      await ws.kubectl("delete", "pvc", "--all", "--timeout=60s");
      await volume.remove();
    }
  });
});
