import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KeptReason, Manifest, Plan, Policy, Remembering, Rule } from "../../../src/retention/facts.ts";
import { planOf } from "../../../src/retention/plan.ts";
import { keepList, type Selection, selectionOf } from "../../../src/retention/uses.ts";
import type { Circumstances } from "../../../src/retention/verdicts.ts";

const now = Date.parse("2026-11-26T12:00:00Z");
const hour = 3_600_000;
const day = 24 * hour;
const digest = (name: string) => `sha256:${createHash("sha256").update(name).digest("hex")}`;
const ago = (ms: number) => new Date(now - ms).toISOString();

interface Drawn extends Partial<Omit<Manifest, "tags">> {
  readonly name: string;
  readonly ageMs?: number;
  readonly tags?: readonly (string | { name: string; ageMs: number })[];
  readonly size?: number;
}

function manifest({ name, ageMs = 10 * day, tags = [], size = 100, ...rest }: Drawn): Manifest {
  return {
    repository: "runs",
    digest: digest(name),
    pushed: ago(ageMs),
    blobs: [{ digest: digest(`blob of ${name}`), size }],
    ...rest,
    tags: tags.map((tag) =>
      typeof tag === "string"
        ? { name: tag, pushed: ago(ageMs) }
        : { name: tag.name, pushed: ago(tag.ageMs) },
    ),
  };
}

const all: Rule = { repositories: ["**"], keepYoungerThan: day };
const policy = (over: Partial<Policy> = {}): Policy => ({
  rules: [all],
  keepInputs: true,
  untaggedAfter: day,
  grace: hour,
  ...over,
});

function circumstances(over: Partial<Policy> = {}, rest: Partial<Circumstances> = {}): Circumstances {
  const none = selectionOf([]);
  return { policy: policy(over), uses: none, keep: none, pullsSince: undefined, now, ...rest };
}

const gone = ({ deletions }: Plan) =>
  deletions.flatMap(({ repository, digest: of, tags, whole }) => [
    ...tags.map(({ name }) => `${repository}:${name}`),
    ...(whole ? [`${repository}@${of}`] : []),
  ]);
const kept = (plan: Plan) =>
  Object.fromEntries(
    plan.kept.map(({ repository, tag, digest: of, reason }) => [
      `${repository}${tag ? `:${tag}` : `@${of}`}`,
      reason,
    ]),
  );

