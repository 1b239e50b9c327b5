import { isAlias, isMap, isNode, isPair, isSeq, type Node, type Pair } from "yaml";
import type { YamlDocument } from "./yaml.ts";

/** Names of fields and indices of lists, from the root of a document. */
export type Path = readonly (string | number)[];

/** Counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * Takes a path apart as messages write it: `spec.containers[0].command`, `nodeSelector["kubernetes.io/os"]`,
 * `metadata.annotations[example.com/a]`.
 */
export function parsePath(text: string): Path {
  return [...text.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\[([^[\]]*)\]|([^.[\]]+)/g)].map(
    ([, index, quoted, bare, name]) => {
      if (index !== undefined) return Number(index);
      return quoted === undefined ? (bare ?? name ?? "") : (JSON.parse(`"${quoted}"`) as string);
    },
  );
}

/** A path as the API server writes it in its own messages. */
export function formatPath(path: Path): string {
  const text = path.map((step) => {
    if (typeof step === "number") return `[${step}]`;
    return /^[\w-]+$/.test(step) ? `.${step}` : `[${step}]`;
  });
  return text.join("").replace(/^\./, "");
}

/**
 * Where a path stands in its file: the key of a field, else the first line of the nearest thing around it that is
 * there.
 */
export function positionOf({ document, lines }: YamlDocument, path: Path): Position {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    const container = isAlias(node) ? node.resolve(document) : node;
    const found = childOf(container, step);
    if (found === undefined) break;
    offset = startOf(isPair(found) ? found.key : found) ?? offset;
    node = isPair(found) ? found.value : found;
  }
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function childOf(node: unknown, step: string | number): Pair | Node | undefined {
  if (isSeq(node) && typeof step === "number") return node.items[step] as Node | undefined;
  if (!isMap(node)) return undefined;
  return node.items.find(
    ({ key }) => String(isNode(key) && "value" in key ? key.value : key) === String(step),
  );
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
