import { visible } from "../../annotations/problems.ts";
import { withHolders } from "../../lineage/blocked.ts";
import { foldGraph } from "../../lineage/fold.ts";
import { graphOf } from "../../lineage/graph.ts";
import { provOf } from "../../lineage/prov.ts";
import type { GraphFormat } from "../formats.ts";
import { openSession, type Where } from "../remote/session.ts";
import { formatData } from "../show/output.ts";
import { packCrate } from "./crate.ts";
import { formatDot } from "./dot.ts";
import { formatJson } from "./json.ts";
import { formatMermaid } from "./mermaid.ts";
import { type Choice, readObjects } from "./read.ts";
import { stepsOf } from "./steps.ts";
import { formatText } from "./text.ts";
import { timesIn } from "./times.ts";

/**
 * Who makes what from what in a namespace, as text or, of a crate, as a zip.
 *
 * @param options - of the command
 * @param note - is given sentences about what could not be read
 */
export async function drawGraph(
  { selector, run, output, ...where }: Where & Choice & { readonly output: GraphFormat },
  note: (sentence: string) => void,
): Promise<string | Uint8Array> {
  const session = await openSession(where);
  try {
    const { namespace, notes, ...objects } = await readObjects(session, { selector, run });
    const say = (sentence: string) => note(visible(sentence));
    for (const sentence of notes) say(sentence);
    const graph = withHolders(graphOf(stepsOf({ namespace, ...objects })));
    if (output === "json") return formatJson(graph, namespace);
    if (output === "prov") return formatData(provOf(graph, namespace, timesIn(objects)), "json");
    if (output === "ro-crate") return packCrate(graph, { namespace, ...objects }, new Date(), say);
    const folded = foldGraph(graph);
    if (output === "dot") return formatDot(folded, namespace);
    return output === "mermaid" ? formatMermaid(folded) : formatText(graph, folded, namespace);
  } finally {
    session.close();
  }
}
