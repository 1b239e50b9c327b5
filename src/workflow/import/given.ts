import type { LinkedTask } from "./links.ts";
import { namesFor } from "./names.ts";
import type { Task } from "./workflow.ts";

/** Files that no task makes, and that the same tasks read: one artifact, so that none of them gets what it does not need. */
export interface Given {
  readonly artifact: string;
  readonly files: readonly string[];
  readonly readers: readonly Task[];
}

/**
 * Puts together what is to be put before a workflow starts.
 *
 * @param linked - the tasks
 * @param prefix - of repositories
 * @param tag - of the artifacts
 */
export function givenOf(linked: readonly LinkedTask[], prefix: string, tag: string): Given[] {
  const readersOf = new Map<string, Task[]>();
  for (const { task, given } of linked) {
    for (const path of given) {
      const readers = readersOf.get(path);
      if (readers) readers.push(task);
      else readersOf.set(path, [task]);
    }
  }
  const groups = Map.groupBy(readersOf.keys(), (path) =>
    JSON.stringify(readersOf.get(path)?.map(({ id }) => id)),
  );
  const firsts = [...groups.values()].map(([first = ""]) => first);
  const names = namesFor(firsts, "");
  return [...groups.values()].map((files) => {
    const [first = ""] = files;
    return {
      artifact: `${prefix}/given/${names.get(first)}:${tag}`,
      files,
      readers: readersOf.get(first) ?? [],
    };
  });
}
