import { delimiter, dirname } from "node:path";
import { buildModule, controlPlaneProgram } from "../../dev/cluster/binaries.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { temporaryFolder } from "./folders.ts";
import { type HookRun, runHookJobs } from "./hook-jobs.ts";
import { execute } from "./programs.ts";

/** Somebody with every right to a fresh API server, in the repository, with kubectl and helm. */
export interface Administrator {
  readonly plane: ControlPlane;
  /** For files of a test. */
  readonly folder: string;
  /** Runs a line of shell as a reader of the docs would. */
  readonly shell: (line: string) => Promise<string>;
  /** What the Jobs of Helm's hooks said so far. */
  readonly hooks: readonly HookRun[];
}

/** Starts an API server of its own, without kubelets and controllers; only Jobs of Helm's hooks run. */
export async function startAdministrator(): Promise<Administrator> {
  const plane = await startControlPlane();
  const folder = temporaryFolder("administrator");
  const programs = [await buildModule("helm"), dirname(await controlPlaneProgram("kubectl"))];
  const env = {
    ...process.env,
    PATH: [...programs, process.env["PATH"]].join(delimiter),
    KUBECONFIG: plane.kubeconfig,
    HELM_CACHE_HOME: folder,
    HELM_CONFIG_HOME: folder,
    HELM_DATA_HOME: folder,
  };
  const shell = async (line: string) => (await execute("sh", ["-ec", line], undefined, env)).stdout;
  const jobs = runHookJobs(plane);
  const stop = async () => {
    await jobs.stop();
    await plane.stop();
  };
  return { plane: { ...plane, stop }, folder, shell, hooks: jobs.runs };
}
