import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { formatPath, parsePath, positionOf } from "../../../src/cli/manifests/path.ts";
import { kubectlYaml, parseYaml } from "../../../src/cli/manifests/yaml.ts";

const problem = (text: string) => {
  const parsed = parseYaml(text);
  if (Array.isArray(parsed)) throw new Error("it is right");
  return parsed;
};

const nested = (text: string, levels: number) => "[".repeat(levels) + text + "]".repeat(levels);

describe("I12: what is not YAML is told in plain words", () => {
  it.each([
    ["a: b\n\tc: d", 2, "a tab is used for indentation"],
    ["a: b: c", 1, 'a ": " stands inside a value'],
    ["a: [b", 1, "the end of a quote or bracket"],
    ["a: 'b", 1, "the end of a quote or bracket"],
    ["a: 1\na: 2", 2, "the key a is written twice"],
    ['"a/b": 1\nc: 2\n&x "a/b": 3', 3, "the key a/b is written twice"],
    ["x: {a: 1, a: 2}", 1, "the key a is written twice"],
    ["? [a, b]\n: c", 1, "a key is a list or a map"],
    ["{ {a: b}: c}", 1, "a key is a list or a map"],
    ["a: &m {b: c}\n*m : d", 2, "a key is a list or a map"],
    ["a: `b`", 1, "needs quotes"],
    ["a: @b", 1, "needs quotes"],
    ['a: "\\d"', 1, "begins no known escape"],
    ["a:\n  b: c\n d: e", 3, "the indentation does not fit"],
    ["a: *b", 1, "stands for an anchor that is not there"],
    ["a: &m\n  b: *m", 2, "the alias *m stands for a value that contains the alias itself"],
    ["a: b\n---\n&m [&n {c: *n}, *m]", 3, "the alias *n stands for a value that contains"],
    ["a: &m\n  <<: *m\n  b: c", 2, "the alias *m stands for a value that contains"],
    ["&m a: *m\n&n b: &n [*n]", 2, "the alias *n stands for a value that contains"],
    ["a: 1\nb: c\0", 2, "a zero byte"],
    ["a\0:\0 \0b\0", 1, "If the file is UTF-16, save it as UTF-8."],
    ["a: b\nc", 2, "a colon after a key"],
  ])("%j", (text, line, sentence) => {
    expect(problem(text)).toMatchObject({ line, message: expect.stringContaining(sentence) });
    expect(problem(text).message).toMatch(/[^?]\.$|[^.]\?$/);
  });

  it("aliases that stand for very much", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 12; i++)
      lines.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
      );
    expect(problem(lines.join("\n")).message).toContain("more than a reader could hold");
  });

  it.each([
    ["lists", "[".repeat(100_000) + "]".repeat(100_000)],
    ["lists that are not closed", `a: ${"[".repeat(100_000)}`],
    ["lists of lines", `${"- ".repeat(600)}x`],
    ["maps", `${'{"a":'.repeat(600)}1${"}".repeat(600)}`],
    ["keys", `${"? ".repeat(600)}x`],
    ["aliases in lists", `a: &a ${nested("x", 300)}\nb: &b ${nested("*a", 300)}`],
  ])("%s in many levels", (_, text) => {
    expect(problem(text).message).toBe("lists and maps are nested more than 500 deep.");
  });

  it("levels that no kind of Kubernetes has, but a reader can hold", () => {
    expect(parseYaml(nested("x", 500))).toHaveLength(1);
  });

  it.each([
    ["lines", (keys: string[]) => keys.map((key) => `${key}: x\n`).join("")],
    ["braces", (keys: string[]) => `{${keys.map((key) => `${key}: x`).join(", ")}}`],
  ])("a key in a map of very many is found, in %s", (_, write) => {
    const keys = Array.from({ length: 40_000 }, (_, i) => `key${i}`);
    expect(parseYaml(write(keys))).toHaveLength(1);
    expect(problem(write([...keys, "key7"])).message).toBe("the key key7 is written twice in the same map.");
  });

  it("a key is written twice exactly where the parser itself says so", () => {
    const key = fc.constantFrom("a", '"a"', "&x a", "b", "1", '"1"', "0x1", "true", "yes", "<<", "~", "*x ");
    const map = fc.array(fc.tuple(key, fc.constantFrom("1", "{a: 1}", "{a: 1, 'a': 2}")), { maxLength: 5 });
    fc.assert(
      fc.property(map, (pairs) => {
        const text = pairs.map(([name, value]) => `${name}: ${value}\n`).join("");
        const codes = [...parseAllDocuments(text, kubectlYaml)].flatMap(({ errors }) =>
          errors.map((e) => e.code),
        );
        const parsed = parseYaml(text);
        expect("message" in parsed && parsed.message.includes("written twice")).toBe(
          codes.includes("DUPLICATE_KEY"),
        );
      }),
    );
  });

  it("anything is either read or told, with a line", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab:-{}[]&*!|>'\"%@`#, \n\t") }), (text) => {
        const parsed = parseYaml(text);
        if (!Array.isArray(parsed)) expect(parsed.line).toBeGreaterThan(0);
      }),
    );
  });
});

