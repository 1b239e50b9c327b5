import { run, say } from "./process.ts";

/** Which cluster is used. */
export type Choice = "current" | "kind" | "local";

const kindName = "oras-operator";

/** The current kubeconfig if CLUSTER=current says so, kind where it and Docker run, else the local cluster. */
export async function chooseCluster(): Promise<Choice> {
  const asked = process.env["CLUSTER"];
  if (asked === "current" || asked === "kind" || asked === "local") return asked;
  if (asked !== undefined) throw new Error(`CLUSTER=${asked}: allowed are current, kind and local`);
  const works = (...command: string[]) =>
    run(command).then(
      () => true,
      () => false,
    );
  return (await works("kind", "version")) && (await works("docker", "info")) ? "kind" : "local";
}

/** Makes the kind cluster unless it is there. */
export async function kindUp(): Promise<void> {
  const clusters = await run(["kind", "get", "clusters"]);
  if (!clusters.split("\n").includes(kindName)) {
    await run(["kind", "create", "cluster", "--name", kindName], { show: true });
  }
  say("the kind cluster is up");
}

/** Loads an image archive into kind's nodes. */
export async function kindLoad(archive: string): Promise<void> {
  await run(["kind", "load", "image-archive", archive, "--name", kindName], { show: true });
}
