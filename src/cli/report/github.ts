import { visibleLines } from "../../annotations/problems.ts";
import { isUrl } from "../manifests/fetch.ts";
import { type Finding, type Report, summaryOf } from "./finding.ts";

const commands = { error: "error", warning: "warning", info: "notice" } as const;

/**
 * A report as commands that GitHub reads in the log of a workflow and shows beside the lines of a change.
 *
 * @see https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
export function githubReport(report: Report): string {
  return [...report.findings.map(commandOf), summaryOf(report), ""].join("\n");
}

function commandOf({ level, code, object, path, file, line, column, message, fix, url }: Finding): string {
  const title = [code, object].filter((part) => part !== undefined).join(" ");
  // A place that is no file of the change has none.
  const place = file === "-" || isUrl(file) ? {} : { file, line, col: column };
  const properties = Object.entries({ ...place, title }).map(
    ([name, value]) => `${name}=${asProperty(String(value))}`,
  );
  const where = path === undefined ? "" : `${path}: `;
  return `::${commands[level]} ${properties.join(",")}::${asData(`${where}${message}\n${fix} ${url}`)}`;
}

/** A line ends a command, so it is written in another way. */
function asData(text: string): string {
  return visibleLines(text).replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function asProperty(text: string): string {
  return asData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
