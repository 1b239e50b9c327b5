import type { KubeClient } from "./client.ts";
import { linesOf } from "./lines.ts";

/** How long the API server may take to go on with its metrics. */
const silenceMs = 15_000;

/**
 * Asks the API server which feature gates are on: its metrics say so, and nothing else does.
 *
 * @param client - of the API server
 * @param wanted - names of feature gates
 * @param signal - gives up
 * @returns what it says of each of these that it knows
 * @see https://kubernetes.io/docs/reference/instrumentation/metrics/ (kubernetes_feature_enabled)
 */
export async function readFeatures(
  client: KubeClient,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, boolean>> {
  const found = new Map<string, boolean>();
  const response = await client.stream({ path: "/metrics", signal });
  // Megabytes, of which a few lines count.
  for await (const line of linesOf(response, silenceMs)) {
    const feature = readFeature(line);
    if (feature !== undefined && wanted.includes(feature.name)) found.set(feature.name, feature.isOn);
    if (found.size === wanted.length) break;
  }
  return found;
}

/** A line such as `kubernetes_feature_enabled{name="EnvFiles",stage="BETA"} 1`. */
function readFeature(line: string): { name: string; isOn: boolean } | undefined {
  const [, labels = "", value = ""] = /^kubernetes_feature_enabled\{([^}]*)\} (\S+)/.exec(line) ?? [];
  const name = /(?:^|,)name="([^"]*)"/.exec(labels)?.[1];
  return name === undefined ? undefined : { name, isOn: Number(value) === 1 };
}
