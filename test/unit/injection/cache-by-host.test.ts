import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeWarning } from "../../../src/annotations/warning.ts";
import { hostsOf } from "../../../src/cache/access.ts";
import type { CachesIn } from "../../../src/cache/cache-at.ts";
import type { OrasCache } from "../../../src/cache/types.ts";
import { createAnswerer } from "../../../src/webhook/answers.ts";
import { cacheOf, jobOf, keyOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { admit, createRequest, installation } from "../../support/pods.ts";

const nodeAddress = "Nodes.example.com:30500";
const domain = installation.clusterDomain;
const memo = { workflow: { memo: { repository: "team/memo" } } } as OrasCache["spec"];
const caches: Readonly<Record<string, OrasCache[]>> = {
  default: [
    cacheOf("oras", { nodeAddress }) as OrasCache,
    cacheOf("big", memo) as OrasCache,
    cacheOf("far", { deploy: false, registry: "ghcr.io" }) as OrasCache,
  ],
  other: [cacheOf("oras") as OrasCache],
};
const cachesIn: CachesIn = (namespace) => caches[namespace] ?? [];

/** As the webhook is answered: of a step that names a registry no OrasCache is looked up by its name. */
const ask = (map: StepAnnotations, object = podOf("step", { "output-path": "out", ...map })) => {
  const answer = createAnswerer({
    cache: (namespace, name) => caches[namespace]?.find(({ metadata }) => metadata?.name === name),
    cachesIn,
    limitRanges: () => [],
  });
  const cache = map.registry === undefined ? (map["oras-cache"] ?? "oras") : undefined;
  const questions = { namespace: "default", cache, images: [], pullSecrets: [], architecture: "amd64" };
  const answers = answer({ ...questions, serviceAccount: undefined }, 100);
  if (answers instanceof Promise) throw new Error("nobody is to be asked");
  return admit(createRequest(object), answers);
};
const told = (map: StepAnnotations) => ask(map).warnings.map(describeWarning);
const codes = (map: StepAnnotations) => ask(map).warnings.map(({ code }) => code);
const refused = (map: StepAnnotations, object?: ReturnType<typeof podOf>) => {
  const verdict = ask(map, object);
  return verdict.kind === "denied" ? verdict.message : "";
};

/** Where an artifact can be, with the hosts by which authors write it. */
const stores = {
  own: [...hostsOf({ name: "oras", namespace: "default" }, domain), nodeAddress],
  big: hostsOf({ name: "big", namespace: "default" }, domain),
  other: hostsOf({ name: "oras", namespace: "other" }, domain).filter((host) => /\.other[.:]/.test(host)),
  remote: ["ghcr.io", "ghcr.io:443"],
} as const;
type Store = keyof typeof stores;
const storeOf = fc.constantFrom(...(Object.keys(stores) as Store[]));
const pick = <T>(of: readonly T[], which: number): T => of[which % of.length] as T;

/** A host as it may be written. */
const hostIn = (store: Store, which: number) => {
  const host = pick(stores[store], which);
  return which % 2 === 0 ? host : host.toUpperCase();
};

interface Target {
  readonly store: Store;
  /** Whole. */
  readonly repository: string;
  readonly version: string;
}

const digest = `@sha256:${"a".repeat(64)}`;
const target = (...versions: string[]): fc.Arbitrary<Target> =>
  fc.record({
    store: storeOf,
    repository: fc.constantFrom("a", "team/a", "team/b"),
    version: fc.constantFrom(...versions),
  });

/** The registry of a step: what its annotations say, and which it is. */
const ways = fc.oneof(
  fc.constant({ map: {} as StepAnnotations, store: "own" as Store, prefix: "" }),
  fc
    .record({ store: storeOf, prefix: fc.constantFrom("", "team/"), which: fc.nat(), form: fc.nat() })
    .map(({ store, prefix, which, form }) => {
      // Of other registries than OrasCaches' the scheme says the port.
      const scheme = pick(store === "remote" ? ["", "https://"] : ["http://", "https://", ""], form);
      const end = prefix === "" ? pick(["", "/"], form) : pick(["/team", "/team/"], form);
      return { map: { registry: `${scheme}${hostIn(store, which)}${end}` }, store, prefix };
    }),
);

const written = (
  { store, repository, version }: Target,
  way: { readonly store: Store; readonly prefix: string },
  which: number,
) => {
  const isNear = store === way.store && repository.startsWith(way.prefix);
  return isNear && which % 3 === 0
    ? `${repository.slice(way.prefix.length)}${version}`
    : `oci://${hostIn(store, which)}/${repository}${version}`;
};

describe("an artifact that a step reads and pushes is the same", () => {
  it("however each of the two, and the registry, are written, and only then", () => {
    const counts = { same: 0, other: 0 };
    const targets = fc.record({
      output: target(":1", ":2"),
      other: target(":1", ":2", digest, `:1${digest}`),
      isSame: fc.boolean(),
    });
    fc.assert(
      fc.property(
        targets,
        ways,
        fc.nat(),
        fc.nat(),
        fc.boolean(),
        ({ output, other, isSame }, way, one, two, waits) => {
          const input = isSame ? output : other;
          const map: StepAnnotations = {
            ...way.map,
            "output-uri": written(output, way, one),
            "input-uri": written(input, way, two),
            ...(waits && { "wait-for-inputs": "true" }),
          };
          const is = (["store", "repository", "version"] as const).every((of) => input[of] === output[of]);
          const found = codes(map).filter((code) => code === "OutputIsInput" || code === "WaitsForItself");
          expect([map, found]).toEqual([map, is ? [waits ? "WaitsForItself" : "OutputIsInput"] : []]);
          counts[is ? "same" : "other"] += 1;
        },
      ),
      { numRuns: 600 },
    );
    expect(Math.min(counts.same, counts.other)).toBeGreaterThan(100);
  });

  it.each<[string, StepAnnotations]>([
    ["http://reg.example", { registry: "http://reg.example", "input-uri": "oci://reg.example:443/a/b:1" }],
    ["a Pod's own", { "input-uri": "x/$(POD_UID):1", "output-uri": "x/$(NODE_NAME):1" }],
    ["of an index", { "input-uri": "x/$(POD_UID):1", "output-uri": "x/$(POD_NAME):1" }],
  ])("not where it is not certain: %s", (_, map) => {
    expect(codes({ "output-uri": "a/b:1", ...map })).not.toContain("OutputIsInput");
  });

  it.each<[string, string, string]>([
    ["the namespace", "x/default:1", "x/$(POD_NAMESPACE):1"],
    ["the name of the Pod", "x/step:1", "x/$(POD_NAME):1"],
    ["the same variable, which nobody knows yet", "x/$(POD_UID):1", "oci://oras:5000/x/$(POD_UID):1"],
  ])("where a variable stands for %s", (_, input, output) => {
    expect(codes({ "input-uri": input, "output-uri": output })).toEqual(["OutputIsInput"]);
  });

  it("where a variable stands for the name of the Job, if it has one already", () => {
    const job = jobOf("step", {
      "output-path": "o",
      "input-uri": "x/step:1",
      "output-uri": "x/$(JOB_NAME):1",
    });
    const found = (object: object) =>
      admit(createRequest(object), { cachesIn }).warnings.map(({ code }) => code);
    expect(found(job)).toContain("OutputIsInput");
    const { name: _, ...metadata } = { ...job.metadata, name: "", generateName: "step" };
    expect(found({ ...job, metadata })).not.toContain("OutputIsInput");
  });
});

describe("the registry of an OrasCache, named by a host", () => {
  const output: StepAnnotations = { "output-uri": "a/b:c" };

  it.each(["http://oras:5000", "https://ORAS.default:5000/", "http://oras-registry.default.svc:5000/team"])(
    "is that of the OrasCache that is named beside it: %s",
    (registry) => {
      expect(told({ ...output, registry, "oras-cache": "oras" })).toEqual([
        `${keyOf("oras-cache")}: OrasCache "oras" gives the step neither its login nor its defaults, because ${keyOf("registry")} names its registry by a host. (CacheNotUsed)`,
      ]);
      expect(told({ ...output, registry, "oras-cache": "big" })).toEqual([
        `${keyOf("oras-cache")}: OrasCache "big" is not used, because ${keyOf("registry")} names a registry. (CacheNotUsed)`,
      ]);
    },
  );

  it("is that of the OrasCache, where each artifact names it", () => {
    expect(told({ "output-uri": "oci://oras:5000/a:b", "oras-cache": "oras" })).toEqual([
      `${keyOf("oras-cache")}: OrasCache "oras" gives the step neither its login nor its defaults, because each artifact names its registry by a host. (CacheNotUsed)`,
    ]);
  });

  it("is no other one than an artifact names by another host", () => {
    expect(told({ registry: "http://oras:5000", "output-uri": "oci://oras-0.oras:5000/a:b" })).toEqual([
      `${keyOf("registry")}: "oras:5000" is not used, because each artifact names its registry itself: oci://oras-0.oras:5000/ is the same one, over HTTPS. (RegistryNotUsed)`,
    ]);
    expect(told({ registry: "http://oras:5000", "output-uri": "oci://big:5000/a:b" })).toEqual([
      `${keyOf("registry")}: "oras:5000" is not used, because each artifact names another registry. (RegistryNotUsed)`,
    ]);
  });

  it("of another namespace is told of, by each of its names, wherever it is written", () => {
    for (const host of [...stores.other, ...stores.other.map((each) => each.toUpperCase())]) {
      for (const scheme of ["http://", "https://", ""])
        expect(told({ ...output, registry: `${scheme}${host}/team` })).toEqual([
          expect.stringContaining(`${host} is the registry of OrasCache "oras" of namespace "other"`),
        ]);
      expect(
        ask({ ...output, "input-uri_2": `oci://${host}/a:1`, "input-uri_3": `oci://${host}/a:2` }),
      ).toMatchObject({
        warnings: [{ code: "CacheOfOthers", path: keyOf("input-uri_2") }],
      });
    }
    for (const host of [...stores.own, ...stores.big, "oras.nowhere:5000", "oras.other:5002", "oras.other"])
      expect(codes({ ...output, registry: `http://${host}` })).toEqual([]);
    expect(told({ ...output, registry: "http://oras-0.oras.other" })).toEqual([
      expect.stringContaining('oras-0.oras.other lacks the port 5000 of the registry of OrasCache "oras"'),
    ]);
  });

  it("of another namespace is told of once, however many there are", () => {
    const inputs = (count: number): StepAnnotations =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`input-uri_${i + 1}`, `oci://c${i}-0.c${i}.other:5000/a:1`]),
      );
    expect(told({ ...output, ...inputs(2) })).toEqual([
      expect.stringMatching(/ login\. So is other\/c1\. \(/),
    ]);
    expect(told({ ...output, ...inputs(60) })).toEqual([
      expect.stringMatching(/input-uri_1: .* So are other\/c1, other\/c2, .*other\/c20, and 39 more\. \(/),
    ]);
  });

  it("has the repositories that the operator keeps for itself there", () => {
    const isRefused = (registry: string, uri: string) =>
      refused({ registry, "output-uri": uri }).includes("(RepositoryOfOperator)");
    for (const host of stores.big) {
      expect(isRefused(`http://${host}`, "team/memo:1")).toBe(true);
      expect(isRefused(`https://${host.toUpperCase()}/team/`, "memo:1")).toBe(true);
      expect(isRefused(`http://${host}`, "oras-memo:1")).toBe(false);
    }
    for (const host of [...stores.own, ...stores.other]) {
      expect(isRefused(`http://${host}`, "oras-memo:1")).toBe(true);
      expect(isRefused(`http://${host}`, "team/memo:1")).toBe(false);
    }
    expect(isRefused("ghcr.io", "oras-memo:1")).toBe(false);
  });

  it("has them by the name of a step, too", () => {
    const step = (name: string) => podOf(name, { "output-path": "o", "output-uri": "$(POD_NAME):1" });
    expect(refused({}, step("oras-memo"))).toContain("(RepositoryOfOperator)");
    expect(refused({}, step("oras-memos"))).toBe("");
  });

  it("has an output that failure-uri must not name", () => {
    for (const host of stores.own)
      expect(
        refused({
          registry: "http://oras:5000",
          "output-uri": "a/b:1",
          "failure-uri": `oci://${host}/a/b:1`,
        }),
      ).toContain("(FailureIsOutput)");
    expect(refused({ "output-uri": "a/$(POD_NAME):1", "failure-uri": "a/step:1" })).toContain(
      "(FailureIsOutput)",
    );
    expect(
      refused({
        registry: "http://reg.example",
        "output-uri": "a:1",
        "failure-uri": "oci://reg.example:443/a:1",
      }),
    ).toBe("");
  });

  it("is said to be one where an input is to be a volume, and where an index is to be written", () => {
    const volume: StepAnnotations = { "input-as": "volume", "input-path": "/data" };
    expect(refused({ ...volume, "input-uri": `oci://oras:5000/a${digest}` })).toContain(
      'the input names the registry of OrasCache "oras" by the host oras:5000; allowed is',
    );
    const index = { "output-uri": "a:$(JOB_COMPLETION_INDEX)", "output-index": "a:all", "output-path": "o" };
    const spec = { completionMode: "Indexed", completions: 2, parallelism: 2 };
    const job = jobOf("step", { ...index, registry: "http://oras:5000" }, "true", spec);
    const verdict = admit(createRequest(job), { cachesIn });
    expect(verdict.kind === "denied" && verdict.message).toContain(
      'found the registry "http://oras:5000", which is that of OrasCache "oras"; allowed is',
    );
  });
});
