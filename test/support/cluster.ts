import { names } from "../../schema/names.ts";
import { kubectl } from "./kubectl.ts";

/** vitest's globalSetup for the e2e tests: the operator, installed as a user installs it. */
export default async function setup(): Promise<void> {
  await kubectl(["apply", "-f", "examples/dist/oras-operator.yaml"]);
  await operatorIsReady();
}

/** Waits until the operator answers. */
export async function operatorIsReady(): Promise<void> {
  const within = ["--namespace", names.operatorNamespace];
  await kubectl([...within, "rollout", "restart", `deployment/${names.deployment}`]);
  await kubectl([...within, "rollout", "status", `deployment/${names.deployment}`, "--timeout=120s"]);
}
