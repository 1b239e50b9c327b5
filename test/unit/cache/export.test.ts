import { describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import {
  type ExportAnswer,
  type ExportReport,
  exportRegistry,
  exportReportOf,
  exportRequest,
  exportTarget,
  exportVerdict,
  whatStays,
} from "../../../src/cache/export.ts";
import { registryPod } from "../../../src/cache/registry-pod.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

type Spec = Partial<StoredOrasCache["spec"]>;

const key = names.exportAnnotation;
const facts = { clusterDomain: "cluster.local" };
const s3 = {
  endpoint: "https://s3.example",
  bucket: "some",
  region: "us-east-1",
  forcePathStyle: true,
  redirect: false,
  onDelete: "Retain" as const,
  secretRef: { name: "login" },
};

function cacheWith(value: string | undefined, spec: Spec = {}): StoredOrasCache {
  const cache = storedCache(spec);
  return {
    ...cache,
    metadata: { ...cache.metadata, annotations: value === undefined ? {} : { [key]: value } },
  };
}

describe("the annotation export-to", () => {
  test.each<[string, string | undefined]>([
    ["oci://ghcr.io", "ghcr.io"],
    ["oci://ghcr.io/acme", "ghcr.io/acme"],
    ["oci://ghcr.io/acme/", "ghcr.io/acme/"],
    ["oci://localhost:5000/a/b", "localhost:5000/a/b"],
    ["http://oras.other.svc:5000", "http://oras.other.svc:5000"],
    ["ghcr.io/acme", undefined],
    ["https://ghcr.io", undefined],
    ["oci://https://ghcr.io", undefined],
    ["oci://http://ghcr.io", undefined],
    ["oci://", undefined],
    ["oci://ghcr.io/Acme", undefined],
    ["oci://ghcr.io/a:tag", undefined],
    ["oci://ghcr.io\n", undefined],
    [" oci://ghcr.io", undefined],
    ["", undefined],
    [`oci://ghcr.io/${"a".repeat(600)}`, undefined],
  ])("%j", (value, registry) => {
    expect(exportRegistry(value)).toBe(registry);
    const target = exportTarget(cacheWith(value), facts);
    if (registry === undefined) expect(target?.problem).toContain(`${key} is "`);
    else expect(target).toEqual({ to: registry });
  });

  test("means nothing where the operator runs no registry, and is refused for the registry itself", () => {
    expect(exportTarget(cacheWith(undefined), facts)).toBeUndefined();
    expect(exportTarget(cacheWith("oci://ghcr.io", { deploy: false }), facts)).toBeUndefined();
    const itself = exportTarget(cacheWith("http://oras-0.oras.work.svc:5000/again"), facts);
    expect(itself?.problem).toContain("the registry of this OrasCache");
  });

  test("a login goes without TLS to a Service that is named whole only", () => {
    const plain = (to: string) => exportRequest(cacheWith("x"), to, facts).plainLogin;
    expect(plain("http://oras-0.oras.other.svc.cluster.local:5000")).toBe(true);
    expect(plain("http://oras-0.oras.other.svc:5000")).toBe(false);
    expect(plain("oras-0.oras.other.svc.cluster.local:5000")).toBe(false);
  });
});

describe("the registry's Pod", () => {
  const podOf = (cache: StoredOrasCache) => {
    const pod = registryPod(cache, childFacts()).spec;
    const keeper = pod?.containers.find(({ name }) => name === "keeper");
    const volume = pod?.volumes?.find(({ name }) => name === "registry-export");
    return { keeper, volume, pod };
  };

  test("has the Secret, which need not be there, before anybody asks for an export", () => {
    const { keeper, volume, pod } = podOf(cacheWith(undefined));
    expect(volume?.secret).toEqual({ secretName: "oras-export", optional: true, defaultMode: 0o440 });
    expect(keeper?.args).toContain("--export-credentials=/var/run/oras/export");
    expect(JSON.stringify(pod?.containers.filter(({ name }) => name !== "keeper"))).not.toContain("export");
    // In an emptyDir it would be too late for another Pod.
    expect(podOf(cacheWith("oci://ghcr.io")).pod).toEqual(pod);
  });

  test("has a keeper with artifacts in S3, which trusts the bucket's CA", () => {
    const caSecretRef = { name: "ca", key: "ca.crt" };
    const { keeper } = podOf(cacheWith("oci://ghcr.io", { storage: { s3: { ...s3, caSecretRef } } }));
    expect(keeper?.args).not.toContain("--data=/var/lib/registry");
    expect(keeper?.env).toContainEqual({
      name: "SSL_CERT_DIR",
      value: "/etc/ssl/certs:/var/run/oras/s3-ca",
    });
    expect(keeper?.volumeMounts).toContainEqual({
      name: "registry-s3-ca",
      mountPath: "/var/run/oras/s3-ca",
      readOnly: true,
    });
  });
});

describe("what a status says of an export", () => {
  const report: ExportReport = {
    ...{ to: "ghcr.io", listed: true, refused: 0, samples: [] },
    ...{ total: 3, done: 1, whole: false },
  };
  const verdict = (said: ExportAnswer, silent = false, trouble?: Parameters<typeof exportVerdict>[2]) =>
    exportVerdict(
      cacheWith("oci://ghcr.io"),
      { target: { to: "ghcr.io" }, ...(said || silent ? { answer: { said, silent } } : {}) },
      trouble,
    );

  test.each<[string, ReturnType<typeof verdict>, string, string]>([
    ["how far it is", verdict(report), "Exporting", "ghcr.io has 1 of 3 artifacts."],
    ["that it begins", verdict({ ...report, listed: false }), "Exporting", "are being listed"],
    ["that it waits", verdict(undefined), "Exporting", "waits for the registry's keeper"],
    [
      "why it waits",
      verdict(undefined, false, { reason: "Unschedulable", message: "No node fits." }),
      "ExportFailed",
      "No node fits.",
    ],
    ["that nobody answers", verdict(undefined, true), "ExportFailed", "does not answer"],
    ["that the keeper is too old", verdict("cannot"), "ExportFailed", "kubectl oras-cache backup oras DIR"],
    [
      "that nothing is copied",
      verdict({ ...report, trouble: "connection refused" }),
      "ExportFailed",
      "1 of 3 artifacts, and nothing is copied by now: connection refused.",
    ],
    [
      "what is refused",
      verdict({ ...report, refused: 2, samples: [{ artifact: "a:1", error: "denied" }] }),
      "ExportFailed",
      "Not copied: a:1: denied, and 1 more.",
    ],
    [
      "that all is there",
      verdict({ ...report, done: 3, whole: true }),
      "Exported",
      "ghcr.io has 3 artifacts.",
    ],
  ])("%s", (_, { reason, message }, expected, words) => {
    expect(reason).toBe(expected);
    expect(message).toContain(words);
    const command = `kubectl annotate --namespace work orascache oras ${key}-`;
    expect(message.includes(command)).toBe(expected === "ExportFailed");
  });

  test("believes no keeper that says something else", () => {
    expect(exportReportOf({ ...report }, "ghcr.io")).toEqual(report);
    expect(exportReportOf({ ...report }, "quay.io")).toBeUndefined();
    expect(exportReportOf({ ...report, total: -1 }, "ghcr.io")).toBeUndefined();
    expect(exportReportOf({ ...report, whole: "yes" }, "ghcr.io")?.whole).toBe(false);
    expect(exportReportOf(null, "ghcr.io")).toBeUndefined();
  });

  test.each<[Spec, boolean, string]>([
    [{}, false, "are lost"],
    [{ storage: { s3 } }, true, "stay at https://s3.example/some/work/oras"],
    [
      { storage: { persistentVolumeClaim: { size: "1Gi" } } } as Spec,
      false,
      "PersistentVolumeClaim oras-data keeps",
    ],
    [{ storage: { persistentVolumeClaim: { size: "1Gi" } } } as Spec, true, "are lost"],
    [{ storage: { persistentVolumeClaim: { size: "1Gi", onDelete: "Delete" } } } as Spec, false, "are lost"],
  ])("where artifacts are that were not exported: %j, namespace goes: %j", (spec, goes, words) => {
    expect(whatStays(cacheWith("oci://ghcr.io", spec), goes)).toContain(words);
  });
});
