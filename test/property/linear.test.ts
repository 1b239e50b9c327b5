import type { V1PodSpec } from "@kubernetes/client-node";
import { applyPatch } from "rfc6902";
import { describe, expect, it } from "vitest";
import { names } from "../../schema/names.ts";
import { annotations } from "../../src/annotations/table.ts";
import type { AdmissionRequest, Answers } from "../../src/injection/admission-types.ts";
import { usageOfPod } from "../../src/injection/usage.ts";
import { createQueue } from "../../src/kube/queue.ts";
import { writeReview } from "../../src/webhook/review.ts";
import { type Field, fieldsOf, withField } from "../support/fields.ts";
import {
  type Content,
  findGrowth,
  hostileTexts,
  hostileWords,
  longestAnswer,
  series,
} from "../support/growth.ts";
import { admit, createRequest } from "../support/pods.ts";

/**
 * FAULTS sec-01. The API server bounds an object that it sends to a webhook by its request's size alone: whatever is
 * smaller is only looked at after admission.
 */
const largestObject = 3 * 1024 * 1024;
/** More than this the webhook refuses by itself. */
const largestAnnotations = 255 * 1024;
/** What images and objects of the cluster say has other bounds, far below. */
const largestAnswer = 64 * 1024;
/** Characters that an item of a list takes in JSON: fewer than most do. */
const leastItem = 150;

type Path = Field["path"];
/** A request whose object has some fields replaced. */
type Scene = (...fields: readonly (readonly [Path, unknown])[]) => AdmissionRequest;

const limits = { cpu: "1", memory: "1Gi", "ephemeral-storage": "1Gi" };
const main = { name: "main", image: "main", command: ["x"], workingDir: "/w", resources: { limits } };
const metadata = {
  annotations: { [annotations["input-uri"].key]: "a/b:c", [annotations["output-uri"].key]: "d/e:f" },
};
const spec = { containers: [main] };
const pod = { kind: "Pod", metadata, spec };
const job = { kind: "Job", metadata, spec: { template: { metadata: {}, spec } } };
const bare = withField(pod, ["spec", "containers", 0, "command"], []);

const replaced = <T>(object: T, fields: readonly (readonly [Path, unknown])[]): T =>
  fields.reduce((changed, [path, value]) => withField(changed, path, value), object);

const create =
  (object: { kind: string }): Scene =>
  (...fields) =>
    createRequest(replaced(object, fields));

/** An injected object is applied again: the container's command is the author's. */
function update(object: { kind: string }, container: Path): Scene {
  const stored = structuredClone(object);
  const verdict = admit(createRequest(object));
  if (verdict.kind === "allowed") applyPatch(stored, [...(verdict.patch ?? [])]);
  const applied = withField(stored, [...container, "command"], main.command);
  return (...fields) => ({
    ...createRequest(replaced(applied, fields)),
    operation: "UPDATE",
    oldObject: replaced(stored, fields),
  });
}

const known: Answers = {
  images: new Map([["main", { program: { entrypoint: ["e"], cmd: ["c"] } }]]),
  // One of each kind, so that all that is done for them is done for what was submitted.
  limitRanges: [
    {
      metadata: { name: "policy" },
      spec: {
        limits: [
          {
            type: "Container",
            default: limits,
            defaultRequest: limits,
            min: { cpu: "1m" },
            max: limits,
            maxLimitRequestRatio: { cpu: "2", memory: "2" },
          },
          { type: "Pod", max: { cpu: "100", memory: "100Gi" }, maxLimitRequestRatio: { cpu: "2" } },
        ],
      },
    } as NonNullable<Answers["limitRanges"]>[number],
  ],
};

/** All that the webhook does between parsing and sending. */
function answer(request: AdmissionRequest, answers = known): string {
  return writeReview(request.uid, admit(request, answers));
}

