import { describe, expect, test } from "vitest";
import { storageStatus } from "../../../src/cache/storage-status.ts";
import type { Usage } from "../../../src/cache/usage.ts";
import { storedOf } from "../../../src/cli/artifacts/usage.ts";
import { storedCache } from "../../support/cache.ts";

const s3 = (bucket: string) => ({
  ...{ endpoint: "https://s3.example", bucket, region: "us-east-1", secretRef: { name: "s3" } },
  ...{ forcePathStyle: true, redirect: false, onDelete: "Retain" as const },
});
const counted: Usage = { artifacts: 3, bytes: 2 ** 30, objects: 9, measured: "2026-01-02T03:04:05Z" };
const statusIn = (bucket: string, usage?: Usage, storage?: ReturnType<typeof storageStatus>) => {
  const cache = storedCache({ storage: { s3: s3(bucket) } });
  const before = storage === undefined ? cache : { ...cache, status: { conditions: [], storage } };
  return storageStatus(before, [], undefined, usage);
};

describe("the storage of a registry in S3", () => {
  test("has what its keeper counted and when, and no capacity", () => {
    const status = statusIn("artifacts", counted);
    expect(status).toMatchObject({
      kind: "s3",
      used: "1Gi",
      artifacts: 3,
      objects: 9,
      measured: counted.measured,
    });
    expect(status).not.toHaveProperty("capacity");
    expect(status).not.toHaveProperty("fullPercent");
    expect(storedOf(status)).toBe("Storage (s3): 1Gi in 9 objects, counted 2026-01-02T03:04:05Z");
  });

  test("keeps its numbers while no keeper has counted, but not those of another bucket", () => {
    const status = statusIn("artifacts", counted);
    expect(statusIn("artifacts", undefined, status)).toEqual(status);
    expect(statusIn("others", undefined, status)).not.toHaveProperty("used");
  });
});
