import type { V1Container } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";

/** Whether a container is one that the operator adds. */
export function isAdded({ name }: Pick<V1Container, "name">): boolean {
  return name === names.pullContainer || name === names.installContainer || /^oras(?:-\d+)?$/.test(name);
}
