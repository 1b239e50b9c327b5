import type { V1Container, V1ContainerStatus, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { uninjected } from "../../src/injection/uninjected.ts";
import { provenanceOf } from "../../src/lineage/provenance.ts";
import type { Provenance } from "../../src/lineage/statement.ts";
import { reviewed } from "./patched.ts";
import { createRequest } from "./pods.ts";

/** The digest of some content. */
export const digestOfLetter = (letter: string) => `sha256:${letter.repeat(64)}`;
export const ownHost = "oras-0.oras.work.svc.cluster.local:5000";

/**
 * A Pod that was injected and has pushed.
 *
 * @param annotations - without the prefix
 * @param spec - before the injection
 */
export function endedPod(annotations: Readonly<Record<string, string>>, spec: V1PodSpec): V1Pod {
  const map = Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [names.prefix + key, value]),
  );
  const metadata = { name: "make", namespace: "work", annotations: map };
  const pod = { apiVersion: "v1", kind: "Pod", metadata, spec };
  const injected = reviewed({ ...createRequest(pod, "work"), object: pod }) as V1Pod;
  const statuses = (containers: readonly V1Container[] = []) => containers.map(endOf);
  return {
    ...injected,
    metadata: { ...injected.metadata, uid: "uid-of-make" },
    spec: { ...injected.spec, nodeName: "node-1" } as V1PodSpec,
    status: {
      phase: "Succeeded",
      initContainerStatuses: statuses(injected.spec?.initContainers),
      containerStatuses: statuses(injected.spec?.containers),
    },
  };
}

function endOf({ name, image = "" }: V1Container): V1ContainerStatus {
  const imageID = `docker.io/library/${image}@${digestOfLetter("e")}`;
  const [startedAt, finishedAt] = [new Date(1_000), new Date(61_500)];
  return {
    name,
    image,
    imageID,
    state: { terminated: { exitCode: 0, startedAt, finishedAt } },
  } as V1ContainerStatus;
}

/** How such a Pod made what it has pushed. */
export function provenanceOfPod(pod: V1Pod, includeArguments = false): Provenance {
  return provenanceOf({
    pod,
    plain: uninjected(pod),
    push: {
      artifact: `${ownHost}/made/result:v1`,
      digest: digestOfLetter("a"),
      bytes: 12,
      finishedAt: new Date(61_500),
      architecture: "arm64",
    },
    inputs: [digestOfLetter("b")],
    registry: { host: ownHost, plainHttp: true },
    includeArguments,
    operator: "1.2.3",
  });
}
