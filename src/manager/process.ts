import type { Logger } from "pino";
import type { ManagerOptions } from "../../schema/options.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Metrics } from "./metrics.ts";

/** Everything that the parts of the process share. */
export interface Process {
  readonly options: ManagerOptions;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly client: KubeClient;
  /** Unique per process. */
  readonly identity: string;
}

/**
 * Waits until a signal is given.
 *
 * @param signal - ends the wait
 */
export async function untilEnded(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** The proxy of the installation, as variables of the containers that it adds. */
export function proxiesOf({
  httpProxy,
  httpsProxy,
  noProxy,
}: ManagerOptions): Record<"HTTP_PROXY" | "HTTPS_PROXY" | "NO_PROXY", string | undefined> {
  return { HTTP_PROXY: httpProxy, HTTPS_PROXY: httpsProxy, NO_PROXY: noProxy };
}
