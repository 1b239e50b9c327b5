import { writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { expect } from "vitest";
import { it } from "../support/e2e.ts";
import { temporaryFolder } from "../support/folders.ts";
import { blocksOf, commandsOf } from "../support/pages.ts";
import { openTerminal, type } from "../support/typed.ts";

const page = "docs/how-to/nextflow.md";

/** The page's files in a terminal, with a work directory that the node has, too. */
async function nextflowTerminal(namespace: string, change: (text: string) => string = (text) => text) {
  const terminal = await openTerminal(namespace);
  const [main = "", config = ""] = blocksOf(page)
    .filter(({ language }) => language === "text")
    .map(({ text }) => text);
  const work = temporaryFolder("work");
  const node = `k8s.pod = [[hostPath: '${work}', mountPath: '${work}']]\nworkDir = '${work}'\n`;
  writeFileSync(join(terminal.folder, "main.nf"), main);
  writeFileSync(join(terminal.folder, "nextflow.config"), `${change(config)}${node}`);
  const env: NodeJS.ProcessEnv = {
    ...terminal.env,
    PATH: [resolve("dev/nextflow"), terminal.env["PATH"]].join(delimiter),
    NXF_HOME: temporaryFolder("nextflow"),
  };
  return { ...terminal, env };
}

const typed = () =>
  blocksOf(page).flatMap((block) => (block.note?.kind === "tested by" ? commandsOf(block) : []));

it("the page's pipeline reads an artifact, and publishes one", async ({ ws }) => {
  const { code, stdout, stderr } = await type(await nextflowTerminal(ws.namespace), typed());
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/\n7\n9\n$/);
  await ws.kubectl("delete", "pods", "-l", "nextflow.io/app=nextflow");
});

it("what Nextflow does not see, an Event tells: an output that is not there", async ({ ws }) => {
  const wrong = (config: string) => config.replace("/tmp/published", "/tmp/elsewhere");
  const lines = typed().filter((line) => !/oras-cache (wait|cat)/.test(line));
  const { code, stdout, stderr } = await type(await nextflowTerminal(ws.namespace, wrong), lines);
  expect(code, stdout + stderr).toBe(0);
  const told = () => ws.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}");
  await expect.poll(told).toContain("OutputFailed");
});

it("an input that is not there fails the task", async ({ ws }) => {
  const none = (config: string) => config.replace("forest/trees:1", "forest/none:1");
  const lines = typed().filter((line) => !/oras-cache/.test(line));
  const { code, stdout, stderr } = await type(await nextflowTerminal(ws.namespace, none), lines);
  expect(code, stdout + stderr).toBe(1);
  expect(stdout + stderr).toMatch(/Error executing process > 'MEASURE/);
});
