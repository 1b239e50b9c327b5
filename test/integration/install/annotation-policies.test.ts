import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { annotations } from "../../../generated/annotations.ts";
import { names } from "../../../schema/names.ts";
import { findMisplaced } from "../../../src/workload/misplaced.ts";
import {
  type Place,
  places,
  sentences,
  writtenAnnotations,
  writtenLabels,
} from "../../../src/workload/places.ts";
import { type ControlPlane, startControlPlane } from "../../support/control-plane.ts";
import { foreignCrd } from "../../support/foreign-crd.ts";
import { objectOf } from "../../support/places.ts";
import { kubectl } from "../../support/programs.ts";
import { until } from "../../support/wait.ts";

let plane: ControlPlane;

beforeAll(async () => {
  plane = await startControlPlane();
  await run(["apply", "-f", "-"], await readFile("config/policies/annotations.yaml", "utf8"));
  // The policies name JobSets before there are any.
  const jobSets = foreignCrd({ group: "jobset.x-k8s.io", version: "v1alpha2", kind: "JobSet" });
  await run(["apply", "-f", "-"], jobSets);
  const labelled = (place: Place) => objectOf(place, "metadata", { labels: { [key("debug")]: "x" } });
  for (const place of places) {
    await until(async () => (await created(labelled(place))).length > 0, `warnings about ${place.kind}s`);
  }
});

afterAll(() => plane?.stop());

const key = (name: string) => `${names.prefix}${name}`;
const uri = annotations["output-uri"].key;
const isMaker = ({ read }: Place) => !read.includes("metadata");

function run(args: readonly string[], input: string | object) {
  return kubectl(plane.kubeconfig, args, typeof input === "string" ? input : JSON.stringify(input));
}

/** What kubectl prints behind the name of the policy. */
function warnings(stderr: string): string[] {
  return stderr
    .split("\n")
    .filter((line) => line.startsWith("Warning: "))
    .map((line) => line.replace(/^.*with binding '(oras-annotations-[a-z-]+)': /, "$1: "))
    .map((line) =>
      line.replace(/ (\S+), (\S+): /, (_, ...keys: string[]) => ` ${keys.slice(0, 2).sort().join(", ")}: `),
    );
}

/** The warnings at the creation of an object, which does not stay. */
async function created(object: object): Promise<string[]> {
  return warnings((await run(["create", "--dry-run=server", "-f", "-"], object)).stderr);
}

async function refusal(object: object, ...args: string[]): Promise<string> {
  return run([...(args.length > 0 ? args : ["create", "--dry-run=server"]), "-f", "-"], object).then(
    ({ stderr }) => `accepted ${stderr}`,
    (error: Error) => error.message,
  );
}

