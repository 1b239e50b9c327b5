import type { V1Container, V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { optionTable } from "../../schema/options.ts";
import { podOf } from "./builders.ts";
import { kubectl } from "./kubectl.ts";
import { until } from "./wait.ts";

const within = ["--namespace", names.operatorNamespace];
const variable = optionTable.find(({ key }) => key === "podShape")?.env ?? "";

/**
 * Sets the operator's option pod-shape, with the permissions that `auto` needs.
 *
 * @param shape - of the installation
 */
export async function setPodShape(shape: "auto" | "init"): Promise<void> {
  for (const file of ["roles", "binding"])
    await kubectl(["apply", "-f", `config/components/pod-shape-auto/${file}.yaml`]);
  await kubectl([...within, "set", "env", `deployment/${names.deployment}`, `${variable}=${shape}`]);
  await kubectl([...within, "rollout", "status", `deployment/${names.deployment}`, "--timeout=120s"]);
  // Once it has asked the API server, and the nodes.
  await until(async () => (await shapeNow()) === (shape === "auto" ? "hook" : "init"), `the shape ${shape}`);
}

async function shapeNow(): Promise<"hook" | "init"> {
  const probe = podOf("probe", { "output-uri": "a/b:c", "output-path": "out" });
  const answer = await kubectl(
    ["--namespace", "default", "create", "--dry-run=server", "-o", "json", "-f", "-"],
    JSON.stringify(probe),
  );
  return isHooked(JSON.parse(answer) as V1Pod) ? "hook" : "init";
}

/** The shape of a step in this run of the tests, if nothing in its Pod speaks against it. */
export const shapeInUse = process.env["POD_SHAPE"] === "auto" ? "hook" : "init";

/** Names of containers of a Pod, in their order. */
interface Order {
  readonly init: readonly string[];
  readonly containers: readonly string[];
}

/** In which order a Pod has its containers. */
export function orderOf({ spec }: V1Pod): Order {
  const namesOf = (containers: readonly V1Container[] = []) => containers.map(({ name }) => name);
  return { init: namesOf(spec?.initContainers), containers: namesOf(spec?.containers) };
}

/**
 * In which order a step with an output has the containers of its author and those of the operator, in the shape in use.
 *
 * @param own - of the author
 */
export function orderWith(own: Partial<Order>): Order {
  const { init = [], containers = ["main"] } = own;
  return shapeInUse === "hook"
    ? { init, containers: [names.pushContainer, ...containers] }
    : { init: [...init, names.pullContainer], containers: [...containers, names.pushContainer] };
}

/** Whether a step has no init container of the operator's. */
export function isHooked({ spec }: V1Pod): boolean {
  return spec?.containers.some(({ command }) => command?.[1] === "serve") ?? false;
}