describe("rules", () => {
  it("keeps what no rule is for", () => {
    const plan = planOf(
      [manifest({ name: "a", tags: ["t"], repository: "other" })],
      circumstances({ rules: [{ ...all, repositories: ["runs/**"] }] }),
    );
    expect(plan.deletions).toEqual([]);
    expect(kept(plan)).toEqual({ "other:t": "noRule" });
  });

  it("goes by the first that names a repository", () => {
    const rules = [
      { repositories: ["a", "b"], keepLast: 5 },
      { repositories: ["*"], keepYoungerThan: hour },
    ];
    const plan = planOf(
      [
        manifest({ name: "a", tags: ["t"], repository: "a" }),
        manifest({ name: "b", tags: ["t"], repository: "c" }),
      ],
      circumstances({ rules }),
    );
    expect(kept(plan)).toEqual({ "a:t": "keepLast" });
    expect(plan.deletions).toMatchObject([
      { repository: "c", rule: 2, reason: "older than 1h", whole: true },
    ]);
  });

  it("keeps what a clock that was ahead has dated into the future, beside the last ones", () => {
    const ahead = [60 * day, 2 * hour].map((ms, i) =>
      manifest({ name: `ahead-${i}`, ageMs: -ms, tags: [`ahead-${i}`] }),
    );
    const right = manifest({ name: "right", ageMs: hour, tags: ["right"] });
    const late = manifest({ name: "late", ageMs: -60_000, tags: ["late"] });
    const rules = [{ repositories: ["**"], keepLast: 1 }];
    expect(kept(planOf([...ahead, right], circumstances({ rules })))).toEqual({
      "runs:ahead-0": "ageUnknown",
      "runs:ahead-1": "ageUnknown",
      "runs:right": "keepLast",
    });
    // Clocks that are right differ by moments.
    expect(kept(planOf([right, late], circumstances({ rules })))).toEqual({ "runs:late": "keepLast" });
  });

  it("keeps the tags that were pushed last, and those that are young", () => {
    const rules = [{ repositories: ["**"], keepLast: 2, keepYoungerThan: 3 * hour }];
    const manifests = [1, 2, 3, 4, 5].map((n) =>
      manifest({ name: `${n}`, tags: [`t${n}`], ageMs: n * hour }),
    );
    const plan = planOf(manifests, circumstances({ rules }));
    expect(kept(plan)).toEqual({ "runs:t1": "keepLast", "runs:t2": "keepLast" });
    expect(gone(plan)).toHaveLength(6);
    expect(plan.deletions[0]?.reason).toBe("not one of the last 2, older than 3h");
    const young = planOf(
      manifests,
      circumstances({ rules: [{ repositories: ["**"], keepLast: 1, keepYoungerThan: 4 * hour }] }),
    );
    expect(kept(young)).toEqual({
      "runs:t1": "keepLast",
      "runs:t2": "keepYoungerThan",
      "runs:t3": "keepYoungerThan",
    });
  });

  it("takes one tag off a manifest that has another", () => {
    const tags = [
      { name: "old", ageMs: 9 * day },
      { name: "new", ageMs: hour },
    ];
    const plan = planOf([manifest({ name: "a", tags })], circumstances());
    expect(gone(plan)).toEqual(["runs:old"]);
    expect(plan.deletions).toMatchObject([{ whole: false, digest: digest("a") }]);
  });

  it("keeps what was pulled lately, and what may have been", () => {
    const rules = [{ repositories: ["**"], keepPulledWithin: 2 * day }];
    const manifests = ["a", "b", "c"].map((name, i) =>
      manifest({ name, tags: [name], pulled: ago((i + 1) * day) }),
    );
    const known = planOf(manifests, circumstances({ rules }, { pullsSince: now - 3 * day }));
    expect(kept(known)).toEqual({ "runs:a": "keepPulledWithin" });
    expect(known.deletions).toMatchObject([2, 3].map(() => ({ reason: "not pulled within 48h" })));
    const unknown = planOf(manifests, circumstances({ rules }, { pullsSince: now - day }));
    expect(kept(unknown)).toEqual({
      "runs:a": "keepPulledWithin",
      "runs:b": "pullsUnknown",
      "runs:c": "pullsUnknown",
    });
    expect(kept(planOf(manifests, circumstances({ rules })))).toMatchObject({ "runs:c": "pullsUnknown" });
  });

  it("keeps what is too young to have been pulled", () => {
    const rules = [{ repositories: ["**"], keepPulledWithin: 2 * day }];
    const tags = [
      { name: "old", ageMs: 9 * day },
      { name: "new", ageMs: day },
    ];
    const plan = planOf([manifest({ name: "a", tags })], circumstances({ rules }, { pullsSince: 0 }));
    expect(kept(plan)).toEqual({ "runs:new": "keepPulledWithin" });
    expect(gone(plan)).toEqual(["runs:old"]);
  });

  it("takes a pull of a part for one of its index", () => {
    const rules = [{ repositories: ["**"], keepPulledWithin: 2 * day }];
    const part = manifest({ name: "part", pulled: ago(day) });
    const inner = manifest({ name: "inner", children: [part.digest] });
    const outer = manifest({ name: "outer", tags: ["t"], children: [inner.digest] });
    const other = manifest({ name: "other", tags: ["o"], inputs: [part.digest] });
    const plan = planOf([outer, inner, part, other], circumstances({ rules }, { pullsSince: 0 }));
    expect(kept(plan)).toMatchObject({ "runs:t": "keepPulledWithin" });
    expect(gone(plan)).toEqual(["runs:o", `runs@${other.digest}`]);
  });

  it("goes by pulls, too, where a tag is about what is elsewhere", () => {
    const rules = [{ repositories: ["**"], keepPulledWithin: 2 * day }];
    const signature = (pulled?: string) =>
      manifest({
        name: "s",
        tags: [`sha256-${"a".repeat(64)}.sig`],
        ...(pulled === undefined ? {} : { pulled }),
      });
    const planned = (one: Manifest, pullsSince?: number) =>
      planOf([one], circumstances({ rules }, { pullsSince }));
    expect(kept(planned(signature(ago(day)), 0))).toEqual({ [`runs@${digest("s")}`]: "keepPulledWithin" });
    expect(kept(planned(signature()))).toEqual({ [`runs@${digest("s")}`]: "pullsUnknown" });
    expect(planned(signature(ago(3 * day)), 0).deletions).toHaveLength(1);
  });
});

