import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { fakePod, start, temporaryFolder, type toolsTree } from "../support/sidecar.ts";

type Tools = Awaited<ReturnType<typeof toolsTree>>;

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
export function originalWay(tools: Tools): Way {
  const env = { ...tools.environment, HOME: "/nonexistent", TMPDIR: process.env["TMPDIR"] };
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

/** The scripts that run in Pods, from the end of the program to the end of the push, and from nothing to the program. */
export function ourWay(tools: Tools, compression: string): Way {
  const check = async (ended: Promise<{ code: number | null; stderr: string }>) => {
    const { code, stderr } = await ended;
    if (code !== 0) throw new Error(stderr);
  };
  return {
    name: compression === "auto" ? "oras-operator" : `oras-operator, ${compression}`,
    push: async (output, reference) => {
      const pod = fakePod(tools);
      await check(pod.init("--output", reference));
      const push = ["--restart-policy", "Never", "--compression", compression];
      return seconds(async () => {
        const pusher = pod.pusher("--output", reference, ...push);
        await check(pod.launcher(["--output", "true", "--output-path", output], ["true"]).ended);
        await check(pusher.ended);
      });
    },
    pull: (reference) => {
      const pod = fakePod(tools);
      return seconds(async () => {
        await check(pod.init("--input", reference));
        await check(pod.launcher(["--inputs", "1"], ["true"]).ended);
      });
    },
  };
}

/**
 * What no way can do without: read, tar, compress, write and hash the same bytes; read, hash, decompress and write them
 * as files. No registry.
 */
export function limit(tools: Tools): Way {
  const tool = join(tools.oras, "bin");
  const loader = `${tools.oras}/lib/ld.so --library-path ${tools.oras}/lib ${tool}`;
  let blob = "";
  const buffer = `${loader}/mbuffer -q -v 0 -s 64k -m 2M`;
  const hash = `${loader}/layer file 3>/dev/null >/dev/null`;
  let isTree = false;
  const sh = (script: string) => run(["bash", "-c", `set -e -o pipefail; ${script}`], process.env);
  return {
    name: "the limit",
    push: (output) => {
      isTree = statSync(output).isDirectory();
      blob = join(temporaryFolder("limit"), "blob");
      const [parent, name] = [join(output, ".."), basename(output)];
      const make = isTree
        ? `${loader}/tar -C ${parent} -c --sort=name -b128 ${name} | ${loader}/layer gzip`
        : `${loader}/layer file <${output}`;
      return seconds(() => sh(`${make} >${blob} 3>/dev/null`));
    },
    pull: () => {
      const work = temporaryFolder("work");
      const write = isTree
        ? `${loader}/igzip -d -c <${blob} | ${buffer} | ${loader}/tar -C ${work} -x`
        : `cat <${blob} >${work}/file`;
      return seconds(() => sh(`${hash} <${blob} & ${write}; wait`));
    },
  };
}
