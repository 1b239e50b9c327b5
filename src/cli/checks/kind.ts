import { names } from "../../../schema/names.ts";
import { nearest } from "../../annotations/nearest.ts";
import { places } from "../../workload/places.ts";
import type { ManifestObject } from "../manifests/objects.ts";
import { type Finding, findingAt } from "../report/finding.ts";

/** The kinds of a group. */
interface Group {
  readonly kinds: readonly string[];
  /** The one version that API servers have; absent where others may come. */
  readonly version?: string;
}

/**
 * The groups in which kinds that matter here are. Those of Kubernetes itself are whole: with another kind, the API
 * server refuses an object.
 *
 * @see https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/
 */
const groups: Readonly<Record<string, Group>> = {
  "": {
    version: "v1",
    kinds: [
      ...["ConfigMap", "Endpoints", "Event", "LimitRange", "List", "Namespace", "Node", "PersistentVolume"],
      ...["PersistentVolumeClaim", "Pod", "PodTemplate", "ReplicationController", "ResourceQuota", "Secret"],
      ...["Service", "ServiceAccount", "Binding", "ComponentStatus"],
    ],
  },
  apps: {
    version: "v1",
    kinds: ["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"],
  },
  batch: { version: "v1", kinds: ["CronJob", "Job"] },
  "jobset.x-k8s.io": { kinds: ["JobSet"] },
  [names.group]: { version: names.version, kinds: [names.kind] },
};

/** A kind that no API server has, where it is clear which one was meant. */
export function checkKind(object: ManifestObject): Finding[] {
  const { apiVersion, kind } = object;
  const slash = apiVersion.indexOf("/");
  const [name, version] = [apiVersion.slice(0, Math.max(slash, 0)), apiVersion.slice(slash + 1)];
  const group = groups[name];
  const wrong = (field: "apiVersion" | "kind", message: string) => [
    findingAt(object, [field], { level: "error", code: "UnknownKind", message }),
  ];
  if (group === undefined) {
    const meant = nearest(
      name,
      Object.keys(groups).filter((known) => known !== ""),
    );
    if (meant === undefined || !groups[meant]?.kinds.includes(kind)) return [];
    return wrong("apiVersion", `found ${apiVersion}; did you mean ${apiVersionOf(meant, version)}?`);
  }
  if (group.kinds.includes(kind)) {
    if (group.version === undefined || group.version === version) return [];
    return wrong("apiVersion", `found ${apiVersion}; ${kind} is in ${apiVersionOf(name)}.`);
  }
  // Lists of one kind, such as PodList.
  if (kind.endsWith("List")) return [];
  const elsewhere = places.find((place) => place.kind === kind);
  if (elsewhere) {
    const meant = elsewhere.group === "" ? elsewhere.version : `${elsewhere.group}/${elsewhere.version}`;
    return wrong("apiVersion", `found ${apiVersion}; ${kind} is in ${meant}.`);
  }
  const meant = nearestKind(kind, group.kinds);
  if (meant !== undefined) return wrong("kind", `${apiVersion} has no kind ${kind}; did you mean ${meant}?`);
  return name === names.group
    ? wrong("kind", `${apiVersion} has no kind ${kind}; allowed is ${names.kind}.`)
    : [];
}

function apiVersionOf(group: string, version = ""): string {
  const known = groups[group]?.version ?? version;
  return group === "" ? known : `${group}/${known}`;
}

/** Kinds differ in more than upper case. */
function nearestKind(kind: string, known: readonly string[]): string | undefined {
  const lower = known.map((each) => each.toLowerCase());
  const found = nearest(kind.toLowerCase(), lower);
  return found === undefined ? undefined : known[lower.indexOf(found)];
}
