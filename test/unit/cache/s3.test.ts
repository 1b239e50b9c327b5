import { describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { cacheLogin, installationId } from "../../../src/cache/access.ts";
import { desiredChildren } from "../../../src/cache/children.ts";
import { cacheConnection } from "../../../src/cache/connection.ts";
import { type Holder, neighboursOf, prefixHolder } from "../../../src/cache/prefixes.ts";
import { isOnS3, s3Location } from "../../../src/cache/s3.ts";
import { statefulSet } from "../../../src/cache/stateful-set.ts";
import { statusOf } from "../../../src/cache/status.ts";
import { mayHoldArtifacts } from "../../../src/cache/trouble.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

type S3 = NonNullable<NonNullable<StoredOrasCache["spec"]["storage"]>["s3"]>;

const s3 = (more: Partial<S3> = {}): S3 => ({
  ...{ endpoint: "https://s3.example.com", bucket: "artifacts", region: "us-east-1" },
  ...{ secretRef: { name: "login" }, forcePathStyle: true, redirect: false, onDelete: "Retain" },
  ...more,
});
const cacheIn = (
  more: Partial<S3> = {},
  spec: Partial<StoredOrasCache["spec"]> = {},
  metadata: object = {},
): StoredOrasCache => storedCache({ storage: { s3: s3(more) }, ...spec }, metadata);
const podOf = (cache: StoredOrasCache) => statefulSet(cache, childFacts()).spec?.template.spec;
const registryOf = (cache: StoredOrasCache) => podOf(cache)?.containers[0];
const variable = (cache: StoredOrasCache, name: string) =>
  registryOf(cache)?.env?.find((each) => each.name === name);

describe("a registry with S3", () => {
  test("has a keeper that looks after the bucket with the registry's keys, and that steps do not ask", () => {
    const cache = cacheIn({
      prefix: "a/b",
      forcePathStyle: false,
      caSecretRef: { name: "ca", key: "ca.crt" },
    });
    const keeper = podOf(cache)?.containers.find(({ name }) => name === names.keeperContainer);
    const ofKeeper = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "SSL_CERT_DIR"];
    expect(keeper?.env).toEqual(ofKeeper.map((name) => variable(cache, name)));
    expect(keeper?.args).toEqual(
      expect.arrayContaining([
        ...["--s3-endpoint=https://s3.example.com", "--s3-bucket=artifacts", "--s3-region=us-east-1"],
        ...["--s3-folder=a/b", "--s3-virtual-host", "--cache=work/oras"],
        `--installation=${installationId(childFacts().operatorKey)}`,
      ]),
    );
    expect(keeper?.args?.join(" ")).not.toContain("--data");
    expect(keeper?.volumeMounts).toContainEqual(
      expect.objectContaining({ mountPath: names.registryS3CaPath, readOnly: true }),
    );
    // It has no record of pulls, and tells the operator of pushes.
    expect(keeper?.args).toContain("--events=127.0.0.1:5004");
    expect(variable(cache, "REGISTRY_NOTIFICATIONS_ENDPOINTS")?.value).toContain("http://127.0.0.1:5004/");
    const connection = cacheConnection("oras", cacheIn(), "work", "cluster.local");
    expect(connection).toMatchObject({ value: { isOnS3: true } });
  });

  test("has no data volume, and no variable of the file system", () => {
    const text = JSON.stringify(podOf(cacheIn()));
    expect(text).not.toContain(names.registryDataVolume);
    expect(text).not.toContain("FILESYSTEM");
    expect(podOf(cacheIn())?.volumes?.map(({ name }) => name)).toEqual([
      names.registryKeyVolume,
      names.exportVolume,
    ]);
  });

  test("finds the bucket by texts that are no numbers to YAML, and the keys by names of AWS", () => {
    const cache = cacheIn({ bucket: "1e3", prefix: "007" });
    expect(variable(cache, "REGISTRY_STORAGE_S3_BUCKET")?.value).toBe('"1e3"');
    expect(variable(cache, "REGISTRY_STORAGE_S3_ROOTDIRECTORY")?.value).toBe('"/007"');
    expect(variable(cache, "AWS_SECRET_ACCESS_KEY")?.valueFrom?.secretKeyRef).toEqual({
      name: "login",
      key: "secretKey",
    });
  });

  test("redirects nobody unless the spec says so", () => {
    expect(variable(cacheIn(), "REGISTRY_STORAGE_REDIRECT_DISABLE")?.value).toBe("true");
    expect(variable(cacheIn({ redirect: true }), "REGISTRY_STORAGE_REDIRECT_DISABLE")?.value).toBe("false");
  });

  test("trusts the CA of the spec beside those of its image", () => {
    const cache = cacheIn({ caSecretRef: { name: "ca", key: "tls.crt" } });
    expect(variable(cache, "SSL_CERT_DIR")?.value).toBe(`/etc/ssl/certs:${names.registryS3CaPath}`);
    expect(podOf(cache)?.volumes).toContainEqual(
      expect.objectContaining({ secret: { secretName: "ca", items: [{ key: "tls.crt", path: "ca.crt" }] } }),
    );
    expect(registryOf(cache)?.volumeMounts).toMatchObject([{ mountPath: names.registryS3CaPath }]);
    expect(variable(cacheIn(), "SSL_CERT_DIR")).toBeUndefined();
  });

  test("is not ready without S3, and not restarted because of it", () => {
    const { readinessProbe, livenessProbe } = registryOf(cacheIn()) ?? {};
    expect(readinessProbe?.httpGet?.path).toBe("/");
    expect(livenessProbe?.httpGet).toBeUndefined();
    expect(livenessProbe?.tcpSocket).toEqual({ port: "registry" });
    expect(variable(cacheIn(), "REGISTRY_HEALTH_STORAGEDRIVER_ENABLED")?.value).toBe("true");
  });

  test("holds no artifacts in its Pod; one whose author chose S3 by variables may", () => {
    const run = (cache: StoredOrasCache) => {
      const spec = podOf(cache);
      const containerStatuses = [{ name: "registry", state: { running: {} } }];
      return { ...(spec && { spec }), status: { containerStatuses: containerStatuses as never } };
    };
    const theirs = storedCache({ env: [{ name: "REGISTRY_STORAGE", value: "s3" }] });
    expect([isOnS3(run(cacheIn())), mayHoldArtifacts(run(cacheIn()))]).toEqual([true, false]);
    expect([isOnS3(run(theirs)), mayHoldArtifacts(run(theirs))]).toEqual([false, true]);
  });

  test("says where its artifacts are", () => {
    const statusWith = (trouble?: object) =>
      statusOf({
        ...{ cache: cacheIn(), statefulSet: undefined, claim: undefined, pods: [] },
        ...{ installation: childFacts(), time: "2026-01-02T03:04:05Z", trouble: trouble as never },
      });
    expect(statusWith().storage).toEqual({
      kind: "s3",
      location: "https://s3.example.com/artifacts/work/oras",
    });
    expect(statusWith().url).toBe("http://oras-registry.work.svc.cluster.local:5000");
    expect(statusWith({ reason: "PrefixTaken", message: "m" }).storage).toEqual({ kind: "s3" });
  });
});

