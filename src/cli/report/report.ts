import type { Report } from "./finding.ts";
import { sarifReport } from "./sarif.ts";
import { textReport } from "./text.ts";

/** A report as standard output gets it. */
export function formatReport(report: Report, format: "text" | "json" | "sarif"): string {
  if (format === "text") return textReport(report);
  return `${JSON.stringify(format === "json" ? report : sarifReport(report), null, 2)}\n`;
}

/** Whether `validate` ends with 1. */
export function failing({ findings }: Report, strict: boolean): boolean {
  return findings.some(({ level }) => level === "error" || (strict && level === "warning"));
}
