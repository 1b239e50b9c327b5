/** What a graph in the language of Graphviz says. */
export interface Parsed {
  readonly name: string;
  /** Lines of the label of each node, in order. */
  readonly labels: readonly (readonly string[])[];
  readonly edges: readonly (readonly [number, number])[];
  /** Those that are dashed. */
  readonly dashed: readonly (readonly [number, number])[];
}

const token = /"((?:\\[\s\S]|[^"\\])*)"|([A-Za-z_]\w*)|(->|[{}[\];,=])|\s/y;

/**
 * Reads what `graph -o dot` prints, as strictly as its grammar allows.
 *
 * @param text - a digraph whose nodes are n0, n1 and so on
 * @throws Error where it is not of the language
 * @see https://graphviz.org/doc/info/lang.html
 */
export function parseDot(text: string): Parsed {
  const tokens = tokensOf(text);
  let next = 0;
  const take = (wanted?: string) => {
    const found = tokens[next++];
    const isRight = found !== undefined && (wanted === undefined || (!found.quoted && found.text === wanted));
    if (!isRight) throw new Error(`found ${JSON.stringify(found)} in the place of ${wanted}`);
    return found.text;
  };
  const is = (sign: string) => tokens[next]?.text === sign && !tokens[next]?.quoted;
  const node = () => Number(/^n(\d+)$/.exec(take())?.[1]);
  const edges: [number, number][] = [];
  const dashed: [number, number][] = [];
  const kind = () => {
    if (!is("[")) return edges;
    for (const part of ["[", "style", "=", "dashed", "]"]) take(part);
    return dashed;
  };
  take("digraph");
  const name = shown(take())[0] ?? "";
  const labels: string[][] = [];
  take("{");
  take("rankdir");
  take("=");
  take();
  take(";");
  while (!is("}")) {
    const from = node();
    if (is("->")) {
      take("->");
      const edge: [number, number] = [from, node()];
      kind().push(edge);
    } else {
      take("[");
      take("shape");
      take("=");
      take();
      take(",");
      take("label");
      take("=");
      labels[from] = shown(take());
      take("]");
    }
    take(";");
  }
  take("}");
  if (next !== tokens.length) throw new Error("found more behind the graph");
  return { name, labels, edges, dashed };
}

function tokensOf(text: string): { readonly text: string; readonly quoted: boolean }[] {
  const tokens: { readonly text: string; readonly quoted: boolean }[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (match === null) throw new Error(`not of the language: ${text.slice(at, at + 40)}`);
    const [, quoted, word, sign] = match;
    const found = quoted ?? word ?? sign;
    if (found !== undefined) tokens.push({ text: found, quoted: quoted !== undefined });
  }
  return tokens;
}

/** Lines as Graphviz draws them: `\n` ends one, and of other escapes only those of `\` and `"` are allowed here. */
function shown(label: string): string[] {
  const lines = [""];
  for (const [part] of label.matchAll(/\\[\s\S]|[^\\]/gu)) {
    if (part === "\\n") lines.push("");
    else if (part.startsWith("\\") && part !== "\\\\" && part !== '\\"') throw new Error(`escape ${part}`);
    else lines[lines.length - 1] += part.startsWith("\\") ? part.slice(1) : part;
  }
  return lines.map((line) =>
    line.replaceAll(/&(\w*;)?/g, (found) => (found === "&amp;" ? "&" : fail(found))),
  );
}

function fail(found: string): never {
  throw new Error(`${found}: Graphviz reads it as the name of a character`);
}
