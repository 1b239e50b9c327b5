import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { annotations } from "../../generated/annotations.ts";
import type { Problem } from "../annotations/problems.ts";
import type { Settings } from "../annotations/settings.ts";
import { restartPolicy } from "./containers.ts";

/** A container in a Pod, with the path of its field for messages. */
interface Located {
  readonly pod: V1PodSpec;
  /** Path of the Pod's spec in the submitted object, such as `spec.template.spec`. */
  readonly path: string;
  readonly launcher: V1Container;
  readonly settings: Settings;
}

/**
 * What can be seen to be wrong with a Pod whatever its annotations say.
 *
 * @param pod - the Pod's spec
 * @param path - where it stands in the submitted object
 */
export function checkPlatform(pod: V1PodSpec, path: string): Problem[] {
  if (pod.os?.name === "windows") {
    return [{ code: "WindowsPod", path: `${path}.os.name`, message: `found "windows"; allowed is "linux".` }];
  }
  if (pod.nodeSelector?.["kubernetes.io/os"] === "windows") {
    return [
      {
        code: "WindowsPod",
        path: `${path}.nodeSelector["kubernetes.io/os"]`,
        message: `found "windows"; allowed is "linux".`,
      },
    ];
  }
  return [];
}

/** What can be seen to be wrong with the container that would be wrapped. */
export function checkLauncher({ pod, path, launcher, settings }: Located): Problem[] {
  const problems: Problem[] = [];
  const field = `${path}.containers[${pod.containers.indexOf(launcher)}]`;
  if ((launcher.command ?? []).length === 0) {
    problems.push({
      code: "NoCommand",
      path: `${field}.command`,
      message: `container "${launcher.name}" has none.`,
    });
  }
  const outputIsWorkingDirectory =
    settings.output !== undefined && settings.outputPath === undefined && settings.outputPipe === undefined;
  if (outputIsWorkingDirectory && /^\/+(\.?\/*)*$/.test(launcher.workingDir ?? "")) {
    problems.push({
      code: "OutputIsRoot",
      path: `${field}.workingDir`,
      message: `found "${launcher.workingDir}", and neither ${annotations["output-path"].key} nor ${annotations["output-pipe"].key} is set.`,
    });
  }
  return problems;
}

/**
 * A Pod on the host's network resolves names as its node does, unless it asks for cluster DNS.
 *
 * @see https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy
 */
export function checkDns(pod: V1PodSpec, path: string): Problem[] {
  const policy = pod.dnsPolicy ?? "ClusterFirst";
  if (!pod.hostNetwork || policy === "ClusterFirstWithHostNet" || policy === "None") return [];
  return [
    {
      code: "NoClusterDns",
      path: `${path}.dnsPolicy`,
      message: `found "${policy}" with hostNetwork: true; allowed is "ClusterFirstWithHostNet".`,
    },
  ];
}

/** What is unwise but allowed. Short: the API server cuts all warnings of a request at 4,096 characters. */
export function warnAbout({ pod, path, launcher, settings }: Located): string[] {
  const field = `${path}.containers[${pod.containers.indexOf(launcher)}]`;
  const warnings: string[] = [];
  if (restartPolicy(pod, launcher) === "Always") {
    warnings.push(
      `${path}.restartPolicy: Always repeats the step each time it ends; a step that should run once needs OnFailure or Never`,
    );
  }
  for (const probe of ["livenessProbe", "startupProbe"] as const) {
    if (launcher[probe] === undefined) continue;
    warnings.push(
      `${field}.${probe}: it must allow for the time that laying out inputs and packing outputs take, or the kubelet ends the step meanwhile`,
    );
  }
  if (pod.dnsPolicy === "Default" && !pod.hostNetwork && settings.registry === undefined) {
    warnings.push(`${path}.dnsPolicy: Default does not resolve names of the cluster, such as the cache's`);
  }
  return warnings;
}
