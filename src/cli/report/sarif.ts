import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Log, Result } from "sarif";
import packageJson from "../../../package.json" with { type: "json" };
import { codes, type FindingCode, urlOf } from "../codes.ts";
import { isUrl } from "../manifests/fetch.ts";
import type { Finding, Report } from "./finding.ts";

const levels = { error: "error", warning: "warning", info: "note" } as const;

/**
 * A report as SARIF 2.1.0, which code hosts show beside the lines of a change.
 *
 * @see https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 */
export function sarifReport({ findings }: Report): Log {
  const used = [...new Set(findings.map(({ code }) => code))];
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "oras-operator",
            version: packageJson.version,
            informationUri: "https://github.com/converged-computing/oras-operator",
            rules: used.map((code) => ({
              id: code,
              shortDescription: { text: codes[code].summary },
              help: { text: codes[code].fix },
              helpUri: urlOf(code),
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        results: findings.map((finding) => resultOf(finding, used)),
      },
    ],
  };
}

function resultOf(finding: Finding, used: readonly FindingCode[]): Result {
  const { level, code, object, path, file, line, column, message, fix } = finding;
  const place = [object, path].filter((part) => part !== undefined).join(" ");
  return {
    ruleId: code,
    ruleIndex: used.indexOf(code),
    level: levels[level],
    message: { text: `${path === undefined ? "" : `${path}: `}${message} ${fix}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file) },
          region: { startLine: line, startColumn: column },
        },
        ...(place === "" ? {} : { logicalLocations: [{ fullyQualifiedName: place }] }),
      },
    ],
  };
}

/** Relative to the working directory, as code hosts need it, where it is below. */
function uriOf(file: string): string {
  if (file === "-") return "stdin";
  if (isUrl(file)) return file;
  const here = `${pathToFileURL(process.cwd()).href}/`;
  const { href } = pathToFileURL(resolve(file));
  return href.startsWith(here) ? href.slice(here.length) : href;
}
