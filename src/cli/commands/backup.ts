import { type Command, Option } from "commander";
import { exits } from "../exits.ts";
import type { Where } from "../remote/session.ts";
import type { Moved } from "../remote/transfer.ts";
import { cacheArgumentCommand } from "./remote.ts";

interface Options extends Where {
  readonly output: "text" | "json" | "yaml";
}

/** `oras-operator backup`: all artifacts of a cache, in a folder. */
export function backupCommand(): Command {
  return movingCommand(
    "backup",
    "copy all artifacts of a cache into a folder, which is an OCI image layout",
  ).action(async (cache: string, folder: string, { output, ...where }: Options) => {
    // Loaded here only: the other commands answer at once without it.
    const { backUp } = await import("../remote/backup.ts");
    await show(await backUp(folder, { ...where, cache }), `in ${folder}`, output);
  });
}

/** `oras-operator restore`: the artifacts of a folder, in a cache. */
export function restoreCommand(): Command {
  return movingCommand("restore", "push all artifacts of a backup to a cache, but those that it has").action(
    async (cache: string, folder: string, { output, ...where }: Options) => {
      // Loaded here only: the other commands answer at once without it.
      const { restoreFrom } = await import("../remote/restore.ts");
      await show(await restoreFrom(folder, { ...where, cache }), `in the cache ${cache}`, output);
    },
  );
}

function movingCommand(name: string, description: string): Command {
  return cacheArgumentCommand(name, ["oras /backups/oras", "oras /backups/oras -n runs -o json"])
    .description(description)
    .argument("<cache>", "name of the OrasCache")
    .argument("<folder>", "of the backup")
    .addOption(
      new Option("-o, --output <format>", "form of the result")
        .choices(["text", "json", "yaml"])
        .default("text"),
    );
}

async function show(moved: Moved, where: string, output: Options["output"]): Promise<void> {
  const { formatData } = await import("../show/output.ts");
  const { visible } = await import("../../annotations/problems.ts");
  const { shortSize } = await import("../show/sizes.ts");
  const { artifacts, copied, bytes, problems } = moved;
  if (output === "text") {
    const all = artifacts === 1 ? "1 artifact" : `${artifacts} artifacts`;
    console.log(`${all}, ${copied} of them new ${where}: ${shortSize(bytes)} copied`);
    for (const problem of problems) console.error(visible(problem));
  } else process.stdout.write(formatData(moved, output));
  if (problems.length > 0) process.exitCode = exits.failed;
}
