import { cleanedUp } from "../clean-up.ts";
import type { Registry, Told } from "../oci/types.ts";
import type { ArtifactManifest, Part } from "./manifest.ts";
import { unpacked } from "./packed.ts";
import { openStage, type Stage } from "./stage.ts";
import { readTar } from "./tar-read.ts";

/** Where the bytes of an artifact are. */
export interface Place {
  readonly registry: Registry;
  readonly repository: string;
}

/**
 * Puts the files of an artifact into a folder: all of them when all are verified, or none.
 *
 * @param place - where its blobs are
 * @param manifest - what it consists of
 * @param into - the folder and the artifact's name for messages
 * @param told - while bytes come
 * @returns how many files
 */
export async function getFiles(
  place: Place,
  manifest: ArtifactManifest,
  into: { readonly folder: string; readonly shown: string },
  told: Told,
): Promise<number> {
  const stage = openStage(into.folder, into.shown);
  return cleanedUp(stage.remove, async () => {
    for (const part of manifest.parts) await addPart(place, part, stage, told);
    stage.commit();
    return stage.files();
  });
}

async function addPart(place: Place, part: Part, stage: Stage, told: Told): Promise<void> {
  const blob = place.registry.readBlob(place.repository, part, told);
  const name = Buffer.from(part.path).toString("latin1");
  if (part.packed === undefined) {
    await stage.add({ name, kind: "file", mode: part.mode, size: part.size, link: "", content: blob });
    return;
  }
  for await (const entry of readTar(unpacked(blob))) await stage.add(entry);
}
