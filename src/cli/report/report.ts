import type { ReportFormat } from "../formats.ts";
import type { Report } from "./finding.ts";
import { githubReport } from "./github.ts";
import { sarifReport } from "./sarif.ts";
import { textReport } from "./text.ts";

const formats: Readonly<Record<ReportFormat, (report: Report) => string>> = {
  text: (report) => textReport(report),
  json: (report) => `${JSON.stringify(report, null, 2)}\n`,
  sarif: (report) => `${JSON.stringify(sarifReport(report), null, 2)}\n`,
  github: githubReport,
};

/** A report as standard output gets it. */
export function formatReport(report: Report, format: ReportFormat): string {
  return formats[format](report);
}

/** Whether `validate` ends with 1. */
export function failing({ findings }: Report, strict: boolean): boolean {
  return findings.some(({ level }) => level === "error" || (strict && level === "warning"));
}