describe("never deleted", () => {
  const old = { name: "a", tags: ["t"] };
  it.each<[string, KeptReason, Partial<Drawn>, Partial<Circumstances>]>([
    ["an input of a step", "inUse", {}, { uses: selectionOf(["runs:t"]) }],
    ["an input with a variable", "inUse", {}, { uses: selectionOf(["runs:$(POD_NAME)"]) }],
    ["a digest that is pinned", "inUse", {}, { uses: selectionOf([`runs@${digest("a")}`]) }],
    ["what its manifest says to keep", "annotation", { keep: true }, {}],
    ["what the OrasCache says to keep", "annotation", {}, { keep: keepList("runs:t") as Selection }],
    [
      "what has lost its age",
      "ageUnknown",
      { pushed: "1970-01-01T00:00:00Z", tags: [{ name: "t", ageMs: now }] },
      {},
    ],
    ["what has no age", "ageUnknown", { pushed: "", tags: [{ name: "t", ageMs: now + 1 }] }, {}],
  ])("%s", (_, reason, drawn, rest) => {
    const over = { rules: [{ ...all, keepYoungerThan: hour }] };
    const plan = planOf([manifest({ ...old, ...drawn })], circumstances(over, rest));
    expect(plan.deletions).toEqual([]);
    expect(kept(plan)).toEqual({ "runs:t": reason });
  });

  it.each([true, false])("what an index consists of, with keepInputs: %s", (keepInputs) => {
    const parts = [manifest({ name: "p1" }), manifest({ name: "p2" })];
    const index = manifest({ name: "i", tags: ["t"], ageMs: hour, children: parts.map((one) => one.digest) });
    expect(planOf([index, ...parts], circumstances({ keepInputs })).deletions).toEqual([]);
    const old = { ...index, pushed: ago(2 * day), tags: [{ name: "t", pushed: ago(2 * day) }] };
    expect(gone(planOf([old, ...parts], circumstances({ keepInputs })))).toHaveLength(4);
  });

  it("what a kept artifact was made from, in any repository and however far", () => {
    const chain = [
      manifest({ name: "1", repository: "raw", tags: ["x"] }),
      manifest({ name: "2", tags: ["y"], inputs: [digest("1")] }),
      manifest({ name: "3", tags: ["z"], inputs: [digest("2")], ageMs: hour }),
    ];
    const plan = planOf(chain, circumstances());
    expect(kept(plan)).toEqual({ "raw:x": "named", "runs:y": "named", "runs:z": "keepYoungerThan" });
    expect(gone(planOf(chain, circumstances({ keepInputs: false })))).toHaveLength(4);
  });
});

