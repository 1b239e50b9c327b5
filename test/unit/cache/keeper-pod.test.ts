import { describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { keySecret } from "../../../src/cache/access-secrets.ts";
import { confined } from "../../../src/cache/confined.ts";
import { limitsOf } from "../../../src/cache/fullness.ts";
import { service } from "../../../src/cache/service.ts";
import { statefulSet } from "../../../src/cache/stateful-set.ts";
import { percentOf } from "../../../src/cache/usage.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

type Spec = NonNullable<Parameters<typeof storedCache>[0]>;

const facts = childFacts();
const podOf = (spec: Spec) => statefulSet(storedCache(spec), facts).spec?.template.spec;
const containerOf = (spec: Spec, name: string) => podOf(spec)?.containers.find((each) => each.name === name);
const mountsOf = (spec: Spec, name: string) =>
  Object.fromEntries(
    (containerOf(spec, name)?.volumeMounts ?? []).map((mount) => [mount.name, mount.readOnly === true]),
  );
const claim = { persistentVolumeClaim: { size: "1Gi", onDelete: "Retain" } } as const;
const closed = { auth: { type: "htpasswd" } } as const;

describe("the keeper of a registry", () => {
  test.each([{}, closed, { storage: claim }, { storage: { emptyDir: { sizeLimit: "1Gi" } } }] as Spec[])(
    "runs behind it, as small and as confined: %j",
    (spec) => {
      expect(podOf(spec)?.containers.map(({ name }) => name)).toEqual(["registry", "keeper"]);
      expect(containerOf(spec, "keeper")).toMatchObject({
        image: "agent:1",
        command: ["/agent", "keep"],
        resources: { requests: { cpu: "10m", memory: "32Mi" } },
        securityContext: confined,
      });
      expect(keySecret(storedCache(spec), facts)?.metadata?.name).toBe(
        podOf(spec)?.volumes?.find(({ name }) => name === names.registryKeyVolume)?.secret?.secretName,
      );
    },
  );

  test("reads the key, and writes to the volume and the users file", () => {
    expect(mountsOf({}, "keeper")).toEqual({
      "registry-data": false,
      "registry-key": true,
      "registry-export": true,
    });
    expect(mountsOf(closed, "keeper")).toEqual({
      "registry-data": false,
      "registry-key": true,
      "registry-auth": false,
      "registry-export": true,
    });
    expect(containerOf(closed, "keeper")?.args).toEqual([
      "--key=/var/run/oras/key",
      "--htpasswd=/var/run/oras/auth/htpasswd",
      "--user=oras-1",
      "--data=/var/lib/registry",
      "--events=127.0.0.1:5004",
      "--cache-uid=6b3f",
      "--refuse-at=85",
      "--export-credentials=/var/run/oras/export",
    ]);
  });

  test("is told of pulls and pushes of manifests on an address of the Pod alone", () => {
    const env = (spec: Spec) =>
      containerOf(spec, "registry")?.env?.find(({ name }) => name === "REGISTRY_NOTIFICATIONS_ENDPOINTS");
    expect(JSON.parse(env({})?.value ?? "")).toMatchObject([
      { url: "http://127.0.0.1:5004/", ignoredmediatypes: ["application/octet-stream"] },
    ]);
    expect(env({ secrets: { orasEnv: "env" } })).toBeUndefined();
    const ports = containerOf({}, "keeper")?.ports?.map(({ containerPort }) => containerPort);
    expect(ports).not.toContain(5004);
  });

  test("knows how much the volume takes, where that is not all of its file system", () => {
    const args = (spec: Spec) => containerOf(spec, "keeper")?.args;
    expect(args({ storage: { emptyDir: { sizeLimit: "1Gi" } } })).toContain("--limit=1073741824");
    expect(args({ storage: claim })?.join()).not.toContain("--limit");
    expect(args({ storage: { ...claim, refuseAt: 90 } })).toContain("--refuse-at=90");
  });

  test("has the registry's metrics on an address of the Pod alone", () => {
    const env = containerOf({}, "registry")?.env?.map(({ name, value }) => `${name}=${value}`);
    expect(env).toContain("REGISTRY_HTTP_DEBUG_ADDR=127.0.0.1:5003");
    expect(env).toContain("REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED=true");
    const ports = (spec: Spec) => service(storedCache(spec)).spec?.ports?.map(({ port }) => port);
    expect(ports({})).toEqual([5000, 5001, 5002]);
    expect(ports({ secrets: { orasEnv: "env" } })).toEqual([5000]);
  });

  test.each([
    { secrets: { orasEnv: "env" } },
    { env: [{ name: "REGISTRY_STORAGE", value: "inmemory" }] },
  ] as Spec[])("is left out where artifacts may not be on the volume: %j", (spec) => {
    expect(podOf(spec)?.containers.map(({ name }) => name)).toEqual(["registry"]);
    expect(containerOf(spec, "registry")?.env?.map(({ name }) => name)).not.toContain(
      "REGISTRY_HTTP_DEBUG_ADDR",
    );
    expect(keySecret(storedCache(spec), facts)).toBeUndefined();
  });

  test("never sees the variables of the author's, whose names are looked at before the registry starts", () => {
    const spec = { ...closed, secrets: { orasEnv: "env" }, storage: {} };
    expect(mountsOf(spec, "keeper")).not.toHaveProperty(names.registryEnvironmentVolume);
    expect(mountsOf(spec, "registry")).not.toHaveProperty(names.registryEnvironmentVolume);
    expect(podOf(spec)?.initContainers?.[0]?.args).toEqual([
      "--key=/var/run/oras/key",
      "--htpasswd=/var/run/oras/auth/htpasswd",
      "--user=oras-1",
      "--environment=/var/run/oras/environment",
      "--storage-written",
    ]);
    const open = podOf({ secrets: { orasEnv: "env" } });
    expect(open?.initContainers?.[0]).toMatchObject({
      args: ["--environment=/var/run/oras/environment"],
      volumeMounts: [{ name: names.registryEnvironmentVolume, readOnly: true }],
    });
    expect(podOf({})).not.toHaveProperty("initContainers");
  });
});

describe("how full a volume may be", () => {
  const of = (storage: NonNullable<Spec["storage"]>) => Object.values(limitsOf(storedCache({ storage })));

  test("is less on the file system of a node", () => {
    expect(Object.values(limitsOf(storedCache()))).toEqual([75, 85]);
    expect(of({ emptyDir: {} })).toEqual([75, 85]);
    expect(of({ emptyDir: { sizeLimit: "1Gi" } })).toEqual([80, 95]);
    expect(of(claim)).toEqual([80, 95]);
  });

  test("is what the spec says, and nothing is refused before there was a warning", () => {
    expect(of({ ...claim, warnAt: 50, refuseAt: 60 })).toEqual([50, 60]);
    expect(of({ ...claim, refuseAt: 60 })).toEqual([60, 60]);
    expect(of({ ...claim, warnAt: 99 })).toEqual([99, 99]);
    expect(of({ warnAt: 10 })).toEqual([10, 85]);
  });

  test("counts what is free", () => {
    expect(percentOf({ capacity: 200, used: 150, free: 50 })).toBe(75);
    expect(percentOf({ capacity: 0, used: 0, free: 0 })).toBe(100);
  });
});
