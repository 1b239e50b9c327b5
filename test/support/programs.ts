import { execFile } from "node:child_process";
import { join } from "node:path";
import { buildModule, controlPlaneProgram } from "../../dev/cluster/binaries.ts";
import { names } from "../../schema/names.ts";

/** What a program printed. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function execute(
  program: string,
  args: readonly string[],
  input?: string,
  env?: NodeJS.ProcessEnv,
): Promise<Output> {
  const { promise, resolve, reject } = Promise.withResolvers<Output>();
  const child = execFile(program, args, { maxBuffer: 64 * 2 ** 20, env }, (error, stdout, stderr) => {
    if (error) reject(new Error(`${args.join(" ")}: ${stderr}${stdout}`, { cause: error }));
    else resolve({ stdout, stderr });
  });
  // A program that ends without having read its input says why by its exit code.
  child.stdin?.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") reject(error);
  });
  child.stdin?.end(input ?? "");
  return promise;
}

/** kubectl for a cluster. */
export async function kubectl(kubeconfig: string, args: readonly string[], input?: string): Promise<Output> {
  return execute(await controlPlaneProgram("kubectl"), ["--kubeconfig", kubeconfig, ...args], input);
}

/** A real Helm. */
export async function helm(args: readonly string[]): Promise<Output> {
  return execute(join(await buildModule("helm"), "helm"), args);
}

/** The chart as Helm renders it, with its CRD and with the namespace of the operator, which is not that of the release. */
export async function helmTemplate(args: readonly string[] = []): Promise<string> {
  const namespace = ["--namespace", "releases", "--set", `namespace.name=${names.operatorNamespace}`];
  const all = [
    ...["template", "oras-operator", "chart", "--include-crds", "--kube-version", "1.36.0"],
    ...namespace,
    ...args,
  ];
  return (await helm(all)).stdout;
}
