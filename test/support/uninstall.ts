import { tryKubectl } from "./kubectl.ts";

/** Takes away what examples/dist/oras-operator.yaml has installed, if anything. */
export async function uninstall(): Promise<void> {
  await tryKubectl([
    "delete",
    "--ignore-not-found",
    "--wait",
    "--timeout=180s",
    "-f",
    "examples/dist/oras-operator.yaml",
  ]);
}
