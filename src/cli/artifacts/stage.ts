import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { visible } from "../../annotations/problems.ts";
import { exits } from "../exits.ts";
import { makeFolders } from "../make-folders.ts";
import { CliError } from "../output.ts";
import { bytesOf, findObstacle, moveInto } from "./move.ts";
import { cleanPath, depthOf, folderOf, staysInside } from "./paths.ts";
import { placed } from "./sparse.ts";
import type { Entry } from "./tar-read.ts";

/** As the agent names the folders in which it unpacks. */
const stagePrefix = ".oras-partial-";
const { O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_WRONLY } = constants;

/**
 * A folder in which files are put until all are there and verified. Nobody else writes into it, and what it has is known,
 * so no entry can lead out of it. Paths are bytes as characters (latin1).
 */
export interface Stage {
  readonly add: (entry: Entry) => Promise<void>;
  /** Moves everything into the folder, or nothing where it has what cannot be replaced. */
  readonly commit: () => void;
  /** Takes away what is left. */
  readonly remove: () => void;
  /** Files that were added. */
  readonly files: () => number;
}

/**
 * Makes a stage within a folder, which is made if it is not there.
 *
 * @param target - the folder
 * @param shown - the artifact, for messages
 */
export function openStage(target: string, shown: string): Stage {
  makeFolders(target);
  const top = mkdtempSync(`${target}/${stagePrefix}`);
  const made = new Map<string, "folder" | "file" | "link">([["", "folder"]]);
  const modes = new Map<string, number>();
  const at = (path: string) => bytesOf(top, path);
  const refusal = (path: string, why: string): CliError => {
    const name = visible(Buffer.from(path, "latin1").toString());
    return new CliError(`Artifact ${shown}: its entry "${name}" ${why}; nothing was written.`, exits.failed);
  };

  const makeFolder = (path: string): void => {
    const kind = made.get(path);
    if (kind === "folder") return;
    if (kind !== undefined) throw refusal(path, `is a ${kind}, and a folder, too`);
    makeFolder(folderOf(path));
    mkdirSync(at(path), { mode: 0o700 });
    made.set(path, "folder");
  };
  /** Makes room for what may replace an earlier entry of the same name. */
  const clear = (path: string): void => {
    makeFolder(folderOf(path));
    const kind = made.get(path);
    if (kind === "folder") throw refusal(path, "is a folder, and a file, too");
    if (kind !== undefined) unlinkSync(at(path));
  };

  const addFile = async (path: string, entry: Entry): Promise<void> => {
    clear(path);
    const file = openSync(at(path), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
    made.set(path, "file");
    try {
      for await (const { part, offset } of placed(entry)) writeAll(file, part, offset);
      if (entry.extents !== undefined) ftruncateSync(file, entry.size);
      fchmodSync(file, entry.mode);
    } finally {
      closeSync(file);
    }
  };
  const addHardLink = (path: string, link: string): void => {
    const to = cleanPath(link);
    if (to === undefined || made.get(to) !== "file") {
      throw refusal(path, "is a hard link to what is no file of the artifact");
    }
    if (to === path) return;
    clear(path);
    linkSync(at(to), at(path));
    made.set(path, "file");
  };
  const addLink = (path: string, link: string): void => {
    if (!staysInside(depthOf(folderOf(path)), link)) {
      throw refusal(path, "is a link that leads out of the folder");
    }
    clear(path);
    symlinkSync(Buffer.from(link, "latin1"), at(path));
    made.set(path, "link");
  };

  return {
    add: async (entry) => {
      const path = cleanPath(entry.name);
      if (path === undefined || (process.platform === "win32" && /[\\:]/.test(path))) {
        throw refusal(entry.name, "leads out of the folder that it is put into");
      }
      if (entry.kind === "folder") {
        makeFolder(path);
        modes.set(path, entry.mode);
        return;
      }
      if (path === "") throw refusal(entry.name, "has no name");
      if (entry.kind === "file") await addFile(path, entry);
      if (entry.kind === "hardLink") addHardLink(path, entry.link);
      if (entry.kind === "link") addLink(path, entry.link);
      // Devices and pipes are no results; to make them would need rights.
    },
    commit: () => {
      const obstacle = findObstacle(top, target);
      if (obstacle !== undefined) {
        const { place, found, wanted } = obstacle;
        const message = `${place} is ${found}, and the artifact ${shown} has ${wanted} of that name; nothing was written. Remove it, or name another folder with -o.`;
        throw new CliError(message, exits.failed);
      }
      const fresh = new Set(moveInto(top, target));
      const folders = [...made].flatMap(([path, kind]) =>
        kind === "folder" && isBelow(path, fresh) ? [path] : [],
      );
      // The deepest first: nothing below one is reached any more that may not be entered.
      for (const path of folders.reverse()) chmodSync(bytesOf(target, path), modes.get(path) ?? 0o755);
    },
    remove: () => rmSync(top, { recursive: true, force: true }),
    files: () => [...made.values()].filter((kind) => kind !== "folder").length,
  };
}

function writeAll(file: number, part: Buffer, offset: number): void {
  for (let at = 0; at < part.length; ) at += writeSync(file, part, at, part.length - at, offset + at);
}

/** Whether a folder was moved, or lies in one that was. Those that were there before keep their modes. */
function isBelow(path: string, moved: ReadonlySet<string>): boolean {
  for (let at = path; at !== ""; at = folderOf(at)) if (moved.has(at)) return true;
  return false;
}
