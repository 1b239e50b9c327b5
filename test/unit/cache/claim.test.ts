import type { V1PersistentVolumeClaim } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { amountOf } from "../../../src/annotations/quantity.ts";
import { adoption, claim, growth, isGrowing } from "../../../src/cache/claim.ts";
import { identityOf, ownerReference } from "../../../src/cache/owner.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { storedCache } from "../../support/cache.ts";

type Claim = NonNullable<NonNullable<StoredOrasCache["spec"]["storage"]>["persistentVolumeClaim"]>;

const cacheOn = (fields: Partial<Claim> = {}) =>
  storedCache({ storage: { persistentVolumeClaim: { size: "10Gi", onDelete: "Retain", ...fields } } });
const claimOf = (fields: Partial<Claim> = {}) => claim(cacheOn(fields)) as V1PersistentVolumeClaim;
const owner = identityOf(cacheOn());

/** A claim as the API server has it. */
const live = (
  storage: string,
  status: object = { phase: "Bound" },
  metadata: object = {},
): V1PersistentVolumeClaim => ({
  metadata: { ...claimOf().metadata, ...metadata },
  spec: { resources: { requests: { storage } } },
  status,
});

describe("a claim", () => {
  test("is made for a volume of the operator's only", () => {
    expect(claim(storedCache())).toBeUndefined();
    expect(claim(storedCache({ storage: { emptyDir: { sizeLimit: "1Gi" } } }))).toBeUndefined();
    const theirs = { claimName: "mine", onDelete: "Retain" } as const;
    expect(claim(storedCache({ storage: { persistentVolumeClaim: theirs } }))).toBeUndefined();
    expect(claimOf()).toMatchObject({
      metadata: { name: "oras-data" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "10Gi" } } },
    });
    expect(claimOf().spec).not.toHaveProperty("storageClassName");
  });

  test("that is to be retained has no owner: the garbage collector would delete it", () => {
    expect(claimOf().metadata).not.toHaveProperty("ownerReferences");
    expect(claimOf({ onDelete: "Delete" }).metadata?.ownerReferences).toMatchObject([{ uid: owner.uid }]);
  });
});

describe("a claim that is there", () => {
  const other = { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" };

  test("is left alone where it is right, whatever others wrote into it", () => {
    const labels = { ...claimOf().metadata?.labels, theirs: "x" };
    expect(
      adoption(claimOf(), live("10Gi", {}, { labels, ownerReferences: [other] }), owner),
    ).toBeUndefined();
  });

  test("gets and loses its owner, and keeps those of others", () => {
    const gets = adoption(
      claimOf({ onDelete: "Delete" }),
      live("10Gi", {}, { ownerReferences: [other] }),
      owner,
    );
    expect(gets).toEqual({ metadata: { ownerReferences: [other, ownerReference(owner)] } });
    const owned = live("10Gi", {}, { ownerReferences: [ownerReference(owner), other] });
    expect(adoption(claimOf(), owned, owner)).toEqual({ metadata: { ownerReferences: [other] } });
  });

  test("gets back labels that somebody took away", () => {
    const { labels = {} } = claimOf().metadata ?? {};
    const { "app.kubernetes.io/name": name = "", ...rest } = labels;
    expect(adoption(claimOf(), live("10Gi", {}, { labels: rest }), owner)).toEqual({
      metadata: { labels: { "app.kubernetes.io/name": name } },
    });
  });
});

describe("the size of a claim", () => {
  test.each([
    ["more is asked for", live("5Gi"), "10Gi"],
    ["the same, in other words", live("10240Mi"), undefined],
    ["somebody has made it larger", live("20Gi"), undefined],
    ["it has no volume yet", live("5Gi", { phase: "Pending" }), undefined],
    ["it is not there", undefined, undefined],
  ])("%s", (_, is, expected) => {
    expect(growth(claimOf(), is)).toBe(expected);
  });

  test("never shrinks", () => {
    const size = fc.tuple(
      fc.integer({ min: 1, max: 9999 }),
      fc.constantFrom("Ki", "Mi", "Gi", "k", "M", "G", ""),
    );
    const text = size.map(([amount, unit]) => `${amount}${unit}`);
    fc.assert(
      fc.property(text, text, (wanted, has) => {
        const grown = growth(claimOf({ size: wanted }), live(has));
        expect(amountOf(grown ?? has)).toBe(Math.max(amountOf(wanted), amountOf(has)));
      }),
    );
  });

  test("is being changed until the volume has it", () => {
    expect(isGrowing(live("10Gi", { capacity: { storage: "5Gi" } }))).toBe(true);
    expect(isGrowing(live("10Gi", { capacity: { storage: "10Gi" } }))).toBe(false);
    expect(isGrowing(live("10Gi", { capacity: { storage: "12Gi" } }))).toBe(false);
    expect(isGrowing(live("10Gi", { phase: "Pending" }))).toBe(false);
    expect(isGrowing(undefined)).toBe(false);
  });
});
