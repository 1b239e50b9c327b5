import type {
  V1DownwardAPIVolumeFile,
  V1PodSpec,
  V1Volume,
  V1VolumeProjection,
} from "@kubernetes/client-node";
import { quoted } from "../annotations/problems.ts";
import type { Assumption } from "../annotations/settings.ts";
import { canonical, hidden } from "./canonical.ts";
import { fieldValue, resourceValue } from "./fields.ts";
import { type Reading, refuseUnless } from "./step.ts";
import { counted } from "./uncounted.ts";

/** The place of each volume by its name: that of the first container which names it. */
export type VolumeNumbers = ReadonlyMap<string, number>;

/** The CA of the API server, which is in each namespace. */
const clusterCa = "kube-root-ca.crt";

/**
 * Numbers that stand for the names of volumes, which a program does not see. Which volumes are the same one does count.
 *
 * @param spec - of the Pod
 */
export function numberVolumes(spec: V1PodSpec): VolumeNumbers {
  const there = new Set(spec.volumes?.map(({ name }) => name));
  const containers = [spec.initContainers, spec.containers, spec.ephemeralContainers].flatMap((c) => c ?? []);
  const named = containers.flatMap(({ env, volumeMounts, volumeDevices }) => [
    ...(env ?? []).flatMap(({ valueFrom }) => valueFrom?.fileKeyRef?.volumeName ?? []),
    ...(volumeMounts ?? []).map(({ name }) => name),
    ...(volumeDevices ?? []).map(({ name }) => name),
  ]);
  return new Map([...new Set(named)].filter((name) => there.has(name)).map((name, place) => [name, place]));
}

/**
 * The volumes of a Pod in a key: in the order of their numbers, then those that no container names.
 *
 * @param reading - of the step; gets a refusal for each volume whose content is not seen
 * @param spec - of the Pod
 * @param path - of the spec, for messages
 * @param numbers - of its volumes
 */
export function volumesOf(reading: Reading, spec: V1PodSpec, path: string, numbers: VolumeNumbers): object[] {
  const numbered: object[] = [];
  const others: object[] = [];
  spec.volumes?.forEach((volume, at) => {
    const content = contentOf(reading, volume, `${path}.volumes[${at}]`);
    const place = numbers.get(volume.name);
    if (place === undefined) others.push(content);
    else numbered[place] = content;
  });
  return [...numbered, ...others.sort((a, b) => (canonical(a) < canonical(b) ? -1 : 1))];
}

function contentOf(reading: Reading, volume: V1Volume, path: string): object {
  const sources = Object.entries(counted("volume", volume)).filter(([, source]) => source !== null);
  return Object.fromEntries(
    sources.map(([type, source]) => [type, sourceOf(reading, type, source as never, `${path}.${type}`)]),
  );
}

function sourceOf(reading: Reading, type: string, source: object, path: string): unknown {
  if (type === "emptyDir") return source;
  if (type === "downwardAPI") return withItems(reading, source, path);
  if (type === "projected") {
    const { sources, ...more } = source as NonNullable<V1Volume["projected"]>;
    const parts = sources?.map((part, at) => projectionOf(reading, part, `${path}.sources[${at}]`));
    return { ...more, sources: parts };
  }
  if (type === "image") {
    const { reference = "", ...more } = source as NonNullable<V1Volume["image"]>;
    const digest = digestIn(reference);
    if (digest !== undefined) return { ...more, digest };
  }
  return unseen(reading, type, source, path);
}

function projectionOf(reading: Reading, part: V1VolumeProjection, path: string): object {
  const sources = Object.entries(part).map(([type, source]) => {
    const at = `${path}.${type}`;
    const isSeen =
      source === null ||
      type === "serviceAccountToken" ||
      (type === "configMap" && source?.name === clusterCa);
    if (isSeen) return [type, source];
    return [
      type,
      type === "downwardAPI" ? withItems(reading, source, at) : unseen(reading, type, source, at),
    ];
  });
  return Object.fromEntries(sources);
}

/** The files of a downwardAPI volume, with what will be in them. */
function withItems(reading: Reading, source: object, path: string): object {
  const { items, ...more } = source as { readonly items?: readonly V1DownwardAPIVolumeFile[] };
  const files = items?.map(({ fieldRef, resourceFieldRef, ...file }, at) => ({
    ...file,
    ...(fieldRef && fieldValue(reading, fieldRef, `${path}.items[${at}].fieldRef`)),
    ...(resourceFieldRef &&
      resourceValue(reading, resourceFieldRef, `${path}.items[${at}].resourceFieldRef`)),
  }));
  return { ...more, items: files };
}

/** A source whose content a key does not see. It can hold passwords, such as those of a CSI driver. */
function unseen(reading: Reading, type: string, source: object, path: string): string {
  const { name = "", secretName = name } = source as { readonly name?: string; readonly secretName?: string };
  const of = {
    configMap: ["config", "ConfigNotSeen", `the ConfigMap ${quoted(name)}`],
    secret: ["secrets", "SecretNotSeen", `the Secret ${quoted(secretName)}`],
  } as const satisfies Record<string, readonly [Assumption, string, string]>;
  const [assumption, code, what] =
    type === "configMap" || type === "secret"
      ? of[type]
      : (["volumes", "VolumeNotSeen", `a volume of the type ${type}`] as const);
  refuseUnless(reading, assumption, code, path, `found ${what}.`);
  return hidden(source);
}

/** The digest that an image is named by, if it is. */
export function digestIn(reference: string): string | undefined {
  return /@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.exec(reference)?.[1];
}
