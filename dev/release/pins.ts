import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError } from "../cluster/progress.ts";

/** For which the images are made, as Go, Debian and OCI name them. */
export const architectures = ["amd64", "arm64"] as const;
export type Architecture = (typeof architectures)[number];

/** A Debian package. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** Node for a platform, as the npm package of that name has it. */
export interface NodePackage {
  readonly name: string;
  readonly version: string;
  /** Subresource integrity of its archive, as in package-lock.json. */
  readonly integrity: string;
}

/** An image that others make. */
export interface ForeignImage {
  readonly name: string;
  /** Empty where it is not known yet. */
  readonly digest: string;
}

/** Everything of a release that comes from elsewhere and has no lock file of its own. */
export interface Pins {
  readonly debian: Readonly<Record<Architecture, readonly Package[]>>;
  readonly node: Readonly<Record<Architecture, NodePackage>>;
  readonly registry: ForeignImage;
}

export const pinsFile = join(import.meta.dirname, "pinned.json");

/** What `node dev/pin.ts` wrote. */
export async function readPins(): Promise<Pins> {
  return JSON.parse(await readFile(pinsFile, "utf8")) as Pins;
}

/**
 * The image that registries run, with its digest; none where that is not known yet.
 *
 * @param pins - of the release
 * @param image - the name that it has now
 * @throws ClusterError if another version of it is pinned
 */
export function pinnedRegistry({ registry }: Pins, image: string): ReadonlyMap<string, string> {
  if (registry.name !== image) {
    throw new ClusterError(
      `${pinsFile} pins ${registry.name}, but registries run ${image}: run node dev/pin.ts`,
    );
  }
  return new Map(registry.digest === "" ? [] : [[image, registry.digest]]);
}
