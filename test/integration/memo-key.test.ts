import type { V1Job, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect } from "vitest";
import type { KubeClient } from "../../src/kube/client.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { differences } from "../../src/lineage/difference.ts";
import { uncounted } from "../../src/lineage/uncounted.ts";
import { pod as podKind } from "../../src/workload/pod.ts";
import { test } from "../support/integration.ts";
import { type Around, digest, keyFor, podWith, stepOf } from "../support/keys.ts";
import { minor } from "../support/kubernetes-version.ts";
import { at, type Leaf, leavesOf, type OpenApi, withLeaf } from "../support/openapi.ts";

const cases = 10_000;
const everything: Around = { assume: new Set(["config", "secrets", "volumes", "tags", "identity"]) };
const plain = stepOf(podWith(), everything);
const kinds: Readonly<Record<string, keyof typeof uncounted>> = {
  ...{ containers: "container", initContainers: "container", ephemeralContainers: "container" },
  volumes: "volume",
};

async function leavesOfPods(client: KubeClient): Promise<readonly Leaf[]> {
  const api = await client.request<OpenApi>({ path: "/openapi/v3/api/v1" });
  return leavesOf(api, "io.k8s.api.core.v1.PodSpec");
}

/** The key of a spec as it is, whether or not the API server would take it. */
function keyOf(spec: object): string {
  const template = { spec: spec as V1PodSpec };
  const workload = { kind: podKind, object: template, metadata: undefined, template, path: "spec" };
  return keyFor({ ...plain, workload }).key;
}

/** The lists that a leaf may stand in, and where it is below what they are of. */
function placeOf([first = "", ...rest]: Leaf["path"]): [keyof typeof uncounted, Leaf["path"]] {
  const kind = kinds[first];
  return kind === undefined ? ["pod", [first, ...rest]] : [kind, rest.slice(1)];
}

function isBelow(listed: string, path: Leaf["path"]): boolean {
  return listed.split(".").every((name, place) => path[place] === name || path[place] === "*");
}

/** The leaf with keys in the maps that it is in: those that the list has, and others. */
const named = (leaf: Leaf): fc.Arbitrary<Leaf> =>
  fc
    .constantFrom("cpu", "memory", "ephemeral-storage", "example.com/gpu", "a")
    .map((key) => ({ ...leaf, path: leaf.path.map((name) => (name === "*" ? key : name)) }));

const twoOf = (leaf: Leaf) =>
  fc.uniqueArray(leaf.values, { minLength: 2, maxLength: 2, comparator: "IsStrictlyEqual" });

describe("a key and the PodSpec of the API server's OpenAPI", () => {
  test(`every leaf changes the key or stands in the list, in ${cases} cases`, async ({ shared }) => {
    const leaves = await leavesOfPods(shared);
    expect(leaves.length).toBeGreaterThan(500);
    const any = fc.constantFrom(...leaves).chain(named);
    const others = fc.array(
      any.chain((leaf) => fc.tuple(fc.constant(leaf), leaf.values)),
      { maxLength: 4 },
    );
    // A default that only Pods get would be the same as its absence.
    const base: object = { enableServiceLinks: true, containers: [{ name: "main", image: "busybox:1.36" }] };
    for (const leaf of leaves) {
      const drawn = named(leaf).chain((one) => fc.tuple(fc.constant(one), twoOf(one)));
      const property = fc.property(drawn, others, ([one, values], more) => {
        const around = more.reduce((made, [other, value]) => withLeaf(made, other, value), base);
        const without = withLeaf(around, one);
        const isAbsent = !one.isRequired && at(without, one.path) === undefined;
        const specs = [
          ...values.map((value) => withLeaf(around, one, value)),
          ...(isAbsent ? [without] : []),
        ];
        const [kind, path] = placeOf(one.path);
        const isListed = Object.keys(uncounted[kind]).some((listed) => isBelow(listed, path));
        expect(new Set(specs.map(keyOf)).size, one.path.join(".")).toBe(isListed ? 1 : specs.length);
      });
      fc.assert(property, { numRuns: Math.ceil(cases / leaves.length) });
    }
  });

  // An older version lacks some of the fields.
  test.skipIf(minor < 36)("the list has nothing that a Pod does not have", async ({ shared }) => {
    const places = (await leavesOfPods(shared)).map(({ path }) => placeOf(path));
    for (const kind of ["pod", "container", "volume"] as const)
      for (const listed of Object.keys(uncounted[kind]))
        expect(
          places.some(([of, path]) => of === kind && isBelow(listed, path)),
          listed,
        ).toBe(true);
  });
});

