import { codes, type FindingCode, urlOf } from "../codes.ts";
import { describeObject, type ManifestObject } from "../manifests/objects.ts";
import { formatPath, type Path } from "../manifests/path.ts";

/** error: the cluster refuses it. warning: it is hardly what was meant. info: worth knowing. */
export type Level = "error" | "warning" | "info";

/** One finding of `validate`, for every output format. */
export interface Finding {
  readonly level: Level;
  readonly code: FindingCode;
  /** The object that it is about: `Job default/breakfast`. */
  readonly object?: string;
  /** The field, from the object's root: `metadata.annotations[example.com/a]`. */
  readonly path?: string;
  /** As it was named, or found in a folder; `-` for standard input. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
  /** What was found, and what is allowed. */
  readonly message: string;
  /** What to do. */
  readonly fix: string;
  /** The page that says more. */
  readonly url: string;
}

/** What was looked at. */
export interface Report {
  readonly findings: readonly Finding[];
  readonly files: number;
  readonly objects: number;
  /** How many of the objects concern the operator. */
  readonly checked: number;
}

/** A finding about a field of an object. */
export function findingAt(
  object: ManifestObject,
  path: Path,
  { level, code, message }: Pick<Finding, "level" | "code" | "message">,
): Finding {
  return {
    level,
    code,
    object: describeObject(object),
    ...(path.length === 0 ? {} : { path: formatPath(path) }),
    file: object.file,
    ...object.at(path),
    message,
    fix: codes[code].fix,
    url: urlOf(code),
  };
}

/** In the order of the files as they were read, from top to bottom. */
export function sortFindings(findings: readonly Finding[], files: readonly string[]): Finding[] {
  const order = new Map(files.map((file, i) => [file, i]));
  return findings.toSorted(
    (a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
  );
}

/** `3 files, 7 objects: 2 errors, 1 warning` */
export function summaryOf({ findings, files, objects, checked }: Report): string {
  const counts = (["error", "warning", "info"] as const).flatMap((level) => {
    const count = findings.filter((finding) => finding.level === level).length;
    if (count === 0) return [];
    return [level === "info" ? plural(count, "note") : plural(count, level)];
  });
  const nothing =
    checked === 0 ? "nothing to check: no OrasCache, and nothing that makes Pods" : "nothing is wrong";
  return `${plural(files, "file")}, ${plural(objects, "object")}: ${counts.join(", ") || nothing}`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
