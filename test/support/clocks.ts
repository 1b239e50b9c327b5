import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./folders.ts";

/** A clock that can be set while a process lives by it. What it measures with goes on, as on a node whose clock is set. */
export interface FalseClock {
  /** For the process. */
  readonly env: Readonly<Record<string, string>>;
  /** Sets it so many days away from this machine's. */
  readonly set: (days: number) => void;
}

/** A clock that is right at first, by libfaketime. */
export function falseClock(): FalseClock {
  const [library] = globSync("/usr/lib/*/faketime/libfaketime.so.1");
  if (library === undefined) throw new Error("libfaketime is missing; run: make prepared");
  const file = join(temporaryFolder("clock"), "offset");
  const set = (days: number) => writeFileSync(file, `${days < 0 ? "" : "+"}${days}d\n`);
  set(0);
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      DONT_FAKE_MONOTONIC: "1",
    },
    set,
  };
}
