import type { V1PodSpec, V1ResourceRequirements } from "@kubernetes/client-node";
import type { Settings } from "../annotations/settings.ts";
import type { Connection } from "../cache/connection.ts";
import type { Answers, Installation } from "./admission-types.ts";
import type { Launcher } from "./launcher.ts";
import type { PodShape } from "./pod-shape.ts";

/** What every added container and the wrapped ones are made from. */
export interface Step {
  readonly pod: V1PodSpec;
  readonly launchers: readonly Launcher[];
  readonly settings: Settings;
  /** The uid of the review, by which the step's requests to registries are known. */
  readonly request: string;
  readonly registry: Connection;
  readonly installation: Installation;
  readonly shape: PodShape;
  readonly answers: Answers;
  /** What each added container asks for. */
  readonly resources: V1ResourceRequirements | undefined;
  /** Free names in the Pod. */
  readonly free: { readonly container: (name: string) => string; readonly volume: (name: string) => string };
}