describe("a Helm template", () => {
  it.each([
    ["metadata:\n  name: {{ .Release.Name }}", 2],
    ["{{ if .Values.x }}\na: b\n{{ end }}", 1],
    ["{{- if .Values.x }}\na: b", 1],
    ["a: b\n{{- with .Values.x }}\nc:\n  {{- toYaml . | nindent 2 }}\n{{- end }}", 2],
    ["a: [b\n{{ end }}", 2],
    ['name: {{ include "chart.name" . }}', 1],
    ["a: b\nname: x-{{ .Release.Name }}", 2],
    ['name: "{{ .Values.name }}"', 1],
    ["name: '{{ include \"chart.name\" . }}'", 1],
    ["{{ .Values.key }}: b", 1],
    ["a: {{.Values.x}}", 1],
    ["a: [{{ $.Values.x }}]", 1],
    ["# a: {{ b }}\na: {{ b }}", 2],
  ])("%j is told as one", (text, line) => {
    expect(problem(text)).toMatchObject({ isTemplate: true, message: "it is a Helm template.", line });
  });

  it.each([
    'a: "{{workflow.name}}"',
    "a: x-{{ .metadata.name }}",
    "a: |\n  {{ range .Values }}\n  {{ .Values.x }}\n",
    "# {{ .Values.x }}\na: b",
    "a: {b: {c: d}}",
  ])("%j is none", (text) => expect(parseYaml(text)).toHaveLength(1));

  it("another mistake beside a template in quotes is the one that is told", () => {
    expect(problem('a: "{{ x }}"\nb: [c').message).toContain("quote or bracket");
  });
});

describe("places of paths", () => {
  const text = `a: &shared
  b: 1
list:
- x: 1
- name: second
  "q/r": 2
copy: *shared
`;
  const at = (path: string) => {
    const [document] = parseYaml(text) as Exclude<ReturnType<typeof parseYaml>, { message: string }>;
    return document && positionOf(document, parsePath(path));
  };

  it.each([
    ["a", 1, 1],
    ["a.b", 2, 3],
    ["list[1]", 5, 3],
    ["list[1].name", 5, 3],
    ["list[1][q/r]", 6, 3],
    ['list[1]["q/r"]', 6, 3],
    // What is not there: the nearest around it.
    ["list[1].command", 5, 3],
    ["list[7].name", 3, 1],
    ["nothing", 1, 1],
    ["copy.b", 2, 3],
    ["", 1, 1],
  ])("%s", (path, line, column) => expect(at(path)).toEqual({ line, column }));

  it("are written and read alike", () => {
    const step = fc.oneof(
      fc.nat(99),
      fc.stringMatching(/^[a-zA-Z][\w-]*$/),
      fc.stringMatching(/^[a-z]+[./][a-z]+$/),
    );
    fc.assert(
      fc.property(fc.array(step), (path) => {
        expect(parsePath(formatPath(path))).toEqual(path);
      }),
    );
  });
});
