import type { V1Container } from "@kubernetes/client-node";
import type { Answers, KnownImage } from "./admission-types.ts";

/** What is known of a container's image. */
export function knownImage({ images }: Answers, { image }: V1Container): KnownImage | undefined {
  return image === undefined ? undefined : images?.get(image);
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

/** What the image says is meant as it is: the kubelet would expand `$(NAME)` in it, and read `$$` as one dollar sign. */
function escaped(word: string): string {
  return word.replaceAll("$", "$$$$");
}
