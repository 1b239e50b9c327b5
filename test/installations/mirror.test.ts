import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { V1Deployment, V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { network } from "../../dev/cluster/paths.ts";
import packageJson from "../../package.json" with { type: "json" };
import { names } from "../../schema/names.ts";
import { podOf } from "../support/builders.ts";
import { kubectl } from "../support/kubectl.ts";
import { blocksOf } from "../support/pages.ts";
import { start } from "../support/processes.ts";
import { uninstall } from "../support/uninstall.ts";
import { workspace } from "../support/workspace.ts";

const { version } = packageJson;
const own = ["--namespace", names.operatorNamespace];
/** A folder of the cluster's registry that has nothing but what the page's commands bring there. */
const mirror = `${network.mirror}/air-gap`;
let folder: string;

/** Runs lines of shell beside the files of the release. */
async function shell(lines: string): Promise<void> {
  const { code, stdout, stderr } = await start(["sh", "-ec", lines], { cwd: folder, env: process.env }).ended;
  if (code !== 0) throw new Error(`${lines}: ${stderr}${stdout}`);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "oras-operator-mirror-"));
  await cp("dist/release", folder, { recursive: true });
  await uninstall();
});

afterAll(async () => {
  await uninstall();
  await rm(folder, { recursive: true, force: true });
});

test("the page's commands install everything from one registry", async () => {
  const tested = blocksOf("docs/install.md").filter(
    ({ note }) => note?.text === "test/installations/mirror.test.ts",
  );
  expect(tested).toHaveLength(2);
  const [mirrorAll = "", install = ""] = tested.map(({ text }) => text);
  // The registry's own image comes from Docker Hub, which the cluster's registry stands in for: with another digest.
  const list = join(folder, `oras-operator-${version}-images.txt`);
  const standIn = `${network.mirror}/$1`;
  await writeFile(list, (await readFile(list, "utf8")).replace(/^docker\.io\/([^@\n]+).*$/m, standIn));
  const unpinned = `--set manager.registryImage=${names.registryImage.replace("docker.io/", "")}`;
  const here = (lines: string) => lines.replaceAll("registry.example.com/mirror", mirror);
  await shell(
    here(mirrorAll)
      .replaceAll("oras cp --from-oci-layout", "oras cp --to-plain-http --from-oci-layout")
      .replaceAll('oras cp "$image"', 'oras cp --from-plain-http --to-plain-http "$image"'),
  );
  await shell(`${here(install).trimEnd()} ${unpinned}`);
  await kubectl([...own, "rollout", "status", `deployment/${names.deployment}`, "--timeout=180s"]);

  const ws = await workspace();
  await ws.step("makes", { "output-uri": "made/a:1", "output-path": "out" }, "echo made > out");
  const reader = await ws.step("reads", { "input-uri": "made/a:1" }, "cat out");
  expect(await ws.log("reads", "main")).toBe("made\n");

  const pods = JSON.parse(await kubectl([...own, "get", "pods", "-o", "json"])) as { items: V1Pod[] };
  const added = [...pods.items, await ws.pod("oras-0"), reader].flatMap(({ spec }) =>
    [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].filter(({ name }) => name !== "main"),
  );
  expect(added.length).toBeGreaterThanOrEqual(4);
  for (const { image } of added) expect(image).toMatch(new RegExp(`^${mirror}/`));

  // Nothing above needs the image for scripts; it is there all the same, and has a shell and oras.
  const deployment = JSON.parse(
    await kubectl([...own, "get", "deployment", names.deployment, "-o", "json"]),
  ) as V1Deployment;
  const [{ env = [] } = {}] = deployment.spec?.template.spec?.containers ?? [];
  const image = env.find(({ name }) => name === "ORAS_OPERATOR_SCRIPTS_IMAGE")?.value ?? "";
  await ws.apply(podOf("scripts", {}, "env oras version", { image }));
  await ws.succeeded("scripts");
  await ws.remove();
});
