import type { V1Container } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { keyOf } from "../annotations/keys.ts";
import { isAnnotated } from "../annotations/map.ts";
import type { Reading } from "../annotations/parse.ts";
import { type Problem, quoted } from "../annotations/problems.ts";
import { makesOutput, type Settings } from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import { variablesOf } from "../annotations/variables.ts";
import type { Warning } from "../annotations/warning.ts";
import type { Places } from "../cache/cache-at.ts";
import { type Connection, inCluster } from "../cache/connection.ts";
import type { OrasCache } from "../cache/types.ts";
import { gateOf } from "../workflow/gate.ts";
import { ownAnnotations, type Workload } from "../workload/workload.ts";
import type { Installation } from "./admission-types.ts";
import type { Launcher } from "./launcher.ts";
import { isRoot, isWithin, partsOf } from "./paths.ts";

const own = annotations["input-as"].key;

/**
 * Where the kubelet and the runtime mount something in each container, whatever its spec says: a Job's template does not show the
 * token that its Pods get. In many images /var/run leads to /run.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#default-filesystems
 */
const placesOfNode = [
  ...["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"],
  ...["/dev/mqueue", "/dev/pts", "/dev/shm", "/proc", "/sys"],
  ...["/run", "/var/run"].map((run) => `${run}/secrets/kubernetes.io/serviceaccount`),
];
/** Nothing can be made in these, so nothing can be mounted there either. */
const closed = ["/proc", "/sys"].map((place) => partsOf(place));

/**
 * Why the input of a step cannot be a volume in this cluster, with its OrasCache.
 *
 * @param workload - the step
 * @param settings - what its author asked for
 * @param connection - to its registry
 * @param cache - its OrasCache, if that exists
 * @param installation - see there
 * @param places - which registries are those of OrasCaches
 */
export function checkInputVolume(
  workload: Workload,
  settings: Settings,
  connection: Connection,
  cache: OrasCache | undefined,
  { kubernetesMinor, workflow }: Pick<Installation, "kubernetesMinor" | "workflow">,
  places: Pick<Places, "cacheOf">,
): Problem[] {
  if (settings.inputAs === undefined) return [];
  const elsewhere = whyNoAddress(settings, connection, cache, places);
  const message = `found Kubernetes 1.${kubernetesMinor}; 1.${names.imageVolumesMinor} has image volumes by default.`;
  return [
    ...(kubernetesMinor < names.imageVolumesMinor
      ? [{ code: "NoImageVolumes", path: own, message } as const]
      : []),
    ...(elsewhere === undefined ? [] : [{ code: "NoNodeAddress", path: own, message: elsewhere } as const]),
    ...checkPinned(workload, settings, workflow),
  ];
}

function whyNoAddress(
  { inputs: [input], cache: name }: Settings,
  connection: Connection,
  cache: OrasCache | undefined,
  { cacheOf }: Pick<Places, "cacheOf">,
): string | undefined {
  if (input?.host !== undefined || !inCluster(connection)) {
    const host = input?.host ?? connection.host;
    const found = cacheOf({ host, plainHttp: input?.host === undefined && connection.plainHttp });
    return found
      ? `the input names the registry of ${names.kind} ${quoted(found.name)} by the host ${host}; allowed is ${annotations["oras-cache"].key} with the name of one of this namespace.`
      : `the input is in ${host}, which is no registry that the operator runs.`;
  }
  if (cache === undefined) return `the ${names.kind} ${quoted(name)} is not there yet.`;
  return cache.spec?.nodeAddress ? undefined : `the ${names.kind} ${quoted(name)} has no spec.nodeAddress.`;
}

/**
 * The kubelet looks at the tag of a volume whenever it starts a container of the Pod: the program would read another artifact
 * than the one that is told of it. Pods of a Job that the operator starts, or its author does, are made with the digest.
 *
 * @see https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/kubelet/kuberuntime/kuberuntime_manager.go#L1675
 */
function checkPinned(workload: Workload, settings: Settings, holds: boolean): Problem[] {
  const [input] = settings.inputs;
  // A variable of the Pod is refused already.
  if (input === undefined || variablesOf(input.repository, input.version).length > 0) return [];
  const gate = gateOf(workload, settings, holds);
  // Annotations on the template alone: each Pod waits by itself.
  const isHeld = isAnnotated(ownAnnotations(workload)) && (gate === "suspend" || gate === "author");
  const problems: Problem[] = [];
  if (gate === "in-pod") {
    const message = 'the step is not held, and a Pod does not wait for a volume; allowed is "false".';
    problems.push({ code: "NotWithVolume", path: annotations["wait-for-inputs"].key, message });
  }
  if (!isHeld && !input.version.startsWith("@"))
    problems.push({ code: "VolumeNotPinned", path: own, message: `found the tag ${quoted(input.version)}.` });
  return problems;
}

