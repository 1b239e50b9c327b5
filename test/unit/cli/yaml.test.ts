import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatPath, parsePath, positionOf } from "../../../src/cli/manifests/path.ts";
import { parseYaml } from "../../../src/cli/manifests/yaml.ts";

const problem = (text: string) => {
  const parsed = parseYaml(text);
  if (Array.isArray(parsed)) throw new Error("it is right");
  return parsed;
};

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
