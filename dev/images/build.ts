import { ensurePackages, packages } from "../cluster/packages.ts";
import { ClusterError, step } from "../cluster/progress.ts";
import { type Built, makeStandIn, remember } from "./archives.ts";
import { ourImages, standIns } from "./catalog.ts";
import { makeOurs, makeWithDocker, type Target } from "./dockerfile.ts";

/**
 * Builds the operator's images and the stand-ins, those that are not up to date.
 *
 * @param only - short names of the images that are wanted; all when empty
 * @param withDocker - build with Docker, on public bases, and leave out the stand-ins for public images
 * @returns the wanted images that have names, without those that only serve to build others
 */
export async function buildImages(only: readonly string[], withDocker: boolean): Promise<Built[]> {
  const catalog = (await standIns()).filter(({ invented }) => invented || !withDocker);
  const targets = Object.keys(ourImages) as Target[];
  const known = [...catalog.map(({ id }) => id), ...targets];
  const unknown = only.filter((id) => !known.includes(id));
  if (unknown.length > 0)
    throw new ClusterError(`unknown image ${unknown.join(", ")}; known: ${known.join(", ")}`);
  const wanted = (id: string) => only.length === 0 || only.includes(id);

  if (!withDocker) await step("Debian packages", () => ensurePackages(packages.images));
  const made = new Map<string, Built>();
  const standIn = async (id: string): Promise<Built> => {
    const image = catalog.find((candidate) => candidate.id === id);
    if (!image) throw new ClusterError(`the catalog has no image ${id}`);
    const built = made.get(id) ?? (await makeStandIn(image));
    made.set(id, built);
    return built;
  };
  for (const { id } of catalog) if (wanted(id)) await standIn(id);
  for (const target of targets.filter(wanted)) {
    made.set(target, await (withDocker ? makeWithDocker(target) : makeOurs(target, standIn)));
  }
  await remember([...made.values()]);
  return [...made.values()].filter(({ id, names }) => names.length > 0 && wanted(id));
}
