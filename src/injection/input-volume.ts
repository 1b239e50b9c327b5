import type { V1Container, V1PodSpec, V1Volume, V1VolumeMount } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { AnnotationMap } from "../annotations/map.ts";
import type { Launcher } from "./launcher.ts";
import type { Injection } from "./marker.ts";
import { partsOf } from "./paths.ts";
import { findInjection } from "./present.ts";
import type { Step } from "./step.ts";

/** The volume of an input that nodes mount; none where the agent brings the inputs. */
export function inputVolume({ settings, answers, free }: Step): V1Volume[] {
  const { inputAs, inputs } = settings;
  const [input] = inputs;
  const address = answers.cache?.spec?.nodeAddress;
  if (inputAs === undefined || input === undefined || address === undefined) return [];
  const reference = `${address}/${input.repository}${input.version}`;
  return [{ name: free.volume(names.inputVolume), image: { reference, pullPolicy: "IfNotPresent" } }];
}

/** Where a wrapped container has the input that nodes mount: what names no path does not see it. */
export function inputMounts(
  { settings, free }: Pick<Step, "settings" | "free">,
  launcher: Launcher,
): V1VolumeMount[] {
  const { inputPath } = launcher.settings;
  if (settings.inputAs === undefined || inputPath === undefined) return [];
  return [
    { name: free.volume(names.inputVolume), mountPath: `/${partsOf(inputPath).join("/")}`, readOnly: true },
  ];
}

/** The Secrets by which nodes pull the input, where the Pod does not name them itself. */
export function inputPullSecrets({
  settings,
  answers,
  pod,
}: Pick<Step, "settings" | "answers" | "pod">): string[] {
  const { nodeLogin } = answers;
  if (settings.inputAs === undefined || nodeLogin === undefined) return [];
  return pod.imagePullSecrets?.some(({ name }) => name === nodeLogin) ? [] : [nodeLogin];
}

/** A Pod's spec with Secrets beside those that it names for its images. */
export function withPullSecrets(spec: V1PodSpec, secrets: readonly string[] = []): V1PodSpec {
  const given = spec.imagePullSecrets ?? [];
  const added = secrets.filter((secret) => !given.some(({ name }) => name === secret));
  if (added.length === 0) return spec;
  return { ...spec, imagePullSecrets: [...given, ...added.map((name) => ({ name }))] };
}

/**
 * The spec of a Pod that was made from an injected Job. The Job's template names no Secrets for the input: a Pod that names one
 * gets none of its ServiceAccount. And it cannot be changed when the Job is opened, other than its annotations: so it is the
 * Pod in which the tag becomes the digest that was found then.
 *
 * @param spec - of the Pod
 * @param injection - what was injected
 * @param annotations - of the Pod
 * @returns the same spec where nothing is to be done
 * @see https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#add-imagepullsecrets-to-a-service-account
 */
export function withInputVolume(
  spec: V1PodSpec,
  injection: Injection,
  annotations: AnnotationMap | undefined,
): V1PodSpec {
  const present = findInjection(spec, injection);
  const digest = annotations?.[names.inputDigestsAnnotation] ?? "";
  const isTagged = (volume: V1Volume) =>
    present?.isAddedVolume(volume) === true && volume.image?.reference?.includes("@") === false;
  const isPinned = /^sha256:[0-9a-f]{64}$/.test(digest) && spec.volumes?.some(isTagged);
  const pinned = spec.volumes?.map((volume) => (isTagged(volume) ? pin(volume, digest) : volume)) ?? [];
  return withPullSecrets(isPinned ? withWord({ ...spec, volumes: pinned }) : spec, injection.pullSecrets);
}

/** The container that looks at the input ends the step where the volume has a tag. */
function withWord(spec: V1PodSpec): V1PodSpec {
  const told = (container: V1Container): V1Container =>
    container.env?.some(({ name }) => name === names.inputDigestsVariable)
      ? { ...container, env: [...container.env, { name: names.inputPinnedVariable, value: "true" }] }
      : container;
  return {
    ...spec,
    containers: spec.containers.map(told),
    ...(spec.initContainers && { initContainers: spec.initContainers.map(told) }),
  };
}

function pin(volume: V1Volume, digest: string): V1Volume {
  const repository = volume.image?.reference?.replace(/:[^:/]*$/, "");
  return { ...volume, image: { ...volume.image, reference: `${repository}@${digest}` } };
}
