import type { V1PodSpec } from "@kubernetes/client-node";
import { isAnnotated } from "../annotations/keys.ts";
import { readAnnotations } from "../annotations/parse.ts";
import type { AdmissionRequest } from "./admission-types.ts";
import type { JobLike, PodLike } from "./apply.ts";
import { chooseLaunchers } from "./launcher.ts";

/** An image of which it must be known what it runs, for an architecture. */
export interface WantedImage {
  readonly image: string;
  readonly architecture: string;
  /** Where the Pod's password to the image's registry may be. */
  readonly secrets: { readonly namespace: string; readonly names: readonly string[] };
}

/** The API server looks at names after admission only, and these become part of a path. */
const objectName = /^[a-z0-9][-a-z0-9.]{0,252}$/;
const mostSecrets = 10;

/**
 * The images whose ENTRYPOINT counts for a request: those of launchers without a command.
 *
 * @param request - as for admit
 */
export function imagesToLookUp(request: AdmissionRequest): WantedImage[] {
  if (request.operation !== "CREATE") return [];
  const object = request.object as PodLike & JobLike;
  const template = request.kind.kind === "Job" ? object.spec.template : object;
  const containers = template.spec?.containers;
  // Nearly always so, and nothing else needs to be read twice then.
  if (!Array.isArray(containers) || containers.every(({ command }) => command?.length)) return [];
  const below = template.metadata?.annotations;
  const all = { ...below, ...object.metadata?.annotations };
  if (!isAnnotated(all)) return [];
  const launchers = chooseLaunchers(template.spec, below, readAnnotations(all).settings);
  if (!launchers.ok) return [];
  const architecture = architectureOf(template.spec);
  const given = (template.spec.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []));
  const names = [...new Set(given)].filter((name) => objectName.test(name)).slice(0, mostSecrets);
  const secrets = { namespace: request.namespace ?? "default", names };
  return launchers.value.flatMap(({ container: { command = [], image } }) =>
    command.length === 0 && image !== undefined ? [{ image, architecture, secrets }] : [],
  );
}

/** What the Pod asks its node to be; most images run the same program on each architecture. */
function architectureOf(pod: V1PodSpec): string {
  return pod.nodeSelector?.["kubernetes.io/arch"] ?? "amd64";
}
