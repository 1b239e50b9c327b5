import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { isAnnotated } from "../annotations/keys.ts";
import { readAnnotations } from "../annotations/parse.ts";
import type { AdmissionRequest, KnownImage, Surroundings } from "./admission-types.ts";
import type { JobLike, PodLike } from "./apply.ts";
import { chooseLaunchers } from "./launcher.ts";

/** An image of which it must be known what it runs, for an architecture. */
export interface WantedImage {
  readonly image: string;
  readonly architecture: string;
}

/**
 * The images whose ENTRYPOINT counts for a request: those of launchers without a command.
 *
 * @param request - as for admit
 */
export function imagesToLookUp(request: AdmissionRequest): WantedImage[] {
  if (request.operation !== "CREATE") return [];
  const object = request.object as PodLike & JobLike;
  const template = request.kind.kind === "Job" ? object.spec.template : object;
  const below = template.metadata?.annotations;
  const all = { ...below, ...object.metadata?.annotations };
  if (!isAnnotated(all) || !Array.isArray(template.spec?.containers)) return [];
  const launchers = chooseLaunchers(template.spec, below, readAnnotations(all).settings);
  if (!launchers.ok) return [];
  const architecture = architectureOf(template.spec);
  return launchers.value.flatMap(({ container: { command = [], image } }) =>
    command.length === 0 && image !== undefined ? [{ image, architecture }] : [],
  );
}

/** What is known of a container's image. */
export function knownImage(around: Surroundings, { image }: V1Container): KnownImage | undefined {
  return image === undefined ? undefined : around.image?.(image);
}

/** What the Pod asks its node to be; most images run the same program on each architecture. */
function architectureOf(pod: V1PodSpec): string {
  return pod.nodeSelector?.["kubernetes.io/arch"] ?? "amd64";
}

/**
 * The words of a container's program: its command and arguments, or what its image runs.
 *
 * @param container - the launcher
 * @param known - what is known of its image
 * @returns none when it cannot be known
 * @see https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/#notes
 */
export function programOf(container: V1Container, known: KnownImage | undefined): string[] {
  const { command = [], args } = container;
  if (command.length > 0) return [...command, ...(args ?? [])];
  if (known === undefined || "unknown" in known) return [];
  const { entrypoint, cmd } = known.program;
  // An image without ENTRYPOINT runs its CMD; arguments stand instead of that.
  return [...entrypoint, ...(args ?? cmd)].map((word, i) =>
    i < entrypoint.length || !args ? escaped(word) : word,
  );
}

/** What the image says is meant as it is: the kubelet would expand `$(NAME)` in it. */
function escaped(word: string): string {
  return word.replaceAll("$(", "$$$$(");
}