/** What findMisplaced says, as the policies put it: one line for all keys that the same is true of. */
function expected(object: object): string[] {
  const lines = new Map<string, string[]>();
  for (const { path, message } of findMisplaced(object)) {
    const [, found = ""] = /\[("[^"]*")\]$/.exec(path) ?? [];
    lines.set(message, [...(lines.get(message) ?? []), JSON.parse(found) as string]);
  }
  return [...lines].map(
    ([message, keys]) => `oras-annotations-without-effect: ${keys.sort().join(", ")}: ${message}`,
  );
}

describe.each(places.map((place: Place) => ({ kind: place.kind, place })))("$kind", ({ place }) => {
  const read = place.read.map((path) => ({ path }));

  test.each(read)(
    "annotations in $path, numbered ones too, are read and no word is said",
    async ({ path }) => {
      const map = {
        [uri]: "a/b:c",
        [key("input-uri_12")]: "a/b:c",
        "example.com/output-uri": "x",
        "fedoras.example.com/input-uri": "x",
        "oras.land/debug": "x",
      };
      expect(await created(objectOf(place, path, { annotations: map }))).toEqual([]);
    },
  );

  test.each([["output-uri"], ["input-uri_1"], ["no-such-name"]])(
    "inj-10: %s on the object itself is warned about where it is not read",
    async (name) => {
      const object = objectOf(place, "metadata", { annotations: { [key(name)]: "a/b:c" } });
      expect(await created(object)).toEqual(expected(object));
      expect(expected(object)).toHaveLength(isMaker(place) ? 1 : 0);
    },
  );

  test.each(["metadata", ...place.read].map((path) => ({ path })))(
    "I1: labels and mistyped prefixes in $path are warned about",
    async ({ path }) => {
      for (const prefix of [
        names.prefix.replace("github.io", "io"),
        names.prefix.replace("github.io", "github.com"),
        names.prefix.replace("/", ".x/"),
      ]) {
        const wrong = `${prefix}output-uri`;
        for (const metadata of [{ annotations: { [wrong]: "a/b:c" } }, { labels: { [wrong]: "x" } }]) {
          const object = objectOf(place, path, metadata);
          const said = await created(object);
          expect(said).toEqual(expected(object));
          expect(said).toHaveLength(1);
        }
      }
      for (const alike of [
        `${names.group}/input-uri`,
        "oras-operator.converged-computing.github.io/Output-Path_1",
        "oras/oras-cache",
      ]) {
        const object = objectOf(place, path, { annotations: { [alike]: "a/b:c" } });
        expect(await created(object)).toEqual(expected(object));
        expect(expected(object)).toHaveLength(1);
      }
      const upper = objectOf(place, path, { annotations: { [uri.toUpperCase()]: "a/b:c" } });
      expect(await created(upper)).toEqual(expected(upper));
      const label = objectOf(place, path, { labels: { [uri]: "x", [key("debug")]: "true" } });
      expect(await created(label)).toEqual(expected(label));
    },
  );

  test("what the operator writes itself is not told, nor what a controller copied", async () => {
    const fill = (keys: readonly string[]) => Object.fromEntries(keys.map((each) => [each, "x"]));
    const written = { annotations: fill(writtenAnnotations), labels: fill(writtenLabels) };
    for (const path of ["metadata", ...place.read])
      expect(await created(objectOf(place, path, written))).toEqual([]);
    const owner = { apiVersion: "apps/v1", kind: "Deployment", name: "x", uid: "1", controller: true };
    const copied = { annotations: { [uri]: "a/b:c" }, ownerReferences: [owner] };
    expect(await created(objectOf(place, "metadata", copied))).toEqual([]);
  });

  if (isMaker(place)) {
    test.each(
      read.flatMap(({ path }) =>
        ["outptu-uri", "debug_1", "input-uri_01", "Output-Uri"].map((name) => ({ path, name })),
      ),
    )("$name in $path is refused at creation", async ({ path, name }) => {
      const said = await refusal(
        objectOf(place, path, { annotations: { [key(name)]: "x", [uri]: "a/b:c" } }),
      );
      expect(said).toContain("ValidatingAdmissionPolicy 'oras-annotations-unknown'");
      expect(said).toContain(`${key(name)}: no such annotation; known are input-uri, output-uri`);
      expect(said).toContain("Correct or remove it; if an earlier revision or a backup has it");
      expect(said).not.toContain(uri);
    });

    test.each(read)(
      "an unknown name that was in $path before is warned about, a new one refused",
      async ({ path }) => {
        const with_ = (...unknown: string[]) =>
          objectOf(place, path, { annotations: Object.fromEntries(unknown.map((name) => [key(name), "x"])) });
        // A component of Kubernetes may bring it in: so a Deployment of before gets its ReplicaSets.
        const asComponent = ["--as=system:kube-controller-manager", "--as-group=system:masters"];
        await run(["create", "-f", "-", ...asComponent], with_("old"));
        try {
          const { stderr } = await run(
            ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"],
            {
              ...with_("old"),
              metadata: { name: "x", annotations: { changed: "yes" } },
            },
          );
          expect(warnings(stderr)).toEqual([
            expect.stringContaining(`oras-annotations-still-unknown: ${key("old")}: no such annotation`),
          ]);
          const said = await refusal(
            with_("old", "new"),
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
          );
          expect(said).toContain(`${key("new")}: no such annotation`);
          expect(said).toContain("'oras-annotations-unknown'");
          const removed = await run(["replace", "--dry-run=server", "-f", "-"], with_());
          expect(warnings(removed.stderr)).toEqual([]);
        } finally {
          await run(["delete", "--wait=false", "-f", "-"], with_());
        }
      },
    );
  } else {
    test("inj-11: annotations that are added, changed or removed after the creation are warned about", async () => {
      const before = { [uri]: "a/b:c", [key("debug")]: "true", [names.markerAnnotation]: "1" };
      await run(["create", "-f", "-"], objectOf(place, "metadata", { annotations: before }));
      const annotate = async (...changes: string[]) =>
        warnings(
          (await run(["annotate", "--overwrite", "--dry-run=server", place.resource, "x", ...changes], ""))
            .stderr,
        );
      const told = (...keys: string[]) => [
        `oras-annotations-changed-too-late: ${keys.map(key).join(", ")}: ${sentences.changed.replaceAll("{kind}", place.kind)}`,
      ];
      try {
        expect(await annotate(`${key("output-path")}=/x`)).toEqual(told("output-path"));
        expect(await annotate(`${uri}=CHANGED`)).toEqual(told("output-uri"));
        expect(await annotate(`${key("debug")}-`)).toEqual(told("debug"));
        expect(await annotate(`${key("no-such-name")}=x`)).toEqual(told("no-such-name"));
        expect(await annotate(`${names.markerAnnotation}=2`, `${key("gate")}=x`, "example.com/a=b")).toEqual(
          [],
        );
        expect(await annotate(`${uri}=a/b:c`)).toEqual([]);
      } finally {
        await run(["delete", "--wait=false", "--grace-period=0", "-f", "-"], objectOf(place));
      }
    });
  }
});

describe("steps that wait for their inputs", () => {
  const live = ["wait-for-inputs=false", "wait-timeout=1h", "on-producer-failure=fail", "memoize=off"];
  const waits = { [key("wait-for-inputs")]: "true", [key("wait-timeout")]: "60s" };
  const stepOf = (kind: string) => places.find((place) => place.kind === kind) as Place;
  const held = { labels: { [names.waitingLabel]: "true" } };

  test.each<[string, string, object, string]>([
    ["a Pod that waits", "Pod", held, "nothing"],
    ["a suspended Job", "Job", { ...held, annotations: { [names.gateAnnotation]: "suspend" } }, "nothing"],
    ["a Job whose Pods wait", "Job", { annotations: { [names.gateAnnotation]: "pod" } }, "nothing"],
    ["a Pod that has started", "Pod", { labels: { [names.waitingLabel]: "false" } }, "all"],
    ["a Job that has started", "Job", { annotations: { [names.gateAnnotation]: "suspend" } }, "all"],
    ["a Pod that never waited", "Pod", {}, "all"],
  ])("of %s %s: what is told of a change", async (_, kind, metadata, what) => {
    const place = stepOf(kind);
    const annotations = { ...waits, ...(metadata as { annotations?: object }).annotations };
    const object = objectOf(place, "metadata", { ...metadata, annotations });
    await run(["create", "-f", "-"], object);
    const annotate = async (...changes: string[]) =>
      warnings(
        (await run(["annotate", "--overwrite", "--dry-run=server", place.resource, "x", ...changes], ""))
          .stderr,
      );
    try {
      const told = await annotate(...[...live, "debug=true"].map(key));
      expect(told).toHaveLength(1);
      for (const name of ["wait-for-inputs", "wait-timeout", "on-producer-failure", "memoize"])
        expect(told[0]?.includes(key(name))).toBe(what === "all");
      expect(told[0]).toContain(key("debug"));
      expect(await annotate(`${key("wait-timeout")}-`)).toHaveLength(what === "all" ? 1 : 0);
    } finally {
      await run(["delete", "--wait=false", "--grace-period=0", "-f", "-"], object);
    }
  });

  test.each(places.filter(({ group }) => group === "apps").map((place) => ({ kind: place.kind, place })))(
    "in the template of a $kind stop a rollout",
    async ({ place }) => {
      const wait = key("wait-for-inputs");
      const [path] = place.read;
      expect(await created(objectOf(place, path, { annotations: { [wait]: "true" } }))).toEqual([
        `oras-annotations-waits-in-rollout: ${wait}: ${sentences.rollout}`,
      ]);
      expect(await created(objectOf(place, path, { annotations: { [wait]: "false" } }))).toEqual([]);
    },
  );
});

describe("a CronJob whose Jobs wait without an end", () => {
  const place = places.find(({ kind }) => kind === "CronJob") as Place;
  const wait = key("wait-for-inputs");
  const told = [`oras-annotations-waits-at-each-tick: ${wait}: ${sentences.ticks}`];

  test.each<[string, object, object, string[]]>([
    ["is warned of", {}, {}, told],
    ["is none where another tick is skipped", {}, { concurrencyPolicy: "Forbid" }, []],
    ["is none where the one before is replaced", {}, { concurrencyPolicy: "Replace" }, []],
    ["is none where the waiting ends", { [key("wait-timeout")]: "1h" }, {}, []],
    ["is none where nothing waits", { [wait]: "false" }, {}, []],
  ])("%s", async (_, more, spec, says) => {
    for (const path of place.read) {
      const object = objectOf(place, path, { annotations: { [wait]: "true", ...more } });
      const changed = { ...object, spec: { ...(object as { spec: object }).spec, ...spec } };
      expect(await created(changed)).toEqual(says);
    }
  });
});

describe("at the largest sizes", () => {
  const deployment = places.find(({ kind }) => kind === "Deployment") as Place;
  const jobSet = places.find(({ kind }) => kind === "JobSet") as Place;
  const many = (count: number, prefix: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i.toString(36)}`, ""]));

  test("an unknown name among 900 is refused, and the message says how many there are", async () => {
    const template = "spec.template.metadata";
    const ours = { ...many(900, names.prefix) };
    expect(await refusal(objectOf(deployment, template, { annotations: ours }))).toContain("and 899 more");
    const [said] = await created(objectOf(deployment, "metadata", { annotations: ours }));
    expect(said).toContain("and 899 more: no effect");
    const among = { ...many(900, ""), [key("no-such-name")]: "x" };
    expect(await refusal(objectOf(deployment, template, { annotations: among }))).toContain(
      key("no-such-name"),
    );
  });

  test("a name under the API group is found among 900 keys of another project with oras in its name", async () => {
    const annotations = { ...many(900, "oras.land/"), [`${names.group}/input-uri`]: "x" };
    const object = objectOf(deployment, "metadata", { annotations });
    expect(await created(object)).toEqual(expected(object));
    expect(expected(object)).toHaveLength(1);
  });

  // Ten times what the policies look at. The API server itself takes many seconds for more, without any policy.
  test.each([
    ["annotations", 10_000],
    ["labels", 10_000],
  ])("%s of which there are %i pass: nobody is refused for the size of an object", async (field, count) => {
    for (const place of [deployment, jobSet]) {
      for (const path of ["metadata", ...place.read]) {
        expect(await created(objectOf(place, path, { [field]: many(count, "l") }))).toEqual([]);
      }
    }
  });

  test("40,000 annotations are answered, and refused by nobody for what CEL costs", async () => {
    const job = places.find(({ kind }) => kind === "Job") as Place;
    for (const place of [job, deployment]) {
      const said = await refusal(objectOf(place, "metadata", { annotations: many(40_000, "l") }));
      expect(said).toMatch(/^accepted/);
    }
  });

  test("a JobSet of a thousand Jobs is looked at whole", async () => {
    const object = objectOf(jobSet, jobSet.read[0], { annotations: { [key("no-such-name")]: "x" } });
    const { spec } = object as { spec: { replicatedJobs: object[] } };
    const [first = {}, second = {}] = spec.replicatedJobs;
    spec.replicatedJobs = [...Array.from({ length: 999 }, () => first), second];
    expect(await refusal(object)).toContain(key("no-such-name"));
  });
});
