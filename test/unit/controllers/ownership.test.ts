import type { V1Pod } from "@kubernetes/client-node";
import { expect, test, vi } from "vitest";
import { names } from "../../../schema/names.ts";
import { installationId } from "../../../src/cache/access.ts";
import { registryPod } from "../../../src/cache/registry-pod.ts";
import { type ClaimStorage, createOwnership } from "../../../src/controllers/ownership.ts";
import type { Owner } from "../../../src/registry/owner.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

const s3 = {
  ...{ endpoint: "https://s3.example", bucket: "artifacts", region: "us-east-1" },
  ...{ forcePathStyle: true, redirect: false, onDelete: "Retain" as const, secretRef: { name: "login" } },
};
const cache = storedCache({ storage: { s3 } });
const pod = (uid: string, of = cache): V1Pod => ({
  metadata: { name: "oras-0", uid },
  spec: registryPod(of, childFacts()).spec as NonNullable<V1Pod["spec"]>,
  status: {
    podIP: "10.0.0.1",
    conditions: [{ type: "Ready", status: "True" }],
    containerStatuses: [{ name: "registry", restartCount: 0, image: "", imageID: "", ready: true }],
  },
});
const trust = { ca: "the cache's", servername: "oras" };
const ownershipOf = (claim: ClaimStorage, now?: () => number) =>
  createOwnership("secret", claim, async () => trust, now);
const ours = { installation: installationId("secret"), cache: "work/oras" };

test("each start of a registry in S3 claims its folder, and looks once more", async () => {
  const time = { now: 0 };
  const claim = vi.fn(async (_: object, own: Owner) => own);
  const look = ownershipOf(claim, () => time.now);
  expect(await look(cache, [pod("a")])).toEqual({ againInMs: 30_000 });
  time.now = 10_000;
  expect(await look(cache, [pod("a")])).toEqual({ againInMs: 20_000 });
  expect(claim.mock.calls).toEqual([
    [expect.objectContaining({ peer: { host: "10.0.0.1:5000", trust } }), ours],
  ]);
  time.now = 30_000;
  expect(await look(cache, [pod("a")])).toEqual({});
  time.now = 300_000;
  expect(await look(cache, [pod("a")])).toEqual({});
  expect(claim).toHaveBeenCalledTimes(2);
  await look(cache, [pod("b")]);
  expect(claim).toHaveBeenCalledTimes(3);
});

test("no folder is claimed of a cache that is being deleted: it may be emptied", async () => {
  const claim = vi.fn(async (_: object, own: Owner) => own);
  const leaving = storedCache({ storage: { s3 } }, { deletionTimestamp: new Date() });
  expect(await ownershipOf(claim)(leaving, [pod("a")])).toEqual({});
  expect(claim).not.toHaveBeenCalled();
});

test("of two clusters that find no mark at the same time, the one that wrote first learns of the other", async () => {
  // As a bucket with one mark, and another cluster that writes its own just after this one has read its.
  const time = { now: 0 };
  let owner: Owner | undefined;
  const claim: ClaimStorage = async (_, own) => (owner ??= own);
  const look = ownershipOf(claim, () => time.now);
  expect((await look(cache, [pod("a")])).trouble).toBeUndefined();
  owner = { installation: "other", cache: "theirs/oras" };
  time.now = 30_000;
  expect((await look(cache, [pod("a")])).trouble?.reason).toBe("PrefixTaken");
  time.now = 330_000;
  expect((await look(cache, [pod("a")])).trouble?.reason).toBe("PrefixTaken");
});

test("a cache of the same installation may have been there before", async () => {
  const look = ownershipOf(async () => ({ ...ours, cache: "before/oras" }));
  expect((await look(cache, [pod("a")])).trouble).toBeUndefined();
});

test("the folder of another installation is told, until it is given free", async () => {
  let owner: Owner = { installation: "other", cache: "theirs/oras\u001b[31m" };
  const look = ownershipOf(async () => owner);
  const { trouble, againInMs } = await look(cache, [pod("a")]);
  expect(trouble?.reason).toBe("PrefixTaken");
  expect(trouble?.message).toContain("https://s3.example/artifacts/work/oras (installation other)");
  expect(trouble?.message).toContain(`rm ${names.stateRepository}:${names.ownerTag} -n work --cache oras`);
  expect(trouble?.message).not.toContain("\u001b");
  expect(againInMs).toBeGreaterThan(0);
  owner = ours;
  expect((await look(cache, [pod("a")])).trouble).toBeUndefined();
});

test("a registry that does not answer is asked again, and nothing is said of it", async () => {
  const look = ownershipOf(async () => {
    throw new Error("the connection was refused");
  });
  expect(await look(cache, [pod("a")])).toEqual({ againInMs: 30_000 });
});

const elsewhere = storedCache();
test.each([
  ["a Pod that is not ready", cache, { ...pod("a"), status: { podIP: "10.0.0.1" } }],
  ["a Pod that still has the volume of before", cache, pod("a", elsewhere)],
  ["a cache whose artifacts are on a volume", elsewhere, pod("a", elsewhere)],
])("%s is not asked", async (_, of, one) => {
  const claim = vi.fn(async () => ours);
  expect(await ownershipOf(claim)(of, [one as V1Pod])).toEqual({});
  expect(claim).not.toHaveBeenCalled();
});

test("an installation is told by what says nothing of its key", () => {
  expect(installationId("secret")).toMatch(/^[\w-]{22}$/);
  expect(installationId("secret")).not.toBe(installationId("other"));
});