describe("what has no tag", () => {
  it("goes when it is old", () => {
    const plan = planOf(
      [manifest({ name: "a" }), manifest({ name: "b", ageMs: 23 * hour })],
      circumstances({ rules: [] }),
    );
    expect(gone(plan)).toEqual([`runs@${digest("a")}`]);
    expect(kept(plan)).toEqual({ [`runs@${digest("b")}`]: "recent" });
  });

  it("goes with what it is about, whatever its age, and its fallback tag, too", () => {
    const about = manifest({ name: "about", subject: digest("a"), ageMs: 2 * hour });
    const list = manifest({
      name: "list",
      children: [digest("about")],
      tags: [`sha256-${digest("a").slice(7)}`],
      ageMs: 2 * hour,
    });
    const signature = manifest({ name: "s", tags: [`sha256-${digest("a").slice(7)}.sig`], ageMs: 2 * hour });
    const subject = manifest({ name: "a", tags: ["t"] });
    const plan = planOf([about, list, signature, subject], circumstances());
    expect(plan.kept).toEqual([]);
    expect(plan.deletions.map(({ reason }) => reason).sort()).toEqual([
      "it goes with what it is about",
      "it goes with what it is about",
      "it goes with what it is about",
      "older than 24h",
    ]);
    const stays = manifest({ name: "a", tags: ["t"], ageMs: hour });
    expect(planOf([about, list, signature, stays], circumstances()).deletions).toEqual([]);
  });

  it("is kept as tags are where its repository does not have what its tag is about", () => {
    // cosign with COSIGN_REPOSITORY, and a tag that is the hash of something else.
    const names = [".sig", ".att", ""].map((end) => `sha256-${digest("elsewhere").slice(7)}${end}`);
    const signatures = names.map((name) => manifest({ name, repository: "signatures", tags: [name] }));
    const subject = manifest({ name: "elsewhere", tags: ["t"], ageMs: hour });
    const others = { rules: [{ ...all, repositories: ["runs"] }] };
    expect(planOf([...signatures, subject], circumstances(others)).deletions).toEqual([]);
    expect(gone(planOf(signatures, circumstances()))).toHaveLength(6);
    const rule = (over: Partial<Rule>) => circumstances({ rules: [{ repositories: ["**"], ...over }] });
    expect(gone(planOf(signatures, rule({ keepYoungerThan: 11 * day })))).toEqual([]);
    expect(gone(planOf(signatures, rule({ keepLast: 1 })))).toEqual([]);
    const lost = signatures.map((one) => ({ ...one, pushed: new Date(0).toISOString() }));
    expect(gone(planOf(lost, circumstances()))).toEqual([]);
  });

  it("is kept by its tag, as any artifact, where a step uses it or the OrasCache keeps it", () => {
    const name = `sha256-${digest("a").slice(7)}`;
    const signature = manifest({ name: "s", tags: [name] });
    const subject = manifest({ name: "a", tags: ["t"] });
    const keep = keepList(`runs:${name}`) as Selection;
    for (const of of [{ uses: selectionOf([`runs:${name}`]) }, { keep }])
      for (const manifests of [[signature], [signature, subject]])
        expect(gone(planOf(manifests, circumstances({}, of)))).not.toContain(`runs:${name}`);
  });

  it("says which indexes go before it, and up to when its repository was known", () => {
    const listed = ago(0);
    const index = manifest({ name: "i", tags: ["t"], children: [digest("p")], listed });
    const { deletions } = planOf([manifest({ name: "p", listed }), index], circumstances());
    expect(deletions).toMatchObject([
      { digest: digest("i"), listed },
      { listed, indexes: [digest("i")] },
    ]);
  });

  it("takes as many tags, children and inputs of one as a registry may have", () => {
    const many = Array.from({ length: 130_000 }, (_, i) => manifest({ name: `${i}`, blobs: [] }));
    const digests = many.map((one) => one.digest);
    const tags = digests.map((_, i) => `t${i}`);
    const most = manifest({ name: "most", tags, children: digests, inputs: digests });
    const plan = planOf([most, ...many], circumstances());
    expect(plan.deletions).toHaveLength(130_001);
  });

  it("loses the fallback tags of what goes, if it is about something else, too", () => {
    const tags = ["a", "b"].map((name) => `sha256-${digest(name).slice(7)}`);
    const plan = planOf(
      [
        manifest({ name: "list", tags }),
        manifest({ name: "a", tags: ["t"] }),
        manifest({ name: "b", tags: ["u"], ageMs: hour }),
      ],
      circumstances(),
    );
    expect(gone(plan).sort()).toEqual([`runs:${tags[0]}`, "runs:t", `runs@${digest("a")}`].sort());
  });

  it("stays in what is being pushed: its index comes later", () => {
    const old = manifest({ name: "i", tags: ["t"], children: [digest("p")] });
    const plan = planOf([old, manifest({ name: "p", ageMs: hour / 2 })], circumstances());
    expect(kept(plan)).toEqual({ [`runs@${digest("p")}`]: "recent" });
  });
});

describe("maxSize", () => {
  const ages = [5, 3, 4, 2].map((days) => ({ name: `${days}`, tags: [`${days}d`], ageMs: days * day }));
  const tagsGone = (plan: Plan) =>
    gone(plan)
      .filter((one) => /:[0-9]d$/.test(one))
      .sort();

  it("takes no more than it needs, the oldest first", () => {
    const manifests = ages.map(manifest);
    expect(planOf(manifests, circumstances({ maxSize: 400 })).deletions).toEqual([]);
    const plan = planOf(manifests, circumstances({ maxSize: 250 }));
    expect(tagsGone(plan)).toEqual(["runs:4d", "runs:5d"]);
    expect(plan.bytes).toEqual({ before: 400, after: 200 });
    expect(kept(plan)).toEqual({ "runs:3d": "maxSize", "runs:2d": "maxSize" });
  });

  it("goes by pulls, too", () => {
    const [oldest, ...others] = ages.map(manifest);
    const manifests = [{ ...oldest, pulled: ago(hour) } as Manifest, ...others];
    expect(tagsGone(planOf(manifests, circumstances({ maxSize: 250 })))).toEqual(["runs:3d", "runs:4d"]);
  });

  it("counts blobs once, and takes none that a rule keeps", () => {
    const blobs = [{ digest: digest("shared"), size: 1_000 }];
    const manifests = ages.map((one) => manifest({ ...one, blobs }));
    expect(planOf(manifests, circumstances({ maxSize: 1_000 })).deletions).toEqual([]);
    const keepsAll = circumstances({ maxSize: 1, rules: [{ repositories: ["**"], keepLast: 9 }] });
    expect(planOf(manifests, keepsAll)).toMatchObject({ deletions: [], bytes: { after: 1_000 } });
  });

  it("keeps the inputs of what stays", () => {
    const chain = [
      manifest({ name: "5", tags: ["5d"], ageMs: 5 * day }),
      manifest({ name: "2", tags: ["2d"], ageMs: 2 * day, inputs: [digest("5")] }),
      manifest({ name: "3", tags: ["3d"], ageMs: 3 * day }),
    ];
    expect(tagsGone(planOf(chain, circumstances({ maxSize: 250 })))).toEqual(["runs:3d"]);
    expect(tagsGone(planOf(chain, circumstances({ maxSize: 150 })))).toEqual([
      "runs:2d",
      "runs:3d",
      "runs:5d",
    ]);
  });
});

