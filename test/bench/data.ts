import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { agentProgram } from "../support/agent-pod.ts";
import { removeTemporaryFolders, temporaryFolder, temporaryFolders } from "../support/folders.ts";
import { stockOras } from "../support/oras.ts";
import { startRegistry } from "../support/registry.ts";
import { freshFilesystem } from "./filesystem.ts";
import { slowLink } from "./link.ts";
import { type Output, outputs } from "./outputs.ts";
import { median, table } from "./table.ts";
import { agentWay, originalWay, streamsWay, usualPrograms, type Way } from "./ways.ts";

const { values: options } = parseArgs({
  options: {
    case: { type: "string", multiple: true, default: ["A", "B", "C", "D", "E", "link"] },
    rounds: { type: "string", default: "3" },
    json: { type: "string" },
  },
});
const rounds = Number(options.rounds);

/** Medians over the rounds, seconds. */
interface Measured {
  readonly way: string;
  readonly push: number;
  readonly pull: number;
}

/** Each round tries every way once, one after another, so that what the machine does besides hits all alike. */
async function measure(output: Output, ways: readonly Way[]): Promise<Measured[]> {
  const folder = temporaryFolder(output.id);
  const kept = temporaryFolders();
  const path = join(folder, output.make(folder));
  const pushes = ways.map((): number[] => []);
  const pulls = ways.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, way] of ways.entries()) {
      process.stderr.write(`  ${output.id}, round ${round + 1} of ${rounds}: ${way.name}\n`);
      const registry = await startRegistry();
      const reference = `${registry.url}/bench/${output.id.toLowerCase()}:1`;
      // What one way wrote must not be written back while the next is measured, nor fill the memory.
      execFileSync("sync");
      pushes[i]?.push(await way.push(path, reference));
      execFileSync("sync");
      pulls[i]?.push(await way.pull(reference));
      await registry.stop();
      removeTemporaryFolders(kept);
    }
  }
  removeTemporaryFolders(kept - 1);
  return ways.map((way, i) => ({
    way: way.name,
    push: median(pushes[i] ?? []),
    pull: median(pulls[i] ?? []),
  }));
}

/** Medians over the rounds of the agent's push and pull, and of plain copies of as many bytes, over a slow link. */
async function measureLink(output: Output, wayOf: (program: string) => Way, program: string) {
  const folder = temporaryFolder(output.id);
  const kept = temporaryFolders();
  const path = join(folder, output.make(folder));
  const seconds = {
    push: [] as number[],
    copyUp: [] as number[],
    pull: [] as number[],
    copyDown: [] as number[],
  };
  let name = "";
  for (let round = 0; round < rounds; round++) {
    process.stderr.write(`  ${output.id} over a link, round ${round + 1} of ${rounds}\n`);
    const registry = await startRegistry();
    const link = await slowLink(registry.host);
    const way = wayOf(link.at(program));
    name = way.name;
    const reference = `http://${link.registry}/bench/link:1`;
    link.carried();
    seconds.push.push(await way.push(path, reference));
    seconds.copyUp.push(await link.copy(link.carried().up, "up"));
    seconds.pull.push(await way.pull(reference));
    seconds.copyDown.push(await link.copy(link.carried().down, "down"));
    await link.close();
    await registry.stop();
    removeTemporaryFolders(kept);
  }
  removeTemporaryFolders(kept - 1);
  return {
    case: output.id,
    way: name,
    push: median(seconds.push),
    copyUp: median(seconds.copyUp),
    pull: median(seconds.pull),
    copyDown: median(seconds.copyDown),
  };
}

const ratio = (a: number | undefined, b: number | undefined) => Number(((a ?? 0) / (b ?? 1)).toFixed(2));

const removeFilesystem = freshFilesystem(16);
const cases: object[] = [];
try {
  const [stock, program] = [await stockOras(), await agentProgram()];
  for (const output of outputs.filter(({ id }) => options.case.includes(id))) {
    const ways = [
      originalWay(stock),
      agentWay(program, "auto"),
      agentWay(program, "zstd"),
      usualPrograms(),
      streamsWay(program),
    ];
    const measured = await measure(output, ways);
    const [original, ours, zstd, usual, streamed] = measured;
    const rows = measured.map((m) => [
      m?.way ?? "",
      (m?.push ?? 0).toFixed(2),
      ratio(original?.push, m?.push).toFixed(2),
      (m?.pull ?? 0).toFixed(2),
      ratio(original?.pull, m?.pull).toFixed(2),
    ]);
    console.log(`\n${output.id}: ${output.what}\n`);
    console.log(table(["", "push, s", "times faster", "pull, s", "times faster"], rows));
    cases.push({
      case: output.id,
      push_ratio: ratio(original?.push, ours?.push),
      pull_ratio: ratio(original?.pull, ours?.pull),
      push_usual_ratio: ratio(usual?.push, ours?.push),
      pull_usual_ratio: ratio(usual?.pull, ours?.pull),
      streamed_push_ratio: ratio(original?.push, streamed?.push),
      streamed_pull_ratio: ratio(original?.pull, streamed?.pull),
      zstd_push_ratio: ratio(original?.push, zstd?.push),
      zstd_pull_ratio: ratio(original?.pull, zstd?.pull),
      seconds: { original, ours, zstd, usual, streamed },
    });
  }
  for (const output of outputs.filter(
    ({ id }) => options.case.includes("link") && (id === "B" || id === "C"),
  )) {
    const rows: string[][] = [];
    for (const wayOf of [(there: string) => agentWay(there, "auto"), streamsWay]) {
      const m = await measureLink(output, wayOf, program);
      const row = (what: string, ours: number, copy: number) =>
        rows.push([`${m.way}, ${what}`, ours.toFixed(2), copy.toFixed(2), ratio(ours, copy).toFixed(2)]);
      row("push", m.push, m.copyUp);
      row("pull", m.pull, m.copyDown);
      cases.push(m);
    }
    console.log(`\n${output.id} over a link of 1 Gbit/s and 20 ms: ${output.what}\n`);
    console.log(table(["", "s", "plain copy, s", "ratio"], rows));
  }
} finally {
  removeFilesystem();
}
if (options.json) writeFileSync(options.json, `${JSON.stringify({ cases }, null, 2)}\n`);
