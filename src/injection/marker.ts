import { hash as hashOf } from "node:crypto";
import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { AnnotationMap } from "../annotations/map.ts";
import { isForUs } from "../workload/places.ts";
import { mismatch, type Shape } from "../workload/shape.ts";

/**
 * What was injected into a Pod: enough to find it again, to take it out, and to put it back. It stands in the
 * environment of the first added container, so that it goes where the containers go: `kubectl debug --copy-to` keeps
 * the spec only.
 */
export interface Injection {
  /** Where it was made: another namespace has another cache. Unknown where the containers alone tell of it. */
  readonly namespace?: string;
  /** Names of the added volumes; the first is the share. */
  readonly volumes: readonly string[];
  /** What each added init container runs, by its name. */
  readonly initContainers: Readonly<Record<string, Words>>;
  /** The same of each other added container. */
  readonly containers: Readonly<Record<string, Words>>;
  /** The containers that were wrapped, by their names. */
  readonly wrapped: Readonly<Record<string, Wrapped>>;
  /** Secrets that Pods name for the image of an input, and did not name before. */
  readonly pullSecrets?: readonly string[];
  /** The value of kubectl's annotation for the container that matters, where the Pod had none. */
  readonly defaultContainer?: string;
}

/**
 * Words that a container runs. Other webhooks write a program of theirs in front (`vault-env`, `secrets-init`), and move
 * what stood in command into args: so they are counted, and command and args make one list.
 */
export interface Words {
  readonly hash: string;
  readonly count: number;
}

/** What is known of a wrapped container. */
export interface Wrapped {
  /** What was written in front of its program. */
  readonly launcher: Words;
  /** Hash of command and args as they were written. */
  readonly program: string;
  /** How many words the command had. */
  readonly command: number;
  /** How many words args had. */
  readonly args: number;
  /** Names of the variables that were added to its environment. */
  readonly env: readonly string[];
}

/** The value of the marker annotation. What was injected is not in it: the containers say that. */
interface Marker {
  /** Digest of the annotations that the injection was made from. */
  readonly annotations: string;
}

/** Command and args of a container, as Kubernetes has them. */
export type Program = Pick<V1Container, "command" | "args">;

/**
 * Hash of a container's command and args. One that is empty counts as absent, as it does for Kubernetes.
 *
 * @returns 32 hexadecimal digits
 */
export function hashProgram({ command, args }: Program): string {
  return short(JSON.stringify([command ?? [], args ?? []]));
}

/** Command and args as the one list that is run. */
export function wordsOf({ command, args }: Program): readonly string[] {
  return [...(command ?? []), ...(args ?? [])];
}

/** Describes words, for `areWords`. */
export function describeWords(words: readonly string[]): Words {
  return { hash: short(JSON.stringify(words)), count: words.length };
}

/** Whether words are those that were described. */
export function areWords(words: readonly string[], { hash, count }: Words): boolean {
  return words.length === count && describeWords(words).hash === hash;
}

/**
 * Digest of a step's annotations. Those that the operator itself writes later are outside of it. An object that is
 * created again in another namespace has another cache, so the namespace belongs to it.
 *
 * @param annotations - of a Pod, or of another object together with those of its template
 * @param namespace - of the object
 */
export function digestOf(annotations: AnnotationMap | undefined, namespace: string): string {
  const entries = Object.entries(annotations ?? {}).filter(([key]) => isForUs(key));
  return short(JSON.stringify([namespace, ...entries.sort(([a], [b]) => (a < b ? -1 : 1))]));
}

function short(text: string): string {
  return hashOf("sha256", text, "hex").slice(0, 32);
}

/**
 * The value of the marker annotation.
 *
 * @param annotations - and namespace: see `digestOf`
 */
export function markerOf(annotations: AnnotationMap | undefined, namespace: string): string {
  const marker: Marker = { annotations: digestOf(annotations, namespace) };
  return JSON.stringify(marker);
}

/** Whether annotations hold a marker, of whatever form. */
export function isMarked(annotations: AnnotationMap | undefined): boolean {
  return annotations?.[names.markerAnnotation] !== undefined;
}

const words: Shape = { fields: { hash: "text", count: "count" }, needs: ["hash", "count"] };
const neededFields: Readonly<Record<string, Shape>> = {
  namespace: "text",
  volumes: { list: "text" },
  initContainers: { map: words },
  containers: { map: words },
  wrapped: {
    map: {
      fields: { launcher: words, program: "text", command: "count", args: "count", env: { list: "text" } },
      needs: ["launcher", "program", "command", "args", "env"],
    },
  },
};
const injectionShape: Shape = {
  fields: { ...neededFields, defaultContainer: "text", pullSecrets: { list: "text" } },
  needs: Object.keys(neededFields),
};

/** The digest that a marker carries, if it is one. */
export function markedDigest(annotations: AnnotationMap | undefined): string | undefined {
  const marker = parse(annotations?.[names.markerAnnotation]) as Partial<Marker> | undefined;
  return typeof marker?.annotations === "string" ? marker.annotations : undefined;
}

/** What the containers themselves say was injected. */
export function recordedInjection(spec: V1PodSpec): Injection | undefined {
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    const found = asInjection(container.env?.find(({ name }) => name === names.injectionVariable)?.value);
    if (found) return found;
  }
  return undefined;
}

function asInjection(text: unknown): Injection | undefined {
  const value = parse(text);
  return value !== undefined && mismatch(value, injectionShape) === undefined
    ? (value as Injection)
    : undefined;
}

function parse(text: unknown): unknown {
  if (typeof text !== "string") return undefined;
  try {
    return (JSON.parse(text) as unknown) ?? undefined;
  } catch {
    return undefined; // not JSON: not the operator's
  }
}

/** What a map holds under a name that may be that of a property of every object. */
export function ownValue<T>(map: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}
