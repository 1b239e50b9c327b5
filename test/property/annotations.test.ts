import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { names } from "../../schema/names.ts";
import { isAnnotated } from "../../src/annotations/map.ts";
import { parseAnnotations } from "../../src/annotations/parse.ts";
import { describeProblems } from "../../src/annotations/problems.ts";
import {
  formatReference,
  formatRegistry,
  hostIn,
  parseReference,
  parseRegistry,
  registryOf,
} from "../../src/annotations/reference.ts";
import { annotations } from "../../src/annotations/table.ts";
import { invalidAnnotations, validAnnotations, validValues as values } from "../support/arbitraries.ts";

const anyKey = fc.oneof(
  fc.string(),
  fc.string().map((s) => names.prefix + s),
  fc.constantFrom(...Object.values(annotations).map((a) => a.key)),
  fc
    .tuple(fc.constantFrom(...Object.values(annotations).map((a) => a.key)), fc.string())
    .map(([k, s]) => `${k}_${s}`),
);

describe("parsing annotations", () => {
  it("answers settings or problems for anything", () => {
    fc.assert(
      fc.property(fc.dictionary(anyKey, fc.string()), (map) => {
        const result = parseAnnotations(map);
        expect(result.ok || result.problems.length > 0).toBe(true);
      }),
    );
  });

  it("accepts every valid set", () => {
    fc.assert(
      fc.property(validAnnotations, (map) => {
        expect(parseAnnotations(map)).toMatchObject({ ok: true });
      }),
    );
  });

  it("does not depend on the order of the keys", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          validAnnotations,
          invalidAnnotations.map((i) => i.annotations),
        ),
        fc.infiniteStream(fc.nat()),
        (map, noise) => {
          const shuffled = Object.entries(map)
            .map((entry) => ({ entry, at: noise.next().value as number }))
            .sort((a, b) => a.at - b.at)
            .map(({ entry }) => entry);
          expect(parseAnnotations(Object.fromEntries(shuffled))).toEqual(parseAnnotations(map));
        },
      ),
    );
  });

  it("names every wrong key, and nothing else", () => {
    fc.assert(
      fc.property(invalidAnnotations, ({ annotations: map, keys }) => {
        const result = parseAnnotations(map);
        expect(result.ok).toBe(false);
        if (result.ok) return;
        const named = new Set(result.problems.map((p) => p.path));
        for (const key of keys) expect(named).toContain(key);
        // A wrong value may replace the valid one that gave the set its purpose, or stand beside what means nothing then.
        const consequences = new Set(["NothingToDo", "NothingToPull", "NothingToPush", "NotWithScripts"]);
        const others = result.problems.filter((p) => !consequences.has(p.code)).map((p) => p.path);
        expect(new Set(others)).toEqual(new Set(keys));
      }),
    );
  });

  it("says of a wrong reference only to write what is right", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...["a", "B", "/", "//", ":", "@", " ", "$POD_NAME", "$(POD_UID)", "oci://", "https://"],
      ),
      fc.constantFrom(...["ghcr.io", "localhost:5000", "_", "..", "-", "+", "sha256:", "é", "\ue000"]),
      fc.string({ maxLength: 3, unit: "grapheme" }),
    );
    const value = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(fc.constantFrom("input-uri", "output-uri"), value, (name, text) => {
        const { key } = annotations[name as "input-uri"];
        const result = parseAnnotations({ [key]: text });
        if (result.ok) return;
        const [{ message = "" } = {}] = result.problems;
        const [, toWrite] = /: (?:write|for a registry .* write) (\S+?)(?: for| or|\.$)/.exec(message) ?? [];
        if (toWrite !== undefined) expect(parseAnnotations({ [key]: toWrite })).toMatchObject({ ok: true });
      }),
    );
  });

  it("orders a list by number, not by text", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 999_999 }), { minLength: 1, maxLength: 20 }),
        (numbers) => {
          const key = annotations["input-uri"].key;
          const map = Object.fromEntries(numbers.map((n) => [`${key}_${n}`, `repo/n:${n}`]));
          const result = parseAnnotations({ ...map, [key]: "repo/n:0" });
          if (!result.ok) throw new Error("refused");
          const expected = [0, ...numbers.sort((a, b) => a - b)].map((n) => `:${n}`);
          expect(result.value.inputs.map((i) => i.version)).toEqual(expected);
        },
      ),
    );
  });

  it("ignores annotations of others and its own marker", () => {
    fc.assert(
      fc.property(validAnnotations, fc.dictionary(fc.string(), fc.string()), (map, other) => {
        const foreign = Object.fromEntries(
          Object.entries(other).filter(([k]) => !k.startsWith(names.prefix)),
        );
        expect(parseAnnotations({ ...foreign, ...map, [names.markerAnnotation]: "x" })).toEqual(
          parseAnnotations(map),
        );
        expect(isAnnotated({ ...foreign, [names.markerAnnotation]: "x" })).toBe(false);
      }),
    );
  });
});

const reference = fc.oneof(values.Artifact, values.TaggedArtifact);

describe("the grammar of references and registries", () => {
  it("takes apart what it puts together", () => {
    fc.assert(
      fc.property(reference, values.Registry, (text, registryText) => {
        const parsed = parseReference(text);
        const registry = parseRegistry(registryText);
        expect(parseRegistry(formatRegistry(registry))).toEqual(registry);
        const url = formatReference(registry, parsed);
        const { host, repository, version } = parseReference(url.replace(/^https?:/, "oci:"));
        const { prefix, ...own } = registryOf(registry, parsed);
        expect({ host, plainHttp: url.startsWith("http:") }).toEqual(own);
        expect(repository).toBe(prefix === undefined ? parsed.repository : `${prefix}/${parsed.repository}`);
        expect(version).toBe(parsed.version);
      }),
    );
  });

  it("reads the same from what an author may write for it", () => {
    fc.assert(
      fc.property(reference, (text) => {
        const { host, repository, version } = parseReference(text);
        const written = `${host === undefined ? "" : `oci://${host}/`}${repository}${version}`;
        expect(parseReference(written)).toEqual(parseReference(text));
        expect(parseAnnotations({ [annotations["input-uri"].key]: written }).ok).toBe(
          hostIn(written) === undefined,
        );
      }),
    );
  });

  it("offers only what is accepted for a reference that begins with a host", () => {
    const host = fc.constantFrom("ghcr.io", "localhost", "r:5000", "[::1]", "[::1]:5000", "A.b");
    fc.assert(
      fc.property(
        host,
        // With oci:// and a host before it, it must not be longer than allowed: such a one is refused for its length.
        values.TaggedArtifact.filter((text) => !text.includes("://") && text.length <= 480),
        (first, text) => {
          const found = hostIn(`${first}/${text}`);
          for (const value of [found?.withScheme, found?.asRepository]) {
            expect(parseAnnotations({ [annotations["output-uri"].key]: value ?? "" }).ok).toBe(true);
          }
        },
      ),
    );
  });
});

describe("problems", () => {
  it("name the full key, whatever the value is", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(annotations)),
        fc.string({ unit: "binary" }),
        ({ key }, value) => {
          const result = parseAnnotations({ [key]: value });
          if (result.ok) return;
          for (const line of describeProblems(result.problems).split("\n- ")) {
            expect(line).toMatch(/^(\d+ problems:|\S*oras\S*: .* \(\w+\))$/s);
          }
          expect(result.problems.map(({ path }) => path)).toContainEqual(
            expect.stringContaining(names.prefix),
          );
        },
      ),
    );
  });
});