/** Much of what the API server has defaults for. */
const short = {
  restartPolicy: "Never",
  serviceAccountName: "default",
  securityContext: { runAsUser: 1000 },
  initContainers: [{ name: "init", image: `x@${digest("a")}`, command: ["true"] }],
  containers: [
    {
      ...{ name: "main", image: `x@${digest("b")}`, ports: [{ containerPort: 80 }] },
      livenessProbe: { httpGet: { port: 80 } },
      lifecycle: { postStart: { httpGet: { port: 80 } }, preStop: { exec: { command: ["true"] } } },
      resources: { limits: { cpu: "1000m", memory: "1024Mi", "example.com/gpu": "1" } },
      env: [
        { name: "A", value: "" },
        { name: "SAMPLE", valueFrom: { fieldRef: { fieldPath: "metadata.labels['sample']" } } },
        { name: "SPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
        { name: "LIMIT", valueFrom: { resourceFieldRef: { resource: "limits.memory" } } },
        { name: "REQUEST", valueFrom: { resourceFieldRef: { resource: "requests.cpu" } } },
      ],
      volumeMounts: [{ name: "files", mountPath: "/files" }],
    },
  ],
  volumes: [
    { name: "more", emptyDir: {} },
    { name: "files", downwardAPI: { items: [{ path: "a", fieldRef: { fieldPath: "metadata.namespace" } }] } },
    { name: "token", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
  ],
} satisfies V1PodSpec;

describe("a key of what the API server stores", () => {
  const metadata = { name: "x", labels: { sample: "a" } };
  const stored = <T>(client: KubeClient, kind: "pods" | "jobs", body: object) =>
    client.request<T>({
      method: "POST",
      path: pathOf(resources[kind], { namespace: "default" }),
      query: { dryRun: "All", fieldValidation: "Strict" },
      body,
    });
  const pod = (client: KubeClient, spec: object) =>
    stored<V1Pod>(client, "pods", { apiVersion: "v1", kind: "Pod", metadata, spec });
  const job = (client: KubeClient, spec: object) =>
    stored<V1Job>(client, "jobs", {
      ...{ apiVersion: "batch/v1", kind: "Job", metadata },
      spec: { suspend: true, template: { metadata: { labels: metadata.labels }, spec } },
    });

  test.for([
    ["a plain Pod", {}],
    ["one in the host's network", { hostNetwork: true }],
    ["one without service links", { enableServiceLinks: false }],
  ] as const)(
    "does not depend on defaults that are written out, nor on the kind: %s",
    async ([, more], { shared }) => {
      const spec = { ...short, ...more };
      const first = await pod(shared, spec);
      const long = first.spec ?? {};
      expect(JSON.stringify(long).length).toBeGreaterThan(1.5 * JSON.stringify(spec).length);
      const template = (await job(shared, spec)).spec?.template.spec ?? {};
      const pods = [first, await pod(shared, long), await pod(shared, template)];
      const jobs = [await job(shared, spec), await job(shared, long)];
      const parts = [...pods, ...jobs].map((object) => keyFor(stepOf(object)).parts);
      for (const other of parts) expect(differences(parts[0], other)).toEqual([]);
      const another = keyFor(stepOf(await pod(shared, { ...spec, hostIPC: true })));
      expect(differences(parts[0], another.parts)).toEqual(["pod.hostIPC is new"]);
    },
  );
});
