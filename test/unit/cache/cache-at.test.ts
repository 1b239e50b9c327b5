import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressOf, parseReference } from "../../../src/annotations/reference.ts";
import { hostsOf } from "../../../src/cache/access.ts";
import { type CachesIn, cacheAt, hostNames } from "../../../src/cache/cache-at.ts";
import { cacheConnection } from "../../../src/cache/connection.ts";
import type { OrasCache } from "../../../src/cache/types.ts";
import { createPlaces } from "../../../src/controllers/step-places.ts";
import { idOf, planOf } from "../../../src/workflow/step.ts";
import { cacheOf, keyed, type StepAnnotations } from "../../support/builders.ts";

const clusterDomain = "cluster.local";
const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/);
const domain = fc.constantFrom(clusterDomain, "corp.example");

const specs: readonly OrasCache["spec"][] = [
  {},
  { tls: { selfIssued: true } },
  { storage: { s3: { bucket: "b", region: "us-east-1" } } } as OrasCache["spec"],
  { nodeAddress: "Nodes.example.com:30500" },
];

/** A cache, whether it is there under these names of hosts alone, and a step beside it. */
const situations = fc.record({
  name: label,
  namespace: label,
  clusterDomain: domain,
  spec: fc.constantFrom(...specs),
  upper: fc.boolean(),
});

const only =
  (namespace: string, ...caches: OrasCache[]): CachesIn =>
  (of) =>
    of === namespace ? caches : [];

/** What a step names as an artifact, one way for all that is the same. */
function idsOf(
  map: StepAnnotations,
  namespace: string,
  cachesIn: CachesIn,
  of = clusterDomain,
): string | undefined {
  const output = planOf(keyed(map), {})?.output;
  return output && idOf(createPlaces(cachesIn, of)(namespace, output));
}

describe("the cache that a host is", () => {
  it("is the same under each name that its login has, however it is written, and for each that compares", () => {
    fc.assert(
      fc.property(situations, fc.nat(), ({ name, namespace, spec, upper, clusterDomain: of }, which) => {
        const cache = cacheOf(name, spec) as OrasCache;
        const cachesIn = only(namespace, cache);
        const nodes = spec?.nodeAddress === undefined ? [] : [spec.nodeAddress];
        const hosts = [...hostsOf({ name, namespace }, of), ...nodes];
        const written = hosts[which % hosts.length] ?? "";
        const host = upper ? written.toUpperCase() : written;
        const from = { namespace, clusterDomain: of };
        const inCache: StepAnnotations = { "oras-cache": name, "output-uri": "a/b:1" };
        const expected = idsOf(inCache, namespace, cachesIn, of);
        for (const plainHttp of [true, false])
          expect(cacheAt({ host, plainHttp }, from, cachesIn)).toEqual({ name, namespace });
        const registries: StepAnnotations[] = [
          { registry: `http://${host}`, "output-uri": "a/b:1" },
          { registry: `https://${host}/a`, "output-uri": "b:1" },
          { "oras-cache": "another", "output-uri": `oci://${host}/a/b:1` },
        ];
        for (const map of registries) expect(idsOf(map, namespace, cachesIn, of)).toBe(expected);
        const connection = cacheConnection(name, cache, namespace, of);
        const names = hostNames(from, cachesIn);
        const addresses = ["a/b:1", `oci://${host}/a/b:1`].map((text) =>
          addressOf(connection.ok ? connection.value : undefined, parseReference(text), names),
        );
        expect(new Set(addresses).size).toBe(1);
      }),
    );
  });

  it("is one of the names that the login has, or the nodeAddress: another host is none", () => {
    const shapes = fc.array(
      fc.constantFrom("a", "a-0", "a-registry", "b", "b-0", "svc", clusterDomain, "x"),
      {
        minLength: 1,
        maxLength: 5,
      },
    );
    const cachesIn: CachesIn = (of) =>
      ["a", "b"].includes(of) ? ["a", "b"].map((name) => cacheOf(name) as OrasCache) : [];
    const all = new Set(
      ["a", "b"].flatMap((namespace) =>
        ["a", "b"].flatMap((name) =>
          hostsOf({ name, namespace }, clusterDomain).filter(
            // Without a namespace it is of the one that it is looked at from.
            (host) =>
              namespace === "a" || host.includes(`.${namespace}.svc`) || host.includes(`.${namespace}:`),
          ),
        ),
      ),
    );
    fc.assert(
      fc.property(shapes, fc.constantFrom(":5000", ":5002", ""), (labels, port) => {
        const host = `${labels.join(".")}${port}`;
        const found = cacheAt({ host, plainHttp: true }, { namespace: "a", clusterDomain }, cachesIn);
        expect(found !== undefined).toBe(all.has(host));
      }),
      { numRuns: 1000 },
    );
  });

  it("is that of another namespace by its whole name", () => {
    const cachesIn = only("other", cacheOf("oras", { nodeAddress: "nodes:5000" }) as OrasCache);
    const id = (registry: string) => idsOf({ registry, "output-uri": "a/b:1" }, "own", cachesIn);
    const whole = "http://oras-0.oras.other.svc.cluster.local:5000 a/b:1";
    for (const host of ["oras.other:5000", "ORAS-0.oras.other.svc:5000", "oras-registry.other:5000"])
      expect(id(`http://${host}`)).toBe(whole);
    // Any OrasCache may say what it likes of its own nodeAddress.
    expect(id("http://nodes:5000")).toBe("http://nodes:5000 a/b:1");
  });

  it.each<[string, OrasCache[], string]>([
    ["there is none of this name", [], "oras:5000"],
    [
      "it runs no registry",
      [cacheOf("oras", { deploy: false, registry: "ghcr.io" }) as OrasCache],
      "oras:5000",
    ],
    ["the port is another one", [cacheOf("oras") as OrasCache], "oras-0.oras:5002"],
    ["the domain is another one", [cacheOf("oras") as OrasCache], "oras-0.oras.work.svc.example.com:5000"],
    [
      "two have the nodeAddress",
      ["a", "b"].map((name) => cacheOf(name, { nodeAddress: "nodes:30500" }) as OrasCache),
      "nodes:30500",
    ],
  ])("is none where %s", (_, caches, host) => {
    const cachesIn = only("work", ...caches);
    expect(
      cacheAt({ host, plainHttp: true }, { namespace: "work", clusterDomain }, cachesIn),
    ).toBeUndefined();
    const map: StepAnnotations = { registry: `http://${host}`, "output-uri": "a/b:1" };
    expect(idsOf(map, "work", cachesIn)).toBe(`http://${host} a/b:1`);
  });
});
