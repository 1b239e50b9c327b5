import { PassThrough } from "node:stream";
import { WriteStream } from "node:tty";
import published from "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json" with { type: "json" };
import { Ajv } from "ajv";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { visibleLines } from "../../../src/annotations/problems.ts";
import { type Finding, findingAt, type Report, summaryOf } from "../../../src/cli/report/finding.ts";
import { failing, formatReport } from "../../../src/cli/report/report.ts";
import { textReport } from "../../../src/cli/report/text.ts";

const { $schema, id, ...draft4 } = published as Record<string, unknown>;
const acceptsSarif = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(draft4);

const object = {
  file: "steps/job with space.yaml",
  kustomization: "",
  apiVersion: "batch/v1",
  kind: "Job",
  namespace: "runs",
  name: "a",
  value: {},
  at: () => ({ line: 7, column: 5 }),
};
const error = findingAt(object, ["metadata", "annotations", "example.com/a"], {
  level: "error",
  code: "InvalidValue",
  message: "found x; allowed is y.",
});
const warning: Finding = { ...error, level: "warning", code: "LabelNotRead", file: "-" };
const info: Finding = { ...error, level: "info", code: "NotAnObject", file: "/elsewhere/a.yaml" };
const reportOf = (...findings: Finding[]): Report => ({ findings, files: 3, objects: 7, checked: 7 });

describe("SARIF", () => {
  const log = JSON.parse(formatReport(reportOf(error, warning, info, error), "sarif"));

  it("is right by the published schema, with and without findings", () => {
    acceptsSarif(log);
    expect(acceptsSarif.errors).toBeNull();
    acceptsSarif(JSON.parse(formatReport(reportOf(), "sarif")));
    expect(acceptsSarif.errors).toBeNull();
    expect(acceptsSarif({ ...log, version: "2" })).toBe(false);
  });

  it("says levels, places and rules in its own words", () => {
    const [run] = log.runs;
    expect(run.results.map((result: { level: string }) => result.level)).toEqual([
      "error",
      "warning",
      "note",
      "error",
    ]);
    expect(run.tool.driver.rules.map((rule: { id: string }) => rule.id)).toEqual([
      "InvalidValue",
      "LabelNotRead",
      "NotAnObject",
    ]);
    expect(run.results[3]).toMatchObject({ ruleId: "InvalidValue", ruleIndex: 0 });
    const uris = run.results.map(
      (result: { locations: { physicalLocation: { artifactLocation: { uri: string } } }[] }) =>
        result.locations[0]?.physicalLocation.artifactLocation.uri,
    );
    expect(uris).toEqual([
      "steps/job%20with%20space.yaml",
      "stdin",
      "file:///elsewhere/a.yaml",
      "steps/job%20with%20space.yaml",
    ]);
    expect(run.results[0].locations[0].physicalLocation.region).toEqual({ startLine: 7, startColumn: 5 });
  });
});

describe("commands of GitHub", () => {
  const lines = (...findings: Finding[]) => formatReport(reportOf(...findings), "github").split("\n");

  it("name level, place and what to do, and the summary ends them", () => {
    const page = "https://github.com/converged-computing/oras-operator/blob/main/docs/reference/errors.md";
    expect(lines(error, warning, { ...info, file: "https://example.com/a.yaml" })).toEqual([
      `::error file=steps/job with space.yaml,line=7,col=5,title=InvalidValue Job runs/a::metadata.annotations[example.com/a]: found x; allowed is y.%0A${error.fix} ${page}#invalidvalue`,
      expect.stringMatching(/^::warning title=LabelNotRead Job runs\/a::/),
      expect.stringMatching(/^::notice title=NotAnObject Job runs\/a::/),
      "3 files, 7 objects: 1 error, 1 warning, 1 note",
      "",
    ]);
  });

  // The reader's side, as GitHub's runner has it: actions/runner, ActionCommand.cs.
  it("are one line each, and say what the finding says, whatever it is", () => {
    const unescaped = (text: string, of: Readonly<Record<string, string>>) =>
      text.replaceAll(/%[0-9A-F]{2}/g, (code) => of[code] ?? code);
    const data = { "%0D": "\r", "%0A": "\n", "%25": "%" };
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (message, file) => {
        const named = `x${file}`;
        const [command = "", summary] = lines({ ...error, message, file: named });
        expect(summary).toContain("1 error");
        const [, properties = "", text = ""] = /^::error ([^:]*)::(.*)$/u.exec(command) ?? [];
        expect(unescaped(text, data)).toContain(visibleLines(message));
        const found = properties.split(",")[0]?.slice("file=".length) ?? "";
        expect(unescaped(found, { ...data, "%3A": ":", "%2C": "," })).toBe(visibleLines(named));
      }),
    );
  });
});