describe("the Pods of a registry", () => {
  const kinds = (cache: StoredOrasCache) =>
    desiredChildren(cache, childFacts()).map(({ kind, metadata }) => `${kind} ${metadata?.name}`);

  test("have a second Service and spread where there may be several, and a budget where there are", () => {
    expect(kinds(storedCache())).not.toContain("Service oras-registry");
    expect(kinds(cacheIn())).toContain("Service oras-registry");
    expect(kinds(cacheIn())).not.toContain("PodDisruptionBudget oras");
    expect(kinds(cacheIn({}, { replicas: 2 }))).toContain("PodDisruptionBudget oras");
    expect(podOf(storedCache())?.topologySpreadConstraints).toBeUndefined();
    expect(podOf(cacheIn())?.topologySpreadConstraints).toMatchObject([
      { topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" },
    ]);
    expect(podOf(cacheIn({}, { topologySpreadConstraints: [] }))?.topologySpreadConstraints).toEqual([]);
  });

  test("are as many as the spec says, of one template: another number restarts none", () => {
    const set = (replicas: number) => statefulSet(cacheIn({}, { replicas }), childFacts()).spec;
    expect([set(1)?.replicas, set(3)?.replicas]).toEqual([1, 3]);
    expect(set(3)?.template).toEqual(set(1)?.template);
    expect(statefulSet(cacheIn({}, { replicas: 3, suspend: true }), childFacts()).spec?.replicas).toBe(0);
  });

  test("are known to the login by the name of their Service", () => {
    const { dockerConfig } = cacheLogin("k", { name: "oras", namespace: "work" }, "cluster.local", {
      user: "oras-1",
    });
    expect(Object.keys(JSON.parse(dockerConfig).auths)).toContain(
      "oras-registry.work.svc.cluster.local:5000",
    );
  });
});

describe("the folder of a bucket", () => {
  const cache = (name: string, more: Partial<S3> = {}, second = 1): StoredOrasCache =>
    cacheIn(more, {}, { name, uid: name, creationTimestamp: `2026-01-01T00:00:0${second}Z` });
  const held = (one: StoredOrasCache, location: string | undefined): StoredOrasCache => ({
    ...one,
    status: { conditions: [], storage: { kind: "s3", ...(location && { location }) } },
  });
  const nameOf = (holder: Holder | undefined) => holder?.cache.metadata?.name;
  const holderOf = (one: StoredOrasCache, ...all: StoredOrasCache[]) =>
    nameOf(prefixHolder(one, [one, ...all], new Map()));

  test("is by default one of its own", () => {
    expect(holderOf(cache("b", {}, 2), cache("a"))).toBeUndefined();
  });

  test.for<[Partial<S3>, Partial<S3>, boolean]>([
    [{ prefix: "a" }, { prefix: "a" }, true],
    [{ prefix: "a/b" }, { prefix: "a" }, true],
    [{ prefix: "a" }, { prefix: "a/b" }, true],
    [{ prefix: "work/a" }, {}, true],
    [{ prefix: "ab" }, { prefix: "a" }, false],
    [{ prefix: "a", endpoint: "https://S3.Example.com:443" }, { prefix: "a" }, true],
    [{ prefix: "a", endpoint: "http://s3.example.com:80" }, { prefix: "a" }, false],
    [{ prefix: "a", bucket: "other" }, { prefix: "a" }, false],
  ])("%j beside %j", ([second, first, isTaken]) => {
    expect(holderOf(cache("b", second, 2), cache("a", first)) === "a").toBe(isTaken);
    expect(holderOf(cache("a", first), cache("b", second, 2))).toBeUndefined();
  });

  // The pattern of endpoints lets names pass that end in a number, which no URL has as a host.
  test.each(["https://1.2.3.999", "https://s3.1", "http://999999999999", "https://1.2.3.4.5:9000"])(
    "is still known of others beside an endpoint that is none: %s",
    (endpoint) => {
      const [broken, sound] = [cache("a", { endpoint }), cache("b", { prefix: "x" }, 2)];
      expect(holderOf(sound, broken)).toBeUndefined();
      expect(neighboursOf(undefined, sound, [broken, sound])).toEqual(["work/b"]);
      expect(neighboursOf(broken, undefined, [broken, sound])).toEqual([]);
      expect(holderOf(cache("c", { endpoint, prefix: "work/a" }, 2), broken)).toBe("a");
    },
  );

  test("is of who has it, whatever an older one writes into its spec", () => {
    const [older, younger] = [cache("a", { prefix: "x" }), cache("b", { prefix: "x" }, 2)];
    expect(holderOf(older, held(younger, s3Location(younger)))).toBe("b");
    expect(holderOf(held(younger, s3Location(younger)), older)).toBeUndefined();
  });

  test("that one is refused to leave for another stays its own", () => {
    const refused = held(cache("a", { prefix: "y" }), "https://s3.example.com/artifacts/x");
    expect(holderOf(cache("b", { prefix: "x" }, 2), refused)).toBe("a");
  });

  test("is given away once, also between two looks of one process", () => {
    const [one, two] = [cache("a", { prefix: "x" }), cache("b", { prefix: "x" })];
    const granted = new Map([["work/b", s3Location(two) ?? ""]]);
    expect(nameOf(prefixHolder(one, [one, two], granted))).toBe("b");
    expect(prefixHolder(two, [one, two], granted)).toBeUndefined();
  });

  test("is told to those who want it when it is left", () => {
    const [one, two, far] = [cache("a", { prefix: "x" }), cache("b", { prefix: "x/y" }), cache("c")];
    const all = [one, two, far];
    expect(neighboursOf(undefined, one, all)).toEqual(["work/a", "work/b"]);
    expect(neighboursOf(cache("a", { prefix: "z" }), one, all)).toEqual(["work/a", "work/b"]);
    expect(neighboursOf(one, one, all)).toEqual([]);
    const has = held(one, s3Location(one));
    expect(neighboursOf(held(one, undefined), has, all)).toEqual([]);
    const moved = cache("a", { prefix: "z" });
    expect(neighboursOf(held(moved, s3Location(moved)), held(moved, s3Location(one)), all)).toContain(
      "work/b",
    );
    expect(neighboursOf(storedCache({ deploy: false }, { name: "a" }), one, all)).toContain("work/b");
  });
});