/** Artifacts that name those before them. */
const dags = fc
  .array(
    fc.record({
      repository: fc.constantFrom("runs", "raw", "runs/a"),
      ageMs: fc.integer({ min: 0, max: 4 * day }),
      tags: fc.array(fc.integer({ min: 0, max: 4 * day }), { maxLength: 2 }),
      links: fc.array(fc.tuple(fc.nat(), fc.constantFrom("inputs", "children", "subject", "fallback")), {
        maxLength: 3,
      }),
      rare: fc.nat({ max: 9 }),
      size: fc.nat({ max: 1_000 }),
      pulledMs: fc.option(fc.nat({ max: 5 * day }), { nil: undefined }),
    }),
    { maxLength: 25 },
  )
  .map((drawn) => {
    const made: Manifest[] = [];
    for (const [i, { repository, ageMs, tags, links, rare, size, pulledMs }] of drawn.entries()) {
      const named = links.flatMap(([n, kind]) => {
        const to = made[n % Math.max(made.length, 1)];
        return to ? [{ kind, to: to.digest }] : [];
      });
      const of = (kind: string) => named.filter((one) => one.kind === kind).map(({ to }) => to);
      const [subject] = of("subject");
      const fallback = of("fallback").map((to) => `sha256-${to.slice(7)}`);
      made.push(
        manifest({
          name: `${i}`,
          ...{ repository, size, keep: rare === 0 },
          ...(pulledMs === undefined ? {} : { pulled: ago(pulledMs) }),
          ageMs: Math.min(ageMs, ...tags),
          tags: [...tags.map((of, t) => ({ name: `t${i}-${t}`, ageMs: of })), ...new Set(fallback)],
          inputs: of("inputs"),
          children: of("children"),
          ...(subject === undefined ? {} : { subject }),
          blobs: [
            { digest: digest(`${i}`), size },
            { digest: digest(`shared ${size % 5}`), size: 10 },
          ],
        }),
      );
    }
    return made;
  });

const policies = fc.record({
  rules: fc.array(
    fc.record({
      repositories: fc.subarray(["runs", "runs/*", "raw", "**"], { minLength: 1 }),
      keepLast: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      keepYoungerThan: fc.option(fc.integer({ min: hour, max: 3 * day }), { nil: undefined }),
      keepPulledWithin: fc.option(fc.integer({ min: hour, max: 3 * day }), { nil: undefined }),
    }),
    { maxLength: 3 },
  ),
  maxSize: fc.option(fc.integer({ min: 1, max: 8_000 }), { nil: undefined }),
  keepInputs: fc.boolean(),
});

/** What is there after a plan was done. */
function remaining(manifests: readonly Manifest[], { deletions }: Plan): Manifest[] {
  return manifests.flatMap((one) => {
    const its = deletions.filter(
      ({ repository, digest: of }) => repository === one.repository && of === one.digest,
    );
    if (its.some(({ whole }) => whole)) return [];
    const taken = new Set(its.flatMap(({ tags }) => tags.map(({ name }) => name)));
    return [{ ...one, tags: one.tags.filter(({ name }) => !taken.has(name)) }];
  });
}

