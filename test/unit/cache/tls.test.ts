import { X509Certificate } from "node:crypto";
import type { V1ContainerState, V1Pod } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { authorsIn, caConfigMap, casIn } from "../../../src/cache/ca-config-map.ts";
import { desiredChildren } from "../../../src/cache/children.ts";
import { cacheConnection } from "../../../src/cache/connection.ts";
import { splitPem } from "../../../src/cache/pem.ts";
import { authorsFrom, servedOf, servedTrouble } from "../../../src/cache/served.ts";
import { statefulSet } from "../../../src/cache/stateful-set.ts";
import { statusOf } from "../../../src/cache/status.ts";
import { certificateNames, podServesTls, servesTls, usesTls } from "../../../src/cache/tls.ts";
import { troubleOf } from "../../../src/cache/trouble.ts";
import type { OrasCacheStatus } from "../../../src/cache/types.ts";
import { registryCas } from "../../../src/certificates/registry-cas.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

const own = storedCache({ tls: { selfIssued: true } });
const authors = storedCache({ tls: { secretName: "certificate" } });
const podOf = (cache = own, facts = childFacts()) => {
  const spec = statefulSet(cache, facts).spec?.template.spec;
  if (spec === undefined) throw new Error("no Pod");
  return spec;
};
const containerOf = (name: string, spec = podOf()) =>
  [...(spec.initContainers ?? []), ...spec.containers].find((container) => container.name === name);

describe("the Pod of a registry that serves TLS", () => {
  test("serves what its keeper writes, before it and beside it", () => {
    const registry = containerOf("registry");
    expect(registry?.env).toEqual(
      expect.arrayContaining([
        { name: "REGISTRY_HTTP_TLS_CERTIFICATE", value: "/var/run/oras/auth/tls.pem" },
        { name: "REGISTRY_HTTP_TLS_KEY", value: "/var/run/oras/auth/tls.pem" },
      ]),
    );
    expect(registry?.volumeMounts).toContainEqual(
      expect.objectContaining({ mountPath: "/var/run/oras/auth", readOnly: true }),
    );
    for (const name of ["keeper-init", "keeper"]) {
      const { args = [], volumeMounts } = containerOf(name) ?? {};
      expect(args).toContain("--tls=/var/run/oras/auth/tls.pem");
      expect(args.find((arg) => arg.startsWith("--name="))).toBe("--name=oras-0.oras.work.svc.cluster.local");
      expect(args.join(" ")).not.toMatch(/--certificate|--htpasswd/);
      expect(volumeMounts).toContainEqual({ name: "registry-auth", mountPath: "/var/run/oras/auth" });
    }
  });

  test("is probed over TLS; its keeper says that it lives", () => {
    const { readinessProbe, livenessProbe } = containerOf("registry") ?? {};
    expect(readinessProbe?.httpGet).toMatchObject({ path: "/", port: "registry", scheme: "HTTPS" });
    // By its number: a name is one of the container's own.
    expect(livenessProbe?.httpGet).toEqual({ path: "/live", port: 5002, scheme: "HTTPS" });
    const { periodSeconds = 0, failureThreshold = 0 } = livenessProbe ?? {};
    expect(periodSeconds * failureThreshold).toBeGreaterThan(300);
  });

  test("has the author's Secret, which may come later, for its keeper alone", () => {
    const pod = podOf(authors);
    expect(pod.volumes).toContainEqual({
      name: "registry-certificate",
      secret: { secretName: "certificate", optional: true, defaultMode: 0o440 },
    });
    const mounting = [...(pod.initContainers ?? []), ...pod.containers].flatMap(({ name, volumeMounts }) =>
      volumeMounts?.some((mount) => mount.name === "registry-certificate") ? [name] : [],
    );
    expect(mounting).toEqual(["keeper-init", "keeper"]);
    expect(containerOf("keeper", pod)?.args).toContain("--certificate=/var/run/oras/certificate");
  });

  test("has a keeper without a volume where artifacts are in S3", () => {
    const s3 = { endpoint: "https://s3", bucket: "bucket", secretRef: { name: "s" } };
    const bucket = {
      s3: { ...s3, region: "us-east-1", forcePathStyle: true, redirect: false, onDelete: "Retain" as const },
    };
    const keeper = containerOf("keeper", podOf(storedCache({ storage: bucket, tls: { selfIssued: true } })));
    expect(keeper?.args?.join(" ")).not.toContain("--data=");
    expect(keeper?.volumeMounts?.map(({ name }) => name)).toEqual([
      "registry-key",
      "registry-auth",
      "registry-export",
    ]);
  });
});

