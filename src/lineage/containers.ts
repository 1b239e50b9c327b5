import type { V1Container } from "@kubernetes/client-node";
import { quoted } from "../annotations/problems.ts";
import { hidden } from "./canonical.ts";
import { environmentOf } from "./environment.ts";
import { type Reading, refuseUnless } from "./step.ts";
import { counted } from "./uncounted.ts";
import { digestIn, type VolumeNumbers } from "./volumes.ts";

/**
 * A container in a key. What may hold a password stands in it as a digest.
 *
 * @param reading - of the step; gets a refusal for each part that is not seen
 * @param container - of the Pod
 * @param path - of the container, for messages
 * @param volumes - their numbers by name
 */
export function containerOf(
  reading: Reading,
  container: V1Container,
  path: string,
  volumes: VolumeNumbers,
): object {
  const all = counted("container", container);
  const { command, args, lifecycle, volumeMounts, volumeDevices } = all as Partial<V1Container>;
  const numbered = (item: { readonly name: string }) => ({
    ...item,
    name: volumes.get(item.name) ?? item.name,
  });
  return {
    ...all,
    ...environmentOf(reading, container, path, volumes),
    image: imageOf(reading, container.image ?? "", path),
    command: command?.length ? hidden(command) : undefined,
    args: args?.length ? hidden(args) : undefined,
    lifecycle: lifecycle ? { ...lifecycle, postStart: hiddenIfThere(lifecycle.postStart) } : undefined,
    volumeMounts: volumeMounts?.map(numbered),
    volumeDevices: volumeDevices?.map(numbered),
  };
}

function hiddenIfThere(value: object | null | undefined): string | undefined {
  return value ? hidden(value) : undefined;
}

function imageOf({ step, refusals }: Reading, image: string, path: string): string {
  const digest = digestIn(image) ?? step.images.get(image);
  if (digest !== undefined) return digest;
  const message = `found ${quoted(image)}, and its registry does not say which digest that is.`;
  refuseUnless({ step, refusals }, "tags", "TagNotResolved", `${path}.image`, message);
  return image;
}