describe("any artifacts and any rules", () => {
  const uses = selectionOf(["runs:t3-0", "raw:t$(X)-1", `runs@${digest("5")}`]);
  const scenes = fc.tuple(dags, policies, fc.nat());
  const given = (over: Partial<Policy>) =>
    circumstances(over, { uses, keep: keepList("runs/a:t7-0") as Selection, pullsSince: now - 2 * day });
  const runs = { numRuns: 1_000 };

  /** What an artifact names, by where it is looked for. */
  const namedBy = ({ repository, children = [], inputs = [], subject }: Manifest, keepInputs: boolean) => [
    ...children.map((of) => ({ of, repository })),
    ...(keepInputs ? inputs.map((of) => ({ of, repository: undefined })) : []),
    ...(keepInputs && subject ? [{ of: subject, repository }] : []),
  ];

  it("leave nothing without what it names", () => {
    fc.assert(
      fc.property(scenes, ([manifests, over]) => {
        const left = remaining(manifests, planOf(manifests, given(over)));
        const places = (list: readonly Manifest[]) =>
          new Set(list.flatMap(({ repository, digest: of }) => [of, `${repository}@${of}`]));
        const [before, now] = [places(manifests), places(left)];
        for (const { of, repository } of left.flatMap((one) => namedBy(one, over.keepInputs))) {
          const place = repository === undefined ? of : `${repository}@${of}`;
          expect(now.has(place)).toBe(before.has(place));
        }
      }),
      runs,
    );
  });

  it("lose what names others before them", () => {
    fc.assert(
      fc.property(scenes, ([manifests, over]) => {
        const { deletions } = planOf(manifests, given(over));
        const place = new Map(deletions.map((one, i) => [`${one.repository}@${one.digest}`, i]));
        for (const one of manifests) {
          const at = place.get(`${one.repository}@${one.digest}`);
          for (const { of, repository = one.repository } of namedBy({ ...one, subject: "" }, true)) {
            const then = place.get(`${repository}@${of}`);
            // What is about another one goes after it, and so may what that was made from.
            const isAbout = manifests.some(
              ({ subject, tags }) => subject || tags.some(({ name }) => name.startsWith("sha256-")),
            );
            if (at !== undefined && then !== undefined && !isAbout) expect(at).toBeLessThan(then);
          }
        }
      }),
      runs,
    );
  });

  it("leave what is never deleted", () => {
    fc.assert(
      fc.property(scenes, ([manifests, over]) => {
        const { keep } = given(over);
        const plan = planOf(manifests, given(over));
        for (const deletion of plan.deletions) {
          const { repository, digest: of, tags } = deletion;
          const one = manifests.find((each) => each.digest === of && each.repository === repository);
          expect(one?.keep).toBe(false);
          expect(uses.hasDigest(deletion) || keep.hasDigest(deletion)).toBe(false);
          for (const tag of tags)
            expect(uses.hasTag(repository, tag.name) || keep.hasTag(repository, tag.name)).toBe(false);
        }
      }),
      runs,
    );
  });

  it("leave the last tags of each repository", () => {
    fc.assert(
      fc.property(dags, fc.integer({ min: 1, max: 4 }), (manifests, keepLast) => {
        const plan = planOf(
          manifests,
          given({ rules: [{ repositories: ["**"], keepLast }], keepInputs: false }),
        );
        for (const [repository, its] of Map.groupBy(manifests, (one) => one.repository)) {
          const tags = its.flatMap((one) => one.tags).filter(({ name }) => name.startsWith("t"));
          const last = tags.sort((a, b) => Date.parse(b.pushed) - Date.parse(a.pushed)).slice(0, keepLast);
          const oldest = Math.min(...last.map(({ pushed }) => Date.parse(pushed)));
          const lost = plan.deletions
            .filter((one) => one.repository === repository)
            .flatMap((one) => one.tags);
          for (const { name, pushed } of lost)
            if (name.startsWith("t")) expect(Date.parse(pushed)).toBeLessThanOrEqual(oldest);
        }
      }),
      runs,
    );
  });

  it("leave what was pulled lately, or may have been", () => {
    const times = fc.tuple(fc.integer({ min: hour, max: 3 * day }), fc.option(fc.nat({ max: 5 * day })));
    fc.assert(
      fc.property(dags, times, policies, (manifests, [keepPulledWithin, sinceMs], { keepInputs }) => {
        const rules = [{ repositories: ["**"], keepPulledWithin }];
        const pullsSince = sinceMs === null ? undefined : now - sinceMs;
        const plan = planOf(manifests, circumstances({ rules, keepInputs }, { pullsSince }));
        const isLate = ({ pulled, pushed }: { pulled?: string; pushed: string }) =>
          now - Date.parse(pulled ?? pushed) < keepPulledWithin;
        const lost = plan.deletions.flatMap(({ repository, digest: of, tags }) =>
          tags.filter(({ name }) => name.startsWith("t")).map((tag) => ({ repository, of, tag })),
        );
        for (const { repository, of, tag } of lost) {
          const one = manifests.find((each) => each.digest === of && each.repository === repository);
          const parts = new Set([of, ...(one?.children ?? [])]);
          const pulled = manifests.filter((each) => each.pulled && each.repository === repository);
          expect(pulled.filter(isLate).filter((each) => parts.has(each.digest))).toEqual([]);
          expect(isLate(tag)).toBe(false);
          expect(sinceMs).not.toBeNull();
          expect(sinceMs).toBeGreaterThanOrEqual(keepPulledWithin);
        }
      }),
      runs,
    );
  });

  it("make the same plan in any order, and nothing is left for a second one", () => {
    fc.assert(
      fc.property(scenes, ([manifests, over, turn]) => {
        const plan = planOf(manifests, given(over));
        const at = turn % Math.max(manifests.length, 1);
        expect(planOf([...manifests.slice(at), ...manifests.slice(0, at)].reverse(), given(over))).toEqual(
          plan,
        );
        expect(planOf(remaining(manifests, plan), given(over)).deletions).toEqual([]);
      }),
      runs,
    );
  });

  it("name each tag once: it goes or stays", () => {
    fc.assert(
      fc.property(scenes, ([manifests, over]) => {
        const plan = planOf(manifests, given(over));
        const told = [...gone(plan), ...Object.keys(kept(plan))].filter((one) => /:t[0-9]/.test(one));
        const there = manifests.flatMap(({ repository, tags }) =>
          tags.map(({ name }) => `${repository}:${name}`),
        );
        expect(told.sort()).toEqual(there.filter((one) => /:t[0-9]/.test(one)).sort());
        const left = remaining(manifests, plan).flatMap(({ blobs }) =>
          blobs.map((blob) => [blob.digest, blob.size] as const),
        );
        expect(plan.bytes.after).toBe([...new Map(left).values()].reduce((sum, size) => sum + size, 0));
      }),
      runs,
    );
  });

  it("stay within maxSize, if the rules let go enough, and the oldest went first", () => {
    fc.assert(
      fc.property(dags, policies, fc.integer({ min: 1, max: 8_000 }), (manifests, over, maxSize) => {
        const plan = planOf(manifests, given({ ...over, maxSize }));
        const spared = plan.kept.filter(({ reason, tag }) => reason === "maxSize" && tag !== undefined);
        const parts = new Set(
          plan.kept
            .filter(({ reason }) => reason !== "maxSize")
            .map((one) => `${one.repository}@${one.digest}`),
        );
        const whole = spared.filter((one) => !parts.has(`${one.repository}@${one.digest}`));
        if (whole.length > 0) expect(plan.bytes.after).toBeLessThanOrEqual(maxSize);
        const hard = planOf(manifests, given({ ...over, maxSize: undefined }));
        expect(plan.bytes.after).toBeGreaterThanOrEqual(hard.bytes.after);
        const goneThen = new Set(gone(hard));
        for (const one of gone(plan)) expect(goneThen).toContain(one);
      }),
      runs,
    );
  });
});

