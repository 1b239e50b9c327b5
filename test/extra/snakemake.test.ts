import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { names } from "../../schema/names.ts";
import { it } from "../support/e2e.ts";
import { temporaryFolder } from "../support/folders.ts";
import { blocksOf, commandsOf } from "../support/pages.ts";
import { start } from "../support/processes.ts";
import { openTerminal, type } from "../support/typed.ts";

const page = "examples/workflow/snakemake/README.md";
/** Where dev/extra.ts has installed Snakemake. */
const programs = process.env["ORAS_OPERATOR_SNAKEMAKE"] ?? "";
const environment = (before: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...before,
  PATH: [before["PATH"], programs].join(delimiter),
  PYTHONPATH: resolve("examples/workflow/snakemake/plugin"),
  PYTHONDONTWRITEBYTECODE: "1",
});

it("five rules run with the client gone, and their outputs are right", async ({ ws }) => {
  const terminal = await openTerminal(ws.namespace);
  const env = environment(terminal.env);
  // The cache is there, and the plugin is in the path of Python.
  const lines = blocksOf(page)
    .flatMap((block) => (block.note?.kind === "tested by" ? commandsOf(block) : []))
    .filter((line) => !/oras\.yaml|pip install/.test(line));
  const { code, stdout, stderr } = await type({ ...terminal, env }, lines);
  expect(code, stdout + stderr).toBe(0);
  expect(existsSync(join(terminal.folder, "examples/workflow/snakemake/hello/parts"))).toBe(false);
  expect(stdout).toContain("oak,7\telm,9\n2 trees\n");
});

it("what a dry run prints becomes Jobs that make the same", async ({ ws }) => {
  const terminal = await openTerminal(ws.namespace);
  const env = environment(terminal.env);
  const { code, stdout, stderr } = await type({ ...terminal, env }, [
    "cd examples/workflow/snakemake/hello",
    "snakemake --dry-run --printshellcmds --forceall > dag.txt",
    "kubectl oras-cache import snakemake-dag dag.txt --image ubuntu:22.04 --prefix hello > jobs.yaml",
    "sed -n 's/^# \\$ //p' jobs.yaml | sh -e",
    "kubectl apply -f jobs.yaml",
    "kubectl wait --for=condition=Complete --timeout=10m job -l workflow=hello",
    "kubectl oras-cache cat hello/report:1 report.txt",
  ]);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toContain("oak,7\telm,9\n2 trees\n");
});

/** Lets Snakemake submit a workflow where kubectl does nothing but write down how it was called. */
async function submitted(rules: string, ...more: string[]) {
  const folder = temporaryFolder("snakemake");
  writeFileSync(join(folder, "Snakefile"), rules);
  for (const name of ["given", "s.py", "e.yaml"]) writeFileSync(join(folder, name), "");
  writeFileSync(
    join(folder, "kubectl"),
    `#!/bin/sh\necho "$*" >> ${folder}/calls\ncat >> ${folder}/applied\n`,
  );
  chmodSync(join(folder, "kubectl"), 0o755);
  const env = environment({ ...process.env, PATH: [folder, process.env["PATH"]].join(delimiter) });
  const argv = ["snakemake", "--executor", "oras-cache", "--jobs", "9", "--immediate-submit", "--notemp"];
  const ended = await start([...argv, ...more], { env, cwd: folder }).ended;
  const read = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "";
  return { ...ended, said: ended.stdout + ended.stderr, calls: read("calls"), applied: read("applied") };
}

const image = 'container: "docker://ubuntu:22.04"';

describe.concurrent("what cannot be a step is refused before anything is created", () => {
  test.for([
    ["no image", 'rule a:\n output: "x"\n shell: "touch {output}"', "has no container:; write the image"],
    ["run", `${image}\nrule a:\n output: "x"\n run: open("x", "w")`, "has run:, which needs Snakemake"],
    ["script", `${image}\nrule a:\n output: "x"\n script: "s.py"`, "has script:, which needs Snakemake"],
    [
      "conda",
      `${image}\nrule a:\n output: "x"\n conda: "e.yaml"\n shell: "touch x"`,
      "has conda:; write an image",
    ],
    [
      "protected",
      `${image}\nrule a:\n output: protected("x")\n shell: "touch x"`,
      "is protected(); write it without",
    ],
    ["temp", `${image}\nrule a:\n output: temp("x")\n shell: "touch x"`, "is temp(); write it without"],
    ["benchmark", `${image}\nrule a:\n output: "x"\n benchmark: "b"\n shell: "touch x"`, "has benchmark:"],
    ["group", `${image}\nrule a:\n output: "x"\n group: "g"\n shell: "touch x"`, "is in a group"],
    [
      "absolute",
      `${image}\nrule a:\n output: "/tmp/x"\n shell: "touch /tmp/x"`,
      "names /tmp/x; write it from",
    ],
  ])("%s", async ([, rules = "", says]) => {
    const { code, said, calls } = await submitted(rules);
    expect(said).toContain(
      `The rule a ${says?.startsWith("is temp") || says?.startsWith("is prot") ? "has the output x, which " : ""}${says}`,
    );
    expect({ code, calls }).toEqual({ code: 1, calls: "" });
  });

  test("everything at once", async () => {
    const rules = 'rule a:\n input: "b"\n output: "x"\n run: pass\nrule b:\n output: "b"\n shell: "touch b"';
    const { said, calls } = await submitted(rules);
    expect(said).toContain("The rule a has run:");
    expect(said).toContain("The rule b has no container:");
    expect(calls).toBe("");
  });
});

test("what a rule says is in its Job", async () => {
  const rules = `${image}\nrule a:\n input: "given"\n output: "x"\n threads: 2\n resources: mem_mb=100\n retries: 3\n shell: "echo $$ $(date) > x"`;
  const { code, said, applied, calls } = await submitted(
    rules,
    "--oras-cache-run",
    "r",
    "--oras-cache-name",
    "other",
  );
  expect(code, said).toBe(0);
  expect(calls).toMatch(/^oras-cache put \S+\/\. snakemake\/given\/\S+:r --cache other\n/);
  const { spec, metadata } = JSON.parse(applied);
  expect(metadata.annotations).toMatchObject({
    [`${names.prefix}oras-cache`]: "other",
    [`${names.prefix}run`]: "r",
  });
  expect(spec.backoffLimit).toBe(3);
  const [container] = spec.template.spec.containers;
  expect(container.resources).toEqual({
    requests: { cpu: "2", memory: "100M" },
    limits: { memory: "100M" },
  });
  expect(container.args[0]).toContain("echo $$$ $$(date) > x");
});