describe("text", () => {
  const terminal = (isTTY: boolean) =>
    Object.assign(new PassThrough(), {
      isTTY,
      getColorDepth: WriteStream.prototype.getColorDepth,
    }) as unknown as NodeJS.WriteStream;

  it("is aligned, and names each page once", () => {
    const lines = textReport(reportOf(error, warning, error), terminal(false)).split("\n");
    expect(lines.filter((line) => line.includes("Job runs/a"))).toEqual([
      "steps/job with space.yaml:7:5  error    InvalidValue  Job runs/a",
      "-:7:5                          warning  LabelNotRead  Job runs/a",
      "steps/job with space.yaml:7:5  error    InvalidValue  Job runs/a",
    ]);
    expect(lines).toContain("    metadata.annotations[example.com/a]: found x; allowed is y.");
    expect(lines.filter((line) => line.includes("#invalidvalue"))).toHaveLength(1);
    expect(lines.at(-2)).toBe("3 files, 7 objects: 2 errors, 1 warning");
  });

  it("shows what a terminal would obey in words", () => {
    const hostile = {
      object: "Job a/\u202eb",
      path: "spec\u001b[2J",
      message: "found \u2066x\nand y",
      file: "\u009b.yaml",
    };
    const text = textReport(reportOf({ ...error, ...hostile }), terminal(false));
    expect(text).toContain("\\u009b.yaml:7:5");
    expect(text).toContain("Job a/\\u202eb");
    expect(text).toContain("    spec\\u001b[2J: found \\u2066x\n    and y\n");
  });

  it("is coloured on a terminal alone, unless NO_COLOR is set", () => {
    for (const name of ["NO_COLOR", "NODE_DISABLE_COLORS", "FORCE_COLOR", "CI"]) vi.stubEnv(name, undefined);
    vi.stubEnv("TERM", "xterm-256color");
    expect(textReport(reportOf(error), terminal(false))).not.toContain("\u001b");
    expect(textReport(reportOf(error), terminal(true))).toContain("\u001b[31m");
    vi.stubEnv("NO_COLOR", "1");
    expect(textReport(reportOf(error), terminal(true))).not.toContain("\u001b");
    vi.unstubAllEnvs();
  });
});

describe("the summary", () => {
  it.each([
    [reportOf(), "3 files, 7 objects: nothing is wrong"],
    [reportOf(error, error, warning), "3 files, 7 objects: 2 errors, 1 warning"],
    [reportOf(info), "3 files, 7 objects: 1 note"],
    [
      { ...reportOf(), files: 1, objects: 1, checked: 0 },
      "1 file, 1 object: nothing to check: no OrasCache, and nothing that makes Pods",
    ],
  ])("%#", (report, text) => expect(summaryOf(report)).toBe(text));
});

it("only errors fail; warnings too where it is strict", () => {
  expect(
    [reportOf(), reportOf(info), reportOf(warning), reportOf(error)].map((r) => failing(r, false)),
  ).toEqual([false, false, false, true]);
  expect(
    [reportOf(), reportOf(info), reportOf(warning), reportOf(error)].map((r) => failing(r, true)),
  ).toEqual([false, false, true, true]);
});
