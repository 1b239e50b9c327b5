import { names } from "../../schema/names.ts";

/** What a node says of its kubelet. */
export interface Kubelet {
  readonly node: string;
  /** Such as `v1.35.2-gke.100`. */
  readonly version: string;
  /** `linux` or `windows`. */
  readonly os: string;
}

/**
 * Why no Pod can do without an init container: the API server would refuse its fields, or a kubelet would start a wrapped
 * container before there is anything to start it with.
 *
 * @param gates - feature gates of the API server that are needed; or what is the matter with them, in words
 * @param kubelets - of all nodes; or what is the matter with them
 * @returns undefined when there is no reason
 */
export function whyNoHooks(
  gates: ReadonlyMap<string, boolean> | string,
  kubelets: readonly Kubelet[] | string,
): string | undefined {
  if (typeof gates === "string") return `the API server's feature gates ${gates}`;
  if (typeof kubelets === "string") return `the nodes ${kubelets}`;
  const missing = neededGates.find((name) => gates.get(name) !== true);
  if (missing !== undefined)
    return `the API server ${gates.has(missing) ? "has switched off" : "does not know"} the feature gate ${missing}`;
  const linux = kubelets.filter(({ os }) => os !== "windows");
  if (linux.length === 0) return "there is no Linux node yet";
  const older = linux
    .filter(({ version }) => !isNewEnough(version))
    .toSorted((a, b) => (a.node < b.node ? -1 : 1))[0];
  return older && `the kubelet of node ${older.node} is ${older.version || "of an unknown version"}`;
}

/** Feature gates that the API server needs: it drops the fields of those that are off. */
export const neededGates = ["EnvFiles", "ContainerRestartRules"] as const;

function isNewEnough(version: string): boolean {
  const [, major, minor] = /^v?(\d{1,4})\.(\d{1,4})/.exec(version) ?? [];
  if (major === undefined) return false;
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= names.hookShapeMinor);
}