/** Whether anything depends on a field: something that notes each use stands there once. */
function isRead(scene: Scene, path: Path, value: unknown): boolean {
  let used = false;
  const note = () => {
    used = true;
    return undefined;
  };
  const spy = new Proxy((Array.isArray(value) ? [] : {}) as object, {
    get: note,
    has: () => note() ?? false,
    ownKeys: () => note() ?? [],
    getOwnPropertyDescriptor: note,
  });
  try {
    return answer(scene([path, spy])) !== answer(scene([path, value])) || used;
  } catch {
    return true;
  }
}

/** Keys that somebody reads in the maps of an object. */
const keys = Object.values(annotations).flatMap(({ key, list }) => (list ? [key, `${key}_1`] : [key]));
const annotationKeys = [
  ...keys,
  names.markerAnnotation,
  "kubectl.kubernetes.io/default-container",
  `${names.prefix}x`,
];
const otherKeys = [
  ...Object.keys(limits),
  "kubernetes.io/arch",
  "kubernetes.io/os",
  "batch.kubernetes.io/job-name",
];
const isAnnotations = (path: Path) => path.includes("annotations");

const list =
  (texts: readonly string[], word: (index: number) => string): Content =>
  (count) =>
    Array.from({ length: count }, (_, i) =>
      texts.length === 0 ? word(i) : Object.fromEntries(texts.map((text) => [text, word(i)])),
    );

const map =
  (key: string, value: (index: number) => string): Content =>
  (count) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [i === 0 ? key : `${key}_${i}`, value(i)]));

const scenes: readonly { name: string; type: string; scene: Scene }[] = [
  { name: "created Pod without a command", type: "V1Pod", scene: create(bare) },
  { name: "created Job", type: "V1Job", scene: create(job) },
  { name: "updated Job", type: "V1Job", scene: update(job, ["spec", "template", "spec", "containers", 0]) },
];

interface Case {
  readonly name: string;
  readonly scene: Scene;
  readonly field: Field;
}

/** Every list or every map of the objects, where anything depends on it. */
function cases(kind: "list" | "map", sample: (field: Field) => unknown): Case[] {
  const all = scenes.flatMap(({ name, type, scene }) =>
    fieldsOf(type)
      .filter((field) => field.kind === kind && isRead(scene, field.path, sample(field)))
      .map((field) => ({ name: `${name}: ${field.path.join(".")}`, scene, field })),
  );
  expect(all.length).toBeGreaterThan(scenes.length);
  return all;
}

/** What grows too fast; the content is described by a small one. */
function growth(
  name: string,
  scene: Scene,
  paths: readonly Path[],
  content: Content,
  largest: number,
): string[] {
  const request = (size: number) => {
    const value = content(size);
    return scene(...paths.map((path) => [path, value] as const));
  };
  const requests = series(request, largest);
  const work = (value: unknown) => answer(value as AdmissionRequest);
  const found = findGrowth(requests, work) ?? tooLong(requests.values.at(-1), work);
  return found ? [`${name} of ${JSON.stringify(content(4)).slice(0, 120)}: ${found}`] : [];
}

/** Whether an answer is longer than its review allows, in words. */
function tooLong(value: unknown, work: (value: unknown) => string): string | undefined {
  const [review, { length }] = [jsonLength(value), work(value)];
  return length > longestAnswer(review) ? `an answer of ${length} to a review of ${review}` : undefined;
}

/**
 * About how many characters a value has as JSON. A text that is in it hundreds of times is measured once: written out, it
 * may be longer than V8 lets a text be.
 */
function jsonLength(value: unknown, known = new Map<string, number>()): number {
  if (typeof value === "string") {
    const length = known.get(value) ?? JSON.stringify(value).length;
    known.set(value, length);
    return length;
  }
  if (typeof value !== "object" || value === null) return String(value).length;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + jsonLength(item, known) + 1, 1);
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return entries.reduce((sum, [key, item]) => sum + key.length + 4 + jsonLength(item, known), 1);
}

