import type { V1ContainerStatus, V1PodSpec } from "@kubernetes/client-node";

/** A volume of the type `image` of a Pod. */
export interface ImageVolume {
  readonly name: string;
  readonly reference: string;
}

/**
 * Which volume the kubelet means that says of a container that an image cannot be pulled: it says so of the container also where
 * the image is that of a volume.
 *
 * @param status - of the container
 * @param spec - of its Pod
 * @returns undefined where it means the container's own image
 */
export function volumeNotPulled(
  { name, image, state }: V1ContainerStatus,
  spec: V1PodSpec | undefined,
): ImageVolume | undefined {
  const message = state?.waiting?.message ?? "";
  const own = containerOf(name, spec)?.image ?? image ?? "";
  const found = longest(mountedBy(name, spec).filter(({ reference }) => message.includes(reference)));
  // One reference may be the beginning of another.
  const isOwn = message.includes(own) && own.length >= (found?.reference.length ?? 0);
  return isOwn ? undefined : found;
}

/**
 * Which volume the runtime means that cannot mount one.
 *
 * @param status - of the container
 * @param spec - of its Pod
 * @returns undefined where it speaks of none; of several that the container has, and that it does not name, the first
 */
export function volumeNotMounted(
  { name, state }: V1ContainerStatus,
  spec: V1PodSpec | undefined,
): ImageVolume | undefined {
  const { reason = "", message = "" } = state?.waiting ?? {};
  if (!`${reason} ${message}`.includes("ImageVolumeMountFailed")) return undefined;
  const mounted = mountedBy(name, spec);
  return longest(mounted.filter(({ reference }) => message.includes(reference))) ?? mounted[0];
}

function containerOf(name: string, spec: V1PodSpec | undefined) {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].find((each) => each.name === name);
}

function mountedBy(container: string, spec: V1PodSpec | undefined): ImageVolume[] {
  const mounts = new Set(containerOf(container, spec)?.volumeMounts?.map(({ name }) => name));
  return (spec?.volumes ?? []).flatMap(({ name, image }) =>
    image?.reference !== undefined && mounts.has(name) ? [{ name, reference: image.reference }] : [],
  );
}

function longest(volumes: readonly ImageVolume[]): ImageVolume | undefined {
  return [...volumes].sort((a, b) => b.reference.length - a.reference.length)[0];
}
