import { describe, expect, test } from "vitest";
import { mirrorVerdict } from "../../../src/cache/mirror.ts";
import { registryPod } from "../../../src/cache/registry-pod.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import type { MirrorReport, Usage } from "../../../src/cache/usage.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

type Spec = Partial<StoredOrasCache["spec"]>;

const registry = "ghcr.io/acme";
const repositories = ["**"];
const mirrorTo = { registry, repositories };

function podOf(spec: Spec, proxies: Record<string, string> = {}) {
  const pod = registryPod(storedCache(spec), childFacts({ proxies })).spec;
  const keeper = pod?.containers.find(({ name }) => name === "keeper");
  const args = keeper?.args?.filter((arg) => /mirror|plain/.test(arg));
  const volume = pod?.volumes?.find(({ name }) => name === "registry-mirror");
  return { pod, keeper, args, volume };
}

describe("a keeper that copies", () => {
  test("is told where to and what, and has the Secret, which need not be there", () => {
    const { args, volume, keeper, pod } = podOf({
      mirrorTo: { registry, repositories: ["models/**", "runs/a"], secretRef: { name: "login" } },
    });
    expect(args).toEqual([
      "--mirror-to=ghcr.io/acme",
      "--mirror-repository=models/**",
      "--mirror-repository=runs/a",
      "--mirror-credentials=/var/run/oras/mirror",
    ]);
    expect(volume?.secret).toEqual({ secretName: "login", optional: true, defaultMode: 0o440 });
    expect(keeper?.volumeMounts).toContainEqual({
      name: "registry-mirror",
      mountPath: "/var/run/oras/mirror",
      readOnly: true,
    });
    expect(JSON.stringify(pod?.containers.filter(({ name }) => name !== "keeper"))).not.toContain("mirror");
  });

  test("has the proxy of the installation, and nobody else has", () => {
    const proxies = { HTTPS_PROXY: "http://proxy:3128", HTTP_PROXY: "" };
    expect(podOf({ mirrorTo }, proxies).keeper?.env).toEqual([
      { name: "HTTPS_PROXY", value: "http://proxy:3128" },
    ]);
    // It may be asked for an export.
    expect(podOf({}, proxies).keeper?.env).toHaveLength(1);
    expect(JSON.stringify(podOf({ mirrorTo }, proxies).pod?.containers[0])).not.toContain("proxy");
  });

  test.each<[string, string[]]>([
    ["http://oras-0.oras.other.svc.cluster.local:5000", ["oras-0.oras.other.svc.cluster.local:5000"]],
    ["http://oras-0.oras.other.svc:5000", []],
    ["http://registry.example:5000", []],
    ["https://oras-0.oras.other.svc.cluster.local:5000", []],
  ])("shows a login without TLS to Services that are named whole: %s", (to, hosts) => {
    const { args } = podOf({ mirrorTo: { registry: to, repositories, secretRef: { name: "x" } } });
    expect(args?.filter((arg) => arg.startsWith("--plain"))).toEqual(
      hosts.map((host) => `--plain-login-host=${host}`),
    );
    expect(podOf({ mirrorTo: { registry: to, repositories } }).args?.join()).not.toContain("--plain");
  });

  test.each<[string, Spec]>([
    ["no mirrorTo", {}],
    [
      "the registry itself",
      { mirrorTo: { registry: "http://oras-0.oras.work.svc:5000/again", repositories } },
    ],
    ["the registry itself, in capitals", { mirrorTo: { registry: "http://ORAS:5000", repositories } }],
  ])("copies nothing: %s", (_, spec) => {
    const { args, volume } = podOf(spec);
    expect(args).toEqual([]);
    expect(volume).toBeUndefined();
  });
});

describe("what a status says of the other registry", () => {
  const usage = { room: { capacity: 1, used: 0, free: 1 }, artifacts: 1, bytes: 1 } satisfies Usage;
  const fine: MirrorReport = { to: registry, listed: true, refused: 0, samples: [] };
  const before = { status: "True", reason: "Mirrored", message: "before" } as const;
  const verdict = (spec: Spec, said?: Partial<MirrorReport> | "nothing" | "another") =>
    mirrorVerdict(storedCache(spec), {
      usage:
        said === "nothing"
          ? undefined
          : { ...usage, mirror: said === "another" ? undefined : { ...fine, ...said } },
      before: undefined,
      installation: childFacts(),
      time: "2026-01-01T01:00:00Z",
    });

  test.each<[string, Spec, Parameters<typeof verdict>[1], string, string]>([
    ["all is there", { mirrorTo }, {}, "Mirrored", "ghcr.io/acme has the artifacts"],
    ["some were pushed", { mirrorTo }, { oldest: "2026-01-01T00:59:00Z" }, "Mirrored", ""],
    [
      "some wait",
      { mirrorTo },
      { oldest: "2026-01-01T00:50:00Z" },
      "MirrorBehind",
      "since 2026-01-01T00:50:00Z",
    ],
    ["it is not known", { mirrorTo }, "nothing", "NotMirrored", "has not said yet"],
    ["the Pod is older", { mirrorTo }, "another", "NotMirrored", "copies to no registry"],
    ["the Pod has another", { mirrorTo }, { to: "quay.io" }, "NotMirrored", "copies to quay.io"],
    ["it compares", { mirrorTo }, { listed: false }, "NotMirrored", "being compared"],
    [
      "it does not answer",
      { mirrorTo },
      { trouble: "no route", oldest: "2026-01-01T00:59:00Z" },
      "MirrorFailed",
      "Nothing is copied to ghcr.io/acme: no route. Artifacts wait since 2026-01-01T00:59:00Z.",
    ],
    [
      "it refuses some",
      { mirrorTo },
      { refused: 3, samples: [{ artifact: "a:1", error: "denied" }] },
      "MirrorFailed",
      "Not copied to ghcr.io/acme: a:1: denied, and 2 more.",
    ],
    [
      "it is the registry itself",
      { mirrorTo: { registry: "http://oras-registry.work:5000", repositories } },
      {},
      "MirrorFailed",
      "is the registry of this OrasCache",
    ],
    [
      "it is the registry itself, by its nodeAddress",
      {
        nodeAddress: "Nodes.example.com:443",
        mirrorTo: { registry: "https://nodes.example.com/copy", repositories },
      },
      {},
      "MirrorFailed",
      "is the registry of this OrasCache",
    ],
    [
      "there is no keeper",
      { mirrorTo, secrets: { orasEnv: "env" } },
      "nothing",
      "MirrorFailed",
      "Set spec.storage",
    ],
  ])("%s", (_, spec, said, reason, message) => {
    const found = verdict(spec, said);
    expect(found?.reason).toBe(reason);
    expect(found?.message).toContain(message);
  });

  test("stays while nobody says anything, and goes with mirrorTo", () => {
    const about = { usage: undefined, before, installation: childFacts(), time: "2026-01-01T01:00:00Z" };
    expect(mirrorVerdict(storedCache({ mirrorTo }), about)).toBe(before);
    expect(mirrorVerdict(storedCache({}), about)).toBeUndefined();
  });
});