describe("what measures growth", () => {
  it("a value is as long as its JSON, and may have a text more often than can be written out", () => {
    const value = { a: ["x\u0000", 1, null, true, { b: undefined, c: "é" }], d: { e: "" } };
    expect(Math.abs(jsonLength(value) - JSON.stringify(value).length)).toBeLessThan(8);
    const text = "\u0000".repeat(2 ** 20);
    expect(jsonLength(Array(200).fill(text))).toBeGreaterThan(200 * 6 * 2 ** 20);
  });

  it.each([
    ["a pattern that is tried at each place", (text: string) => text.replace(/\/+$/, "")],
    [
      "a list that is searched for each item",
      (text: string) => [...text].map((_, i, all) => all.includes("?", i)),
    ],
  ])("finds %s", (_, work) => {
    const slashes = (size: number) => `${"/".repeat(size)}!`;
    expect(findGrowth(series(slashes, 15_000), (text) => work(text as string))).toMatch(/ms/);
  });
});

describe("sec-01: the work of admission is linear in", () => {
  it("every text of a Pod or a Job", () => {
    const found = scenes.flatMap(({ name, type, scene }) => {
      const paths = fieldsOf(type).flatMap(({ path, kind }): Path[] => {
        if (kind === "string") return [path];
        return kind === "map" && !isAnnotations(path) ? otherKeys.map((key) => [...path, key]) : [];
      });
      expect(paths.length).toBeGreaterThan(500);
      return hostileTexts.flatMap((content) => {
        // All at once; which one it is is only asked when one is found.
        if (growth(name, scene, paths, content, largestObject).length === 0) return [];
        const culprits = paths.flatMap((path) =>
          growth(`${name}: ${path.join(".")}`, scene, [path], content, largestObject),
        );
        return culprits.length > 0 ? culprits : [`${name}: several fields together`];
      });
    });
    expect(found).toEqual([]);
  });

  it("the value of every annotation", () => {
    const found = scenes.flatMap(({ name, scene }) =>
      annotationKeys.flatMap((key) =>
        hostileTexts.flatMap((content) =>
          growth(`${name}: ${key}`, scene, [["metadata", "annotations", key]], content, largestAnnotations),
        ),
      ),
    );
    expect(found).toEqual([]);
  });

  it("the value of an annotation that is longer than all may be", () => {
    const found = annotationKeys.flatMap((key) =>
      growth(key, create(pod), [["metadata", "annotations", key]], hostileTexts[0] as Content, largestObject),
    );
    expect(found).toEqual([]);
  });

  it("every list", () => {
    const found = cases("list", ({ texts }) => list(texts, String)(2)).flatMap((each) => {
      const { texts } = each.field;
      const largest = largestObject / (leastItem * Math.max(1, texts.length / 2));
      return hostileWords.flatMap((word) =>
        growth(each.name, each.scene, [each.field.path], list(texts, word), largest),
      );
    });
    expect(found).toEqual([]);
  });

  it("every map", () => {
    const found = cases("map", () => ({ a: "x" })).flatMap((each) => {
      const { path } = each.field;
      if (!isAnnotations(path)) {
        return growth(each.name, each.scene, [path], map("a", String), largestObject / leastItem);
      }
      return annotationKeys.flatMap((key) => {
        const { example = "x" } = Object.values(annotations).find((one) => one.key === key) ?? {};
        const largest = largestAnnotations / (key.length + 4 + example.length);
        return growth(
          `${each.name}, ${key}`,
          each.scene,
          [path],
          map(key, () => example),
          largest,
        );
      });
    });
    expect(found).toEqual([]);
  });

  it("every two lists or maps that grow together", () => {
    const at = (...path: Path): Path => ["spec", ...path];
    const named = (i: number) => `w${i}`;
    const containers = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ name: named(i), command: ["x"] }));
    const key = (name: keyof typeof annotations, value: (i: number) => string) =>
      map(annotations[name].key, value);
    const growers: readonly (readonly [Path, Content])[] = [
      [at("containers"), containers],
      [at("initContainers"), containers],
      [at("volumes"), list(["name"], (i) => (i === 0 ? names.shareVolume : `${names.shareVolume}-${i}`))],
      [
        at("containers", 0, "volumeMounts"),
        list(["name", "mountPath"], (i) => (i === 0 ? names.sharePath : `${names.sharePath}-${i}`)),
      ],
      [at("containers", 0, "env"), list(["name", "value"], named)],
      [at("imagePullSecrets"), list(["name"], named)],
      [["metadata", "annotations"], key("input-uri", (i) => `a/b:${i}`)],
      [["metadata", "annotations"], key("container", named)],
      [["metadata", "annotations"], key("output-path", () => "$(POD_NAME)")],
      [["metadata", "annotations"], map(`${names.prefix}unknown`, named)],
    ];
    const scene = create(pod);
    const found = growers.flatMap(([path, content], i) =>
      growers.slice(i + 1).flatMap(([otherPath, other]) => {
        const both = (size: number) => [content(size), other(size)];
        const work = (value: unknown) => {
          const [first, second] = value as [object, object];
          const one = path.join() === otherPath.join();
          return answer(
            one ? scene([path, { ...first, ...second }]) : scene([path, first], [otherPath, second]),
          );
        };
        const values = series(both, largestAnnotations / 160);
        const found = findGrowth(values, work) ?? tooLong(values.values.at(-1), work);
        return found ? [`${path.join(".")} and ${otherPath.join(".")}: ${found}`] : [];
      }),
    );
    expect(found).toEqual([]);
  });

  it("what LimitRanges and images say", () => {
    const request = createRequest(pod);
    const range = (item: object): Answers => ({
      limitRanges: [{ spec: { limits: [{ type: "Container", ...item }] } }],
    });
    const answers: ((text: string) => Answers)[] = [
      ...fieldsOf("V1LimitRangeItem")
        .filter(({ kind }) => kind === "map")
        .flatMap(({ path }) =>
          Object.keys(limits).map((key) => (text: string) => range(withField({}, [...path, key], text))),
        ),
      (text) => ({ images: new Map([["main", { program: { entrypoint: [text], cmd: [text] } }]]) }),
      (text) => ({ images: new Map([["main", { unknown: text }]]) }),
      (text) => ({ cache: { spec: { deploy: false, registry: text } } as Answers["cache"] }),
    ];
    const texts = hostileTexts.flatMap((content) => {
      const values = series(content, largestAnswer);
      return answers.flatMap(
        (make) => findGrowth(values, (text) => answer(request, make(text as string))) ?? [],
      );
    });
    const items = (count: number) =>
      Array.from({ length: count }, () => ({ type: "Container", max: limits, min: limits }));
    const many = findGrowth(series(items, largestObject / leastItem), (value) =>
      answer(request, {
        limitRanges: [{ spec: { limits: value } } as NonNullable<Answers["limitRanges"]>[number]],
      }),
    );
    expect([...texts, ...(many ? [many] : [])]).toEqual([]);
  });
});

/** An object may have tens of thousands of them, and each may name a resource that no other has. */
it("what init containers need, each of a resource of another name", () => {
  const content: Content = (size) => ({
    containers: [],
    initContainers: Array.from({ length: size }, (_, i) => ({
      name: "a",
      restartPolicy: "Always",
      resources: { limits: { [`r${i}`]: "1" } },
    })),
  });
  expect(findGrowth(series(content, 21_000), (pod) => usageOfPod(pod as V1PodSpec))).toBeUndefined();
});

/** A new leader looks at each Pod that it knows, and that may be tens of thousands. */
it.each([
  ["one namespace", () => "one"],
  ["as many namespaces", (i: number) => `n${i}`],
])("keys that wait in a queue, of %s", (_, namespace) => {
  const settings = {
    workers: 8,
    parts: 2,
    onError: () => {},
    process: () => new Promise<undefined>(() => {}),
  };
  const content: Content = (size) => Array.from({ length: size }, (_, i) => `${namespace(i)}/${i}`);
  const add = (keys: unknown) => (keys as string[]).forEach(createQueue(settings).add);
  expect(findGrowth(series(content, 15_000), add)).toBeUndefined();
});