/**
 * What is wrong with where containers mount the input.
 *
 * @param launchers - the containers that are wrapped
 * @param path - of the Pod's spec in the submitted object
 * @param settings - what the step's author asked for
 * @param isCertain - see Reading
 */
export function checkInputMounts(
  launchers: readonly Launcher[],
  path: string,
  settings: Settings,
  isCertain: Reading["isCertain"],
): Problem[] {
  // Without an input that is the problem.
  if (settings.inputAs === undefined || settings.inputs.length === 0 || !isCertain("input-path")) return [];
  const [first] = launchers;
  if (first && launchers.every((launcher) => launcher.settings.inputPath === undefined)) {
    const key = keyOf({ name: "input-path", number: first.settings.number });
    return [{ code: "VolumeNeedsPath", path: key, message: "it is not set." }];
  }
  return launchers.flatMap((launcher) => checkMount(launcher, path, settings));
}

function checkMount(
  { container, index, settings: own }: Launcher,
  path: string,
  settings: Settings,
): Problem[] {
  const { number, inputPath } = own;
  if (inputPath === undefined) return [];
  const key = keyOf({ name: "input-path", number });
  const canMount =
    inputPath.startsWith("/") && !inputPath.includes(":") && variablesOf(inputPath).length === 0;
  if (!canMount || isRoot(inputPath))
    return [{ code: "VolumeNeedsPath", path: key, message: `found ${quoted(inputPath)}.` }];
  const mount = partsOf(inputPath);
  const output = makesOutput(settings, own) ? outputWithin(own, container, mount) : undefined;
  const below = mountWithin(container, `${path}.containers[${index}]`, mount);
  const message = `found ${quoted(inputPath)}, and ${below}.`;
  return [
    ...(below ? [{ code: "PathIsMounted", path: key, message } as const] : []),
    ...(output ? [{ code: "OutputInVolume", ...output } as const] : []),
  ];
}

/**
 * What else is mounted at a path or below it. The runtime makes the place for a mount where there is none, which it cannot in an image
 * that is read-only.
 */
function mountWithin(
  { volumeMounts = [], volumeDevices = [], terminationMessagePath }: V1Container,
  field: string,
  mount: readonly string[],
): string | undefined {
  const places = [
    ...volumeMounts.map(({ mountPath }, i) => [mountPath, `${field}.volumeMounts[${i}].mountPath`] as const),
    ...volumeDevices.map(
      ({ devicePath }, i) => [devicePath, `${field}.volumeDevices[${i}].devicePath`] as const,
    ),
    [terminationMessagePath ?? "/dev/termination-log", "the kubelet mounts"] as const,
    ...placesOfNode.map((place) => [place, "the node mounts"] as const),
  ];
  const found = places.find(([place]) => isWithin(partsOf(place), mount));
  if (found !== undefined) return `${found[1]} ${quoted(found[0])}`;
  const [system] = closed.filter((place) => isWithin(mount, place));
  return system && `the node mounts ${quoted(`/${system.join("/")}`)}, in which nothing can be made`;
}

/** An output without a path is the working directory, where the container says which that is. */
function outputWithin(
  { number, outputPath, outputPipe }: Launcher["settings"],
  { workingDir }: V1Container,
  mount: readonly string[],
): Pick<Problem, "path" | "message"> | undefined {
  const name = outputPath === undefined && outputPipe !== undefined ? "output-pipe" : "output-path";
  const written = outputPath ?? outputPipe ?? ".";
  if (!written.startsWith("/") && !workingDir?.startsWith("/")) return undefined;
  if (!isWithin(partsOf(written, partsOf(workingDir ?? "/")), mount)) return undefined;
  const at =
    written === "."
      ? `it is not set, and the working directory is ${quoted(workingDir ?? "")}`
      : `found ${quoted(written)}`;
  return {
    path: keyOf({ name, number }),
    message: `${at}, which is in the input of ${keyOf({ name: "input-path", number })}.`,
  };
}

/** What a node does not know by itself. */
export function warnAboutInputVolume({ inputAs }: Settings, cache: OrasCache | undefined): Warning[] {
  const { nodeAddress, tls } = cache?.spec ?? {};
  if (inputAs === undefined || nodeAddress === undefined || !tls?.selfIssued) return [];
  const message = `the node mounts the input from ${nodeAddress}, whose certificate is of a CA of the operator: it has to trust that.`;
  return [{ code: "NodesNeedCa", path: own, message }];
}
