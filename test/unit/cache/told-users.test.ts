import type { V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { statefulSet } from "../../../src/cache/stateful-set.ts";
import { conditionOf, statusOf } from "../../../src/cache/status.ts";
import { usersIn } from "../../../src/cache/told-users.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

type Spec = StoredOrasCache["spec"];
const auth = { type: "htpasswd" } as const;
const volume = { persistentVolumeClaim: { size: "1Gi", onDelete: "Retain" } } as const;
const inS3 = {
  s3: { bucket: "bucket", endpoint: "https://s3.example.com", secretRef: { name: "s3" } },
} as unknown as NonNullable<Spec["storage"]>;

const first = (spec: Partial<Spec> = {}) => storedCache({ auth, ...spec });
const rotating = (cache: StoredOrasCache): StoredOrasCache => ({
  ...cache,
  status: { conditions: [], auth: { user: "oras-1", next: "oras-2" } },
});
const ended = (cache: StoredOrasCache): StoredOrasCache => ({
  ...cache,
  status: { conditions: [], auth: { user: "oras-2" } },
});
const setOf = (cache: StoredOrasCache, live?: V1StatefulSet, mayHoldArtifacts = false) =>
  statefulSet(cache, childFacts({ statefulSet: live, mayHoldArtifacts }));
const strategyOf = (set: V1StatefulSet) => set.spec?.updateStrategy?.type;

describe("a registry whose users change", () => {
  test.each<[string, Partial<Spec>, boolean]>([
    ["an emptyDir", {}, true],
    ["an emptyDir that never ran", {}, false],
    ["a volume", { storage: volume }, false],
    ["S3", { storage: inS3 }, false],
  ])("keeps its Pod, on %s, and a new Pod is made with them", (_, spec, holds) => {
    const before = setOf(first(spec));
    const begun = setOf(rotating(first(spec)), before, holds);
    expect(strategyOf(begun)).toBe("OnDelete");
    expect(usersIn(begun.spec?.template.spec)).toEqual(["oras-1", "oras-2"]);
    // The same again, and one user less, is no reason either.
    expect(strategyOf(setOf(rotating(first(spec)), begun, holds))).toBe("OnDelete");
    const over = setOf(ended(first(spec)), begun, holds);
    expect(strategyOf(over)).toBe("OnDelete");
    expect(usersIn(over.spec?.template.spec)).toEqual(["oras-2"]);
  });

  test("is replaced by what else replaces it", () => {
    const spec = { storage: volume };
    const begun = setOf(rotating(first(spec)), setOf(first(spec)));
    const other = rotating(first({ ...spec, image: "registry:next" }));
    expect(strategyOf(setOf(other, begun))).toBe("RollingUpdate");
    expect(strategyOf(setOf(other, setOf(first(spec))))).toBe("RollingUpdate");
  });

  test("is replaced where no keeper can be told", () => {
    const spec = { secrets: { orasEnv: "chooses-a-storage" } };
    const begun = setOf(rotating(first(spec)), setOf(first(spec)));
    expect(strategyOf(begun)).toBe("RollingUpdate");
    expect(usersIn(begun.spec?.template.spec)).toEqual(["oras-1", "oras-2"]);
  });
});

describe("the status of a registry whose Pod is older than its users", () => {
  const seen = (spec: Partial<Spec>, change: (set: V1StatefulSet) => void = () => {}) => {
    const old = setOf(first(spec));
    const set = structuredClone(setOf(rotating(first(spec)), old, true));
    change(set);
    set.status = {
      replicas: 1,
      readyReplicas: 1,
      updatedReplicas: 0,
      currentRevision: "a",
      updateRevision: "b",
    };
    const { metadata, spec: podSpec } = old.spec?.template ?? {};
    const pod = { metadata: { ...metadata, name: "oras-0", uid: "u" }, spec: podSpec } as V1Pod;
    return statusOf({
      ...{
        cache: rotating(first(spec)),
        statefulSet: set,
        claim: undefined,
        pods: [pod],
        trouble: undefined,
      },
      ...{ installation: childFacts(), time: "2026-01-01T00:00:00Z" },
    });
  };

  test("has no update that waits, keeps the users, and says that another login is made", () => {
    const status = seen({});
    expect(conditionOf(status, "UpdatePending")).toBeUndefined();
    expect(status.auth).toEqual({ user: "oras-1", next: "oras-2" });
    expect(conditionOf(status, "Rotating")).toMatchObject({ status: "True", reason: "RotationWaits" });
  });

  test("has one where something else differs, too", () => {
    const status = seen({}, ({ spec }) => {
      const [container] = spec?.template.spec?.containers ?? [];
      if (container) container.image = "registry:next";
    });
    expect(conditionOf(status, "UpdatePending")?.message).toContain("registry:next");
  });
});
