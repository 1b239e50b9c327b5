import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { agentPod } from "../support/agent-pod.ts";
import { temporaryFolder } from "../support/folders.ts";
import { type Ended, start } from "../support/processes.ts";

/** A way to push an output and to pull it again; both return seconds. */
export interface Way {
  readonly name: string;
  /** @param output - path of the file or folder; @param reference - with its scheme */
  readonly push: (output: string, reference: string) => Promise<number>;
  readonly pull: (reference: string) => Promise<number>;
}

const plain = (reference: string) => reference.replace("http://", "");

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

/** Runs a command; what it could not do is an error. */
async function run(argv: string[], env: NodeJS.ProcessEnv, cwd?: string): Promise<void> {
  const { code, stderr } = await start(argv, { env, ...(cwd ? { cwd } : {}) }).ended;
  if (code !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
}

/** Copied to the share, `oras push .` there; `oras pull`, copied to the working directory. */
export function originalWay(stock: NodeJS.ProcessEnv): Way {
  const env = { ...stock, TMPDIR: process.env["TMPDIR"] };
  return {
    name: "the original's way",
    push: (output, reference) => {
      const share = temporaryFolder("share");
      return seconds(async () => {
        await run(["cp", "-R", output, share], env);
        await run(["oras", "push", "--plain-http", "--no-tty", plain(reference), "."], env, share);
      });
    },
    pull: (reference) => {
      const [share, work] = [temporaryFolder("share"), temporaryFolder("work")];
      return seconds(async () => {
        await run(["oras", "pull", "--plain-http", "--no-tty", plain(reference), "-o", share], env);
        await run(["cp", "-R", `${share}/.`, work], env);
      });
    },
  };
}

async function check(ended: Promise<Ended>): Promise<void> {
  const { code, stderr } = await ended;
  if (code !== 0) throw new Error(stderr);
}

/** The agent, from the end of the program to the end of the push, and from nothing to the program. */
export function agentWay(program: string, compression: string): Way {
  return {
    name: compression === "auto" ? "oras-operator" : `oras-operator, ${compression}`,
    push: async (output, reference) => {
      const pod = agentPod(program);
      await check(pod.pull(`--output=${reference}`).ended);
      return seconds(async () => {
        const pushed = pod.push(`--output=${reference}`, `--compression=${compression}`).ended;
        await check(pod.exec(["--pushes", `--output-path=${output}`], ["true"]).ended);
        await check(pushed);
      });
    },
    pull: (reference) => {
      const pod = agentPod(program);
      return seconds(async () => {
        await check(pod.pull(`--input=${reference}`).ended);
        await check(pod.exec(["--input-path=."], ["true"]).ended);
      });
    },
  };
}

/** The agent in a Pod without an init container: one container receives the input and hands over the output. */
export function streamsWay(program: string): Way {
  const step = (option: string, ...launcher: string[]) => {
    const pod = agentPod(program);
    return seconds(async () => {
      const serving = pod.serve(option);
      await check(pod.ready().ended);
      await check(pod.exec(["--streams", ...launcher], ["true"]).ended);
      await check(serving.ended);
    });
  };
  return {
    name: "oras-operator, streamed",
    push: (output, reference) => step(`--output=${reference}`, "--pushes", `--output-path=${output}`),
    pull: (reference) => step(`--input=${reference}`, "--input-path=."),
  };
}

/** Usual programs that read, pack, compress, hash and write the same bytes, and the other way round. No registry. */
export function usualPrograms(): Way {
  let blob = "";
  let isTree = false;
  const sh = (script: string) => run(["bash", "-c", `set -e -o pipefail; ${script}`], process.env);
  const hash = "sha256sum >/dev/null";
  return {
    name: "tar, pigz, sha256sum",
    push: (output) => {
      isTree = statSync(output).isDirectory();
      blob = join(temporaryFolder("usual"), "blob");
      const [parent, name] = [join(output, ".."), basename(output)];
      const make = isTree ? `tar -C ${parent} -c --sort=name -b128 ${name} | pigz -1` : `cat ${output}`;
      return seconds(() => sh(`${make} | tee ${blob} | ${hash}`));
    },
    pull: () => {
      const work = temporaryFolder("work");
      const write = isTree
        ? `pigz -dc <${blob} | { tar -C ${work} -x; cat >/dev/null; }`
        : `cp ${blob} ${work}/file`;
      return seconds(() => sh(`${hash} <${blob} & ${write}; wait`));
    },
  };
}
