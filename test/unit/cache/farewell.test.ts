import { array, assert, boolean, constantFrom, property, record } from "fast-check";
import { describe, expect, test } from "vitest";
import type { ExportTarget } from "../../../src/cache/export.ts";
import { farewellOf, type Leaving } from "../../../src/cache/farewell.ts";

const right: ExportTarget = { to: "ghcr.io/acme" };
const wrong: ExportTarget = { problem: "it is wrong" };

/** A cache and what is around it. */
interface World extends Leaving {
  readonly isGone: boolean;
}

const begin: World = {
  ...{ isHeld: false, isDeleted: false, isForeground: false, namespaceGoes: false },
  ...{ target: undefined, isExported: false, isNeeded: false, isGone: false },
};

/** What others do, in any order. */
const others: Readonly<Record<string, (world: World) => World>> = {
  annotate: (world) => ({ ...world, target: right }),
  mistype: (world) => ({ ...world, target: wrong }),
  unannotate: (world) => ({ ...world, target: undefined }),
  delete: deleted,
  deleteInForeground: (world) => deleted({ ...world, isForeground: !world.isDeleted || world.isForeground }),
  deleteNamespace: (world) => deleted({ ...world, namespaceGoes: true }),
  // The keeper says so only where the annotation is right.
  copy: (world) => ({ ...world, isExported: world.target === right }),
  restartKeeper: (world) => ({ ...world, isExported: false }),
};

function deleted(world: World): World {
  return { ...world, isDeleted: true, isGone: !world.isHeld };
}

/** What the operator does once, where the API server takes its write. */
function look(world: World): World {
  if (world.isGone) return world;
  const farewell = farewellOf(world);
  if (farewell.act === "hold") {
    expect(world.isDeleted, "no finalizer may be added to what is being deleted").toBe(false);
    return { ...world, isHeld: true };
  }
  if (farewell.act === "let go") return { ...world, isHeld: false, isGone: world.isDeleted };
  return world;
}

const actions = array(record({ act: constantFrom(...Object.keys(others)), looks: boolean() }), {
  maxLength: 12,
});

function run(all: readonly { readonly act: string; readonly looks: boolean }[]): World {
  return all.reduce((world, { act, looks }) => {
    const next = world.isGone ? world : (others[act]?.(world) ?? world);
    return looks ? look(next) : next;
  }, begin);
}

describe("a cache that may be exported", () => {
  test("never holds a namespace, whatever happened before and in whichever order", () => {
    assert(
      property(actions, actions, (before, after) => {
        const world = [...after].reduce(
          (now, { act, looks }) => {
            const next = now.isGone ? now : (others[act]?.(now) ?? now);
            return looks ? look(next) : next;
          },
          others["deleteNamespace"]?.(run(before)) ?? begin,
        );
        expect(look(world).isGone).toBe(true);
      }),
    );
  });

  test("goes when the annotation is taken off, and is held only with one", () => {
    assert(
      property(actions, (all) => {
        const world = look(run(all));
        if (world.isHeld && !world.isGone) expect(world.target).toBeDefined();
        const without = look({ ...world, target: undefined });
        expect(without.isGone).toBe(without.isDeleted);
        expect(without.isHeld && !without.isGone).toBe(false);
      }),
    );
  });

  test("does not go before it is exported, as long as somebody can do something for it", () => {
    assert(
      property(actions, (all) => {
        const world = run(all);
        if (world.isGone || !world.isDeleted || world.target === undefined) return;
        if (world.namespaceGoes || world.isForeground) return;
        expect(look(world).isGone).toBe(world.isExported);
      }),
    );
  });

  test.each<[Partial<Leaving>, object]>([
    [{}, { act: "stay" }],
    [{ target: right }, { act: "hold" }],
    [{ target: wrong }, { act: "hold" }],
    [{ target: right, isHeld: true }, { act: "stay" }],
    [{ isHeld: true }, { act: "let go", because: "not asked" }],
    [{ isDeleted: true, target: right }, { act: "gone" }],
    [
      { isDeleted: true, isHeld: true },
      { act: "let go", because: "not asked" },
    ],
    [{ isDeleted: true, isHeld: true, target: wrong }, { act: "export" }],
    [{ isDeleted: true, isHeld: true, target: right }, { act: "export" }],
    [
      { isDeleted: true, isHeld: true, target: right, isExported: true },
      { act: "let go", because: "exported" },
    ],
    [
      { isDeleted: true, isHeld: true, target: right, isForeground: true },
      { act: "let go", because: "foreground" },
    ],
    [
      { isDeleted: true, isHeld: true, target: right, namespaceGoes: true, isForeground: true },
      { act: "let go", because: "namespace" },
    ],
  ])("%j", (leaving, farewell) => {
    expect(farewellOf({ ...begin, ...leaving })).toEqual(farewell);
  });
});

test.each<[string, Partial<Leaving>, ReturnType<typeof farewellOf>["act"]]>([
  ["is resumed until its folder is empty", {}, "resume"],
  ["is exported first", { isHeld: true, target: right }, "export"],
  ["is let go by the export first", { isHeld: true, target: right, isExported: true }, "let go"],
  ["is gone where the garbage collector deletes its Pods first", { isForeground: true }, "gone"],
  ["is gone with its namespace", { namespaceGoes: true }, "gone"],
  ["stays suspended before it is deleted", { isDeleted: false }, "stay"],
])("a cache that is suspended and whose folder is to be emptied %s", (_, seen, act) => {
  expect(farewellOf({ ...begin, isDeleted: true, isNeeded: true, ...seen }).act).toBe(act);
});