test("a certificate has each name of a registry, and the one that steps use first", () => {
  const cache = { name: "oras", namespace: "work" };
  const names = certificateNames(cache, {}, "cluster.local");
  expect(names[0]).toBe("oras-0.oras.work.svc.cluster.local");
  expect(names).toEqual(
    expect.arrayContaining(["oras", "oras-0.oras", "oras.work", "*.oras.work.svc.cluster.local"]),
  );
  expect(new Set(names).size).toBe(names.length);
  const s3 = { endpoint: "https://s3", bucket: "bucket", secretRef: { name: "s" } };
  expect(certificateNames(cache, { storage: { s3 } }, "c")[0]).toBe("oras-registry.work.svc.c");
});

describe("whether a registry serves TLS", () => {
  const running = (cache = own, deletionTimestamp?: string): V1Pod => ({
    metadata: { ...(deletionTimestamp ? { deletionTimestamp: deletionTimestamp as unknown as Date } : {}) },
    spec: podOf(cache),
  });

  test("is seen in its Pods, which are not replaced while they hold artifacts", () => {
    const plain = storedCache();
    expect([podServesTls(podOf()), podServesTls(podOf(plain)), podServesTls(undefined)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(servesTls(own, [])).toBe(true);
    expect(servesTls(plain, [])).toBe(false);
    expect(servesTls(own, [running(plain)])).toBe(false);
    expect(servesTls(plain, [running()])).toBe(true);
    expect(servesTls(own, [running(), running(plain)])).toBe(false);
    expect(servesTls(own, [running(), running(plain, "now")])).toBe(true);
  });

  test("is known to steps by the status, else by the spec", () => {
    const url = "http://oras-0.oras.work.svc.cluster.local:5000";
    expect(usesTls(own)).toBe(true);
    expect(usesTls({ ...own, status: { conditions: [], url } })).toBe(false);
    expect(usesTls({ ...storedCache(), status: { conditions: [], url: url.replace("http", "https") } })).toBe(
      true,
    );
    const connection = (cache: typeof own | undefined) => cacheConnection("oras", cache, "work", "c");
    expect(connection(own)).toMatchObject({ value: { plainHttp: false, mayServeTls: true } });
    expect(connection({ ...own, status: { conditions: [], url } })).toMatchObject({
      value: { plainHttp: true, mayServeTls: true },
    });
    expect(connection(undefined)).toEqual({
      ok: true,
      value: { host: "oras-0.oras.work.svc.c:5000", plainHttp: true, cache: "oras" },
    });
  });
});

describe("the status of a registry with a Pod from before TLS", () => {
  const seen = (pod: V1Pod | undefined, updated: boolean) =>
    statusOf({
      ...{ cache: own, claim: undefined, trouble: undefined, pods: pod ? [pod] : [] },
      statefulSet: {
        ...statefulSet(own, childFacts()),
        status: {
          ...{ replicas: 1, readyReplicas: 1, updatedReplicas: updated ? 1 : 0, observedGeneration: 9 },
          ...{ currentRevision: "a", updateRevision: updated ? "a" : "b" },
        },
        spec: { ...statefulSet(own, childFacts()).spec, updateStrategy: { type: "OnDelete" } } as never,
      },
      ...{ installation: childFacts(), time: "2026-01-02T03:04:05Z" },
    });
  const ready = ({ conditions }: OrasCacheStatus) => conditions?.find(({ type }) => type === "Ready");

  test("says so, and does not call it https", () => {
    const status = seen({ metadata: { name: "oras-0" }, spec: podOf(storedCache()) }, false);
    expect(status.url).toBe("http://oras-0.oras.work.svc.cluster.local:5000");
    expect(ready(status)).toMatchObject({
      status: "False",
      reason: "StillPlain",
      message: expect.stringContaining("kubectl annotate --overwrite --namespace work orascache oras"),
    });
  });

  test("is as ever once it serves TLS", () => {
    const status = seen({ metadata: { name: "oras-0" }, spec: podOf() }, true);
    expect(status.url).toBe("https://oras-0.oras.work.svc.cluster.local:5000");
    expect(ready(status)?.status).toBe("True");
  });
});

test("what is wrong with a Secret before the registry has started is told in the words of its Pod", () => {
  const terminated = {
    exitCode: exitCodes.certificateUnusable.code,
    message: "the Secret has no key tls.key\n",
  };
  const init = { name: "keeper-init", ready: false, restartCount: 3, image: "", imageID: "" };
  const saidOf = (state: V1ContainerState, lastState: V1ContainerState = { terminated }) => {
    const status = { initContainerStatuses: [{ ...init, state, lastState }] };
    return troubleOf({ metadata: { name: "oras-0" }, status });
  };
  const told = { reason: "CertificateUnusable", message: "Pod oras-0: the Secret has no key tls.key" };
  // From one try to the next: the reason does not come and go.
  expect(saidOf({ terminated }, {})).toEqual(told);
  expect(saidOf({ waiting: { reason: "CrashLoopBackOff" } })).toEqual(told);
  expect(saidOf({ running: {} })).toEqual(told);
  expect(saidOf({ terminated })).toEqual(told);
  // Once it has let the registry start.
  expect(saidOf({ terminated: { exitCode: 0 } })).toBeUndefined();
});

describe("the ConfigMap with the CAs", () => {
  test("has all of them, and those of the author's Secret apart", () => {
    const published = caConfigMap(authors, { cas: { own: "own\n", authors: "authors\n" } });
    expect(published?.metadata?.name).toBe("oras-ca");
    expect(casIn(published ?? {})).toBe("own\nauthors\n");
    expect(authorsIn(published ?? {})).toBe("authors\n");
    expect(caConfigMap(own, { cas: { own: "own\n", authors: "" } })?.data).toEqual({
      "ca.crt": "own\n",
    });
    expect([casIn({}), authorsIn({})]).toEqual(["", ""]);
  });

  test("is one of the children as long as the registry serves TLS", () => {
    const kinds = (facts: Parameters<typeof childFacts>[0]) =>
      desiredChildren(own, childFacts(facts)).map(({ kind }) => kind);
    expect(kinds({ cas: { own: "own", authors: "" } })).toContain("ConfigMap");
    expect(kinds({})).not.toContain("ConfigMap");
  });
});

describe("the CAs of a cache", () => {
  const key = "A".repeat(43);
  const at = (time: string) => registryCas(key, new Date(time));

  test("are the same each time, of this cache alone, and overlap", async () => {
    const now = await at("2026-05-01T00:00:00Z");
    expect(await at("2026-05-02T00:00:00Z")).toBe(now);
    expect(await registryCas("B".repeat(43), new Date("2026-05-01T00:00:00Z"))).not.toBe(now);
    const next = await at("2027-05-01T00:00:00Z");
    expect(splitPem(now)).toHaveLength(3);
    expect(splitPem(next).slice(1)).toEqual(splitPem(now).slice(0, 2));
    // Whoever reads them may use them for a year, and what was signed on the last day of a term is good for 90 days.
    const [, current, before] = splitPem(now).map((pem) => new X509Certificate(pem));
    expect(current?.validToDate.getTime()).toBeGreaterThan(Date.parse("2027-05-01T00:00:00Z"));
    expect(before?.validToDate.getTime()).toBeGreaterThan(Date.parse("2026-08-01T00:00:00Z"));
    for (const pem of splitPem(now)) {
      const ca = new X509Certificate(pem);
      expect([ca.ca, ca.verify(ca.publicKey)]).toEqual([true, true]);
    }
  });
});

describe("what a keeper says of a certificate", () => {
  const pem = async () => splitPem(await registryCas("A".repeat(43), new Date(0)));

  test("is believed as far as it can be true", async () => {
    const [one = ""] = await pem();
    expect(servedOf({ certificate: { ca: `words ${one} more`, problem: "x".repeat(1000) } })).toEqual({
      authors: `${one}\n`,
      problem: "x".repeat(500),
    });
    for (const nothing of [undefined, null, {}, { certificate: null }, { certificate: "x" }, "x"])
      expect(servedOf(nothing)).toBeUndefined();
    expect(servedOf({ certificate: { ca: 1, problem: 1 } })).toEqual({ authors: "", problem: undefined });
  });

  test("does not take a CA away that is still needed", async () => {
    const [one = "", two = ""] = await pem();
    const served = { authors: `${two}\n` };
    expect(authorsFrom(served, `${one}\n`)).toBe(`${two}\n${one}\n`);
    expect(authorsFrom(served, `${two}\n${one}\n`)).toBe(`${two}\n${one}\n`);
    expect(authorsFrom(undefined, `${one}\n`)).toBe(`${one}\n`);
    expect(authorsFrom(undefined, "")).toBe("");
    const many = Array.from({ length: 9 }, (_, i) => one.replace("MII", `${i}II`)).join("\n");
    expect(splitPem(authorsFrom(served, many))).toHaveLength(8);
  });

  test("is told of the cache", () => {
    expect(servedTrouble({ authors: "", problem: "has no key tls.key" }, "certificate")).toEqual({
      reason: "CertificateUnusable",
      message:
        "Secret certificate has no key tls.key. The registry goes on with the certificate that it had before.",
    });
    expect(servedTrouble({ authors: "" }, "certificate")).toBeUndefined();
    expect(servedTrouble(undefined, undefined)).toBeUndefined();
  });
});
