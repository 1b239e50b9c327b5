import { styleText } from "node:util";
import { visible, visibleLines } from "../../annotations/problems.ts";
import { type Finding, type Level, type Report, summaryOf } from "./finding.ts";

const colours = { error: "red", warning: "yellow", info: "cyan" } as const satisfies Record<Level, string>;

/**
 * A report for a person: a line with the place and two with the sentences per finding, the pages of the codes, a
 * summary.
 *
 * @param report - what was found
 * @param stream - that it goes to: colours only where it is a terminal and NO_COLOR is not set
 */
export function textReport(report: Report, stream: NodeJS.WriteStream = process.stdout): string {
  const { findings } = report;
  const places = findings.map(({ file, line, column }) => visible(`${file}:${line}:${column}`));
  const width = (texts: readonly string[]) => Math.max(0, ...texts.map((text) => text.length));
  const columns = {
    place: width(places),
    level: width(findings.map(({ level }) => level)),
    code: width(findings.map(({ code }) => code)),
  };
  const blocks = findings.map(({ level, code, object, path, message, fix }, i) => {
    const coloured = styleText(colours[level], level.padEnd(columns.level), { stream });
    const head = [
      (places[i] ?? "").padEnd(columns.place),
      coloured,
      code.padEnd(columns.code),
      visible(object ?? ""),
    ];
    const where = path === undefined ? "" : `${visible(path)}: `;
    return `${head.join("  ").trimEnd()}\n    ${where}${indented(message)}\n    ${indented(fix)}\n`;
  });
  return [...blocks, ...pages(findings), summaryOf(report), ""].join("\n");
}

/** A page per code, once. */
function pages(findings: readonly Finding[]): string[] {
  const urls = [...new Set(findings.map(({ url }) => url))];
  return urls.length === 0 ? [] : [`See ${urls.join("\n    ")}\n`];
}

function indented(text: string): string {
  return visibleLines(text).replaceAll("\n", "\n    ");
}
