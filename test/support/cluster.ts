import { names } from "../../schema/names.ts";
import { kubectl } from "./kubectl.ts";
import { setPodShape } from "./pod-shape.ts";

/**
 * vitest's globalSetup for the e2e tests: the operator, installed as a user installs it; with the option pod-shape that the
 * environment variable POD_SHAPE says.
 */
export default async function setup(): Promise<void> {
  await kubectl(["apply", "-f", "examples/dist/oras-operator.yaml"]);
  await operatorIsReady();
  const shape = process.env["POD_SHAPE"];
  if (shape !== undefined) await setPodShape(shape === "auto" ? "auto" : "init");
}

/** Waits until the operator answers. */
export async function operatorIsReady(): Promise<void> {
  const within = ["--namespace", names.operatorNamespace];
  await kubectl([...within, "rollout", "restart", `deployment/${names.deployment}`]);
  await kubectl([...within, "rollout", "status", `deployment/${names.deployment}`, "--timeout=120s"]);
}
