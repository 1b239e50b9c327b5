import { array, assert, constantFrom, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyingOf } from "../../../src/cache/emptying.ts";
import { farewellOf } from "../../../src/cache/farewell.ts";

/** An OrasCache whose artifacts may be exported, and whose folder may be emptied, and what is around it. */
interface World {
  readonly isAnnotated: boolean;
  readonly isEmptied: boolean;
  readonly isSuspended: boolean;
  /** Whether its registry runs. */
  readonly isRunning: boolean;
  readonly isDeleted: boolean;
  readonly isForeground: boolean;
  readonly namespaceGoes: boolean;
  readonly isHeldForExport: boolean;
  readonly isHeldForEmptying: boolean;
  /** What the keepers answer. */
  readonly isCopied: boolean;
  readonly isEmpty: boolean;
  /** What the status says. */
  readonly isToldExported: boolean;
  /** Whether the folder was emptied although the artifacts were to be exported and were not. */
  readonly isLost: boolean;
}

const begin: World = {
  ...{ isAnnotated: false, isEmptied: false, isSuspended: false, isDeleted: false, isForeground: false },
  ...{ namespaceGoes: false, isHeldForExport: false, isHeldForEmptying: false, isRunning: true },
  ...{ isCopied: false, isEmpty: false, isToldExported: false, isLost: false },
};

const isGone = (world: World) => world.isDeleted && !world.isHeldForExport && !world.isHeldForEmptying;

function lookForExport(world: World): World {
  const isExported = world.isCopied && (!world.isHeldForEmptying || world.isToldExported);
  const { isHeldForExport: isHeld, isDeleted, isForeground, namespaceGoes } = world;
  const target = world.isAnnotated ? { to: "ghcr.io/acme" } : undefined;
  const isNeeded = world.isHeldForEmptying && world.isEmptied && world.isSuspended;
  const seen = { isHeld, isDeleted, isForeground, namespaceGoes, target, isExported, isNeeded };
  const { act } = farewellOf(seen);
  const looked = { ...world, isRunning: runsAfter(act, world) };
  if (act === "hold") return { ...looked, isHeldForExport: true };
  if (act === "let go") return { ...looked, isHeldForExport: false };
  return act === "export" ? { ...looked, isToldExported: world.isCopied } : looked;
}

/** A cache that is gone, or let go, is left as it is. */
function runsAfter(act: ReturnType<typeof farewellOf>["act"], { isDeleted, isSuspended, isRunning }: World) {
  if (act === "export" || act === "resume") return true;
  return isDeleted ? isRunning : !isSuspended;
}

function lookForEmptying(world: World): World {
  const { isHeldForEmptying: isHeld, isDeleted, namespaceGoes, isEmpty } = world;
  const seen = {
    ...{ isHeld, isDeleted, namespaceGoes, isEmpty: false, isWanted: world.isEmptied },
    isNeeded: world.isHeldForExport,
    isUnsaved: world.isAnnotated && !world.isToldExported,
    hasNoPods: world.isForeground,
  };
  // The keeper is asked only where it may empty the folder.
  const first = emptyingOf(seen);
  const isAsked = first === "empty";
  const act = isAsked ? emptyingOf({ ...seen, isEmpty }) : first;
  const isLost = world.isLost || (isAsked && world.isAnnotated && !world.isToldExported);
  if (act === "hold") return { ...world, isHeldForEmptying: true };
  if (act === "let go" || act === "keep") return { ...world, isHeldForEmptying: false, isLost };
  return { ...world, isLost };
}

const acts: Readonly<Record<string, (world: World) => World>> = {
  annotate: (world) => ({ ...world, isAnnotated: true }),
  unannotate: (world) => ({ ...world, isAnnotated: false }),
  wantEmptied: (world) => ({ ...world, isEmptied: true }),
  retain: (world) => ({ ...world, isEmptied: false }),
  suspend: (world) => ({ ...world, isSuspended: true }),
  resume: (world) => ({ ...world, isSuspended: false }),
  delete: (world) => ({ ...world, isDeleted: true }),
  deleteInForeground: (world) => ({ ...world, isDeleted: true, isForeground: true }),
  deleteNamespace: (world) => ({ ...world, isDeleted: true, namespaceGoes: true }),
  copy: (world) => ({ ...world, isCopied: world.isCopied || (world.isAnnotated && world.isRunning) }),
  empty: (world) => ({ ...world, isEmpty: world.isEmpty || world.isRunning }),
  restartKeeper: (world) => ({ ...world, isCopied: false, isEmpty: false }),
  lookForExport,
  lookForEmptying,
};

const actions = array(constantFrom(...Object.keys(acts)), { maxLength: 24 });

function run(names: readonly string[], from = begin): World {
  return names.reduce((world, name) => (isGone(world) ? world : (acts[name]?.(world) ?? world)), from);
}

const looks = ["lookForExport", "lookForEmptying", "lookForExport", "lookForEmptying"];

describe("a cache that may be exported and whose folder may be emptied", () => {
  test("is not emptied before it is exported, whatever happens in whichever order", () => {
    assert(
      property(actions, (names) => {
        expect(run(names).isLost).toBe(false);
      }),
      { numRuns: 5_000 },
    );
  });

  test("that is annotated and deleted before the operator looks keeps its folder", () => {
    const world = run(["wantEmptied", "lookForEmptying", "annotate", "delete", ...looks]);
    expect(world).toMatchObject({ isLost: false, isHeldForEmptying: false });
  });

  test.each([[["suspend"]], [["annotate", "suspend"]]])("that is suspended is emptied: %j", (before) => {
    const held = run(["wantEmptied", ...before, ...looks]);
    const world = run(["delete", ...looks, "copy", ...looks, "empty", ...looks], held);
    expect(world).toMatchObject({ isEmpty: true, isLost: false, isHeldForEmptying: false });
  });

  test.each([
    ["its namespace is deleted", ["deleteNamespace"]],
    ["it is deleted, and neither is wanted any more", ["delete", "unannotate", "retain"]],
    ["its keeper exports and empties", ["delete", ...looks, "copy", ...looks, "empty", ...looks]],
  ])("goes when %s", (_, end) => {
    assert(
      property(actions, (names) => {
        expect(isGone(run([...end, ...looks, ...looks], run(names)))).toBe(true);
      }),
    );
  });
});