describe("ten thousand artifacts", () => {
  it("are looked at a few times each", () => {
    let reads = 0;
    const manifests = Array.from({ length: 10_000 }, (_, i) => {
      const one = manifest({
        name: `${i}`,
        repository: `runs/${i % 100}`,
        ageMs: i * 60_000,
        tags: [`t${i}`],
        inputs: [digest(`${i + 1}`)],
      });
      const { blobs } = one;
      return Object.defineProperty({ ...one }, "blobs", {
        get: () => {
          reads++;
          return blobs;
        },
      });
    });
    reads = 0;
    const plan = planOf(
      manifests,
      circumstances({ rules: [{ repositories: ["runs/*"], keepYoungerThan: hour }], maxSize: 250_000 }),
    );
    // The last of them were made from all others.
    expect(plan.kept).toHaveLength(10_000);
    // Each try of maxSize halves what is left to try.
    expect(reads / manifests.length).toBeLessThan(20);
  });
});

describe("results of steps that are remembered", () => {
  const memory = "oras-memo";
  const remembering: Remembering = {
    repository: memory,
    keepFor: 7 * day,
    // In these tests what the operator has written says "ours".
    openEntry: ({ said, signature }) =>
      signature === "ours" ? { key: said, output: { repository: "runs", digest: digest(said) } } : undefined,
  };
  const entry = (of: string, over: Partial<Drawn> = {}) =>
    manifest({
      ...{ name: `entry of ${of}`, repository: memory, tags: [of, `output-${of}`], size: 1 },
      ...{ memo: { said: of, signature: "ours" }, ...over },
    });
  const remembers = (over: Partial<Policy> = {}) => circumstances(over, { remembering });
  const here = (...manifests: Manifest[]) => gone(planOf(manifests, remembers()));

  it("stay for their time since the last use, though no tag names them and no rule keeps them", () => {
    const old = { ageMs: 30 * day };
    const made = manifest({ name: "made", ...old });
    const tagged = manifest({ name: "tagged", tags: ["old"], ...old });
    const entries = [entry("made", { ageMs: 6 * day }), entry("tagged", { ageMs: 6 * day })];
    const plan = planOf([made, tagged, ...entries], remembers());
    expect(plan.deletions).toEqual([]);
    expect(kept(plan)).toEqual({
      [`runs@${made.digest}`]: "named",
      "runs:old": "named",
      ...Object.fromEntries(entries.map(({ digest: of }) => [`${memory}@${of}`, "remembered"])),
    });
    // It was used a day ago: the links of its tags are new.
    const used = entry("made", { ...old, tags: [{ name: "made", ageMs: day }] });
    expect(here(made, used)).toEqual([]);
  });

  it("go after it together with their entry", () => {
    const made = manifest({ name: "made", ageMs: 30 * day, tags: ["old"] });
    const itsEntry = entry("made", { ageMs: 8 * day });
    expect(here(made, itsEntry).toSorted()).toEqual(
      [
        "runs:old",
        `runs@${made.digest}`,
        `${memory}:made`,
        `${memory}:output-made`,
        `${memory}@${itsEntry.digest}`,
      ].toSorted(),
    );
  });

  it("keep their entry as long as they stay", () => {
    const made = manifest({ name: "made", ageMs: hour, tags: ["new"] });
    expect(here(made, entry("made", { ageMs: 90 * day }))).toEqual([]);
  });

  it("are kept by no entry that the operator has not written, that was replaced, or that is elsewhere", () => {
    const made = manifest({ name: "made", ageMs: 8 * day, tags: ["old"] });
    const recently = { ageMs: 2 * hour };
    for (const other of [
      entry("made", { ...recently, memo: { said: "made", signature: "theirs" } }),
      entry("made", { ...recently, tags: ["output-made"] }),
      entry("made", { ...recently, tags: [] }),
    ]) {
      const all = here(made, other);
      expect(all).toContain("runs:old");
      expect(all).toContain(`${memory}@${other.digest}`);
    }
    const elsewhere = entry("made", { ...recently, repository: "runs", tags: ["made"] });
    expect(here(made, elsewhere)).toContain("runs:old");
    expect(gone(planOf([made, entry("made", recently)], circumstances()))).toContain("runs:old");
  });

  it("no rule is for entries, and none of them counts among the last", () => {
    const rules = [{ repositories: ["**"], keepLast: 1 }];
    const results = ["a", "b", "c"];
    const manifests = results.flatMap((name) => [
      manifest({ name, ageMs: hour }),
      entry(name, { ageMs: 90 * day }),
    ]);
    expect(gone(planOf(manifests, remembers({ rules })))).toEqual([]);
  });

  it("are the first to go where there is too little room, the one that was of use the longest time ago before others", () => {
    const spare = manifest({ name: "spare", ageMs: 40 * day, tags: ["old"], size: 100 });
    const [a, b] = ["a", "b"].map((name) => manifest({ name, ageMs: 30 * day, size: 100 }));
    const entries = [entry("a", { ageMs: 2 * day }), entry("b", { ageMs: 3 * day })];
    const left = (maxSize: number) => {
      const all = gone(planOf([spare, a, b, ...entries] as Manifest[], remembers({ maxSize })));
      return ["spare", "a", "b"].filter((name) => !all.includes(`runs@${digest(name)}`));
    };
    expect(left(302)).toEqual(["spare", "a", "b"]);
    expect(left(301)).toEqual(["spare", "a"]);
    expect(left(200)).toEqual(["spare"]);
    expect(left(99)).toEqual([]);
  });

  it("leave their entry to go when they are lost, once it is older than the grace", () => {
    const itsEntry = entry("lost", { ageMs: 2 * hour });
    expect(here(itsEntry)).toContain(`${memory}@${itsEntry.digest}`);
    expect(here(entry("lost", { ageMs: hour / 2 }))).toEqual([]);
  });
});
