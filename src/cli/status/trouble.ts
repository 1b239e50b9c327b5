import { names } from "../../../schema/names.ts";
import type { ImageVolume } from "../../cache/image-trouble.ts";
import type { Trouble } from "../../cache/trouble.ts";
import type { OrasCache } from "../../cache/types.ts";

const page =
  "https://github.com/converged-computing/oras-operator/blob/main/docs/how-to/nodes.md#when-it-fails";

/**
 * What to do about a step's Pod that does not run. The table of reasons speaks of registries; a step's Pod is the author's.
 *
 * @param trouble - of the Pod
 * @param cache - of the step; undefined where it is not there
 */
export function todoOfTrouble(
  { reason, volume }: Trouble,
  cache: OrasCache | undefined,
): { readonly todo?: string } {
  if (volume !== undefined) return { todo: todoOfVolume(volume, reason, cache) };
  if (reason === "ImagePullFailed") return { todo: "Correct the image, or give the Pod imagePullSecrets." };
  if (reason === "Unschedulable")
    return { todo: "Make room on a node, or ask for less; the message says what is missing." };
  if (reason === "CreateContainerConfigError")
    return { todo: "Create what the message names, or correct the Pod." };
  return {};
}

function todoOfVolume(
  { name, reference }: ImageVolume,
  reason: string,
  cache: OrasCache | undefined,
): string {
  if (reason !== "ImagePullFailed")
    return `Nodes mount images alone, of their own architecture. Have the step that pushes ${reference} push an image, with the annotation format: image; then create both again.`;
  const [host = ""] = reference.split("/", 1);
  const isOfCache = name.startsWith(names.inputVolume) || cache?.spec?.nodeAddress === host;
  if (!isOfCache)
    return `Correct reference of the volume ${name}, or give the Pod imagePullSecrets. The images of its containers are not meant.`;
  return (
    `The node pulls it, and not the Pod. With a certificate of the registry's own, each node needs the file /etc/containerd/certs.d/${host}/hosts.toml; ` +
    `spec.nodeAddress of the ${names.kind} has to lead nodes to its registry. ${page} says what each message means. If all that is so, look whether the artifact is still there: kubectl oras-cache ls.`
  );
}
