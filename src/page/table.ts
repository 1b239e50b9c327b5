import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { holderWords } from "../lineage/blocked.ts";
import { leftOf } from "../lineage/graph.ts";
import { formOf } from "./form.ts";
import { icon } from "./icons.ts";
import { type Chosen, type Filter, groupNames, groupOf, leftIn, matches } from "./model.ts";
import type { Drawing, PageStep } from "./protocol.ts";
import type { Store } from "./store.ts";
import { nameOf, notRunWords, plural, tookOf } from "./words.ts";

const rowHeight = 40;
/** Rows above and below those that are seen. */
const around = 8;

const columns = ["State", "Step", "Why", "Reads", "Makes", "Left", "Took"] as const;
type Order = "data" | "State" | "Step";

interface Given {
  readonly drawing: Drawing;
  readonly filter: Filter;
  readonly chosen: Chosen | undefined;
  readonly store: Store;
}

/** The steps as a table: the same as the graph for who reads it line by line. Only rows that are seen are there. */
export function Table({ drawing, filter, chosen, store }: Given) {
  const [order, setOrder] = useState<Order>("data");
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState({ top: 0, height: 800 });
  const [current, setCurrent] = useState(0);
  const look = () => {
    const { scrollTop: top = 0, clientHeight: height = 0 } = box.current ?? {};
    setSeen({ top, height });
  };
  useEffect(() => {
    look();
    addEventListener("resize", look);
    return () => removeEventListener("resize", look);
  }, []);
  const rows = ordered(drawing, order).filter((step) => matches(step, filter));
  const first = Math.max(0, Math.floor(seen.top / rowHeight) - around);
  const last = Math.min(rows.length, Math.ceil((seen.top + seen.height) / rowHeight) + around);
  const at = Math.min(current, rows.length - 1);
  const go = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setCurrent(next);
    showRow(box.current, next);
    // The row may be made by this.
    requestAnimationFrame(() => {
      look();
      requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-row="${next}"]`)?.focus());
    });
  };
  const chosenId = chosen?.type === "step" ? chosen.id : undefined;
  useEffect(() => {
    const row = rows.findIndex(({ id }) => id === chosenId);
    if (row >= 0) showRow(box.current, row);
  }, [chosenId]);
  const pageRows = Math.max(1, Math.floor(seen.height / rowHeight) - 2);
  const steps: Readonly<Record<string, number>> = {
    ...{ ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + pageRows, PageUp: at - pageRows },
    ...{ Home: 0, End: rows.length - 1 },
  };
  const onKey = (event: KeyboardEvent) => {
    const to = steps[event.key];
    if (to === undefined || !(event.target as HTMLElement).matches("[data-row]")) return;
    event.preventDefault();
    go(to);
  };
  const now = Date.now();
  // Few workflows have anything in it.
  const hasLeft = leftIn(drawing.steps) > 0;
  const shown = columns.filter((name) => hasLeft || name !== "Left");
  return html`<section class="table" aria-label="Table">
    <p class="unseen" role="status">${plural(rows.length, "step")}</p>
    <div class="rows" ref=${box} onScroll=${look} onKeyDown=${onKey}>
      <table class=${hasLeft ? "more" : ""} aria-rowcount=${rows.length + 1} aria-label="Steps">
        <thead>
          <tr aria-rowindex="1">
            ${shown.map((name) => html`<${Head} key=${name} name=${name} order=${order} setOrder=${setOrder} />`)}
          </tr>
        </thead>
        <tbody>
          ${first > 0 && html`<tr class="space" aria-hidden="true"><td style=${{ height: `${first * rowHeight}px` }}></td></tr>`}
          ${rows.slice(first, last).map((step, i) => {
            const row = first + i;
            const isChosen = chosen?.type === "step" && chosen.id === step.id;
            const choose = () => {
              setCurrent(row);
              store.set({ chosen: { type: "step", id: step.id } });
            };
            return html`<tr key=${step.id} aria-rowindex=${row + 2} class=${isChosen ? "chosen" : ""} onClick=${choose}>
              <td class=${`state ${groupOf(step.state)}`}>${icon(formOf(step))} ${step.state}</td>
              <th scope="row">
                <button type="button" data-row=${row} tabindex=${row === at || (row === first && (at < first || at >= last)) ? 0 : -1} aria-pressed=${isChosen}>${nameOf(step.id)}</button>${" "}
                <span class="hint">${step.kind}</span>
              </th>
              <td class="why" title=${whyOf(step)}>${whyOf(step)}</td>
              <td title=${step.inputs.join("\n")}>${named(drawing, step.inputs)}</td>
              <td title=${step.outputs.join("\n")}>${named(drawing, step.outputs)}</td>
              ${
                hasLeft &&
                html`<td title=${leftOf(step)
                  .map(({ id }) => id)
                  .join("\n")}>${leftWords(step)}</td>`
              }
              <td class="number">${tookOf(step, now) ?? ""}</td>
            </tr>`;
          })}
          ${last < rows.length && html`<tr class="space" aria-hidden="true"><td style=${{ height: `${(rows.length - last) * rowHeight}px` }}></td></tr>`}
        </tbody>
      </table>
      ${rows.length === 0 && drawing.steps.length > 0 && html`<p class="empty">No step is like that. <button type="button" class="link" onClick=${() => store.set({ filter: { show: "all", query: "" } })}>Show all</button></p>`}
    </div>
  </section>`;
}

function Head({
  name,
  order,
  setOrder,
}: {
  name: (typeof columns)[number];
  order: Order;
  setOrder: (to: Order) => void;
}) {
  const column = `column-${name.toLowerCase()}`;
  if (name !== "State" && name !== "Step") return html`<th scope="col" class=${column}>${name}</th>`;
  const isOrder = order === name;
  return html`<th scope="col" class=${column} aria-sort=${isOrder ? "ascending" : "none"}>
    <button type="button" class="sort" title=${isOrder ? "Order of the data" : `Order by ${name.toLowerCase()}`} onClick=${() => setOrder(isOrder ? "data" : name)}>${name}<span aria-hidden="true">${isOrder ? " ↓" : ""}</span></button>
  </th>`;
}

function whyOf(step: PageStep): string {
  return [notRunWords(step), step.heldBy && holderWords(step.heldBy), step.message ?? step.reason]
    .filter(Boolean)
    .join(". ");
}

/** In the order of the data as the graph has it, from left to right. */
function ordered(drawing: Drawing, order: Order): readonly PageStep[] {
  if (order === "Step")
    return drawing.steps.toSorted((a, b) =>
      nameOf(a.id).localeCompare(nameOf(b.id), "en", { numeric: true }),
    );
  const byData = inOrderOfData(drawing);
  if (order === "data") return byData;
  return byData.toSorted(
    (a, b) => groupNames.indexOf(groupOf(a.state)) - groupNames.indexOf(groupOf(b.state)),
  );
}

const orders = new WeakMap<Drawing["nodes"], readonly number[]>();

function inOrderOfData({ nodes, steps }: Drawing): readonly PageStep[] {
  const places =
    orders.get(nodes) ??
    nodes
      .filter(({ type }) => type === "steps")
      .toSorted((a, b) => a.right.x - b.right.x || a.right.y - b.right.y)
      .flatMap(({ members }) => members);
  orders.set(nodes, places);
  return places.flatMap((at) => steps[at] ?? []);
}

function named({ artifacts }: Drawing, ids: readonly string[]): string {
  if (ids.length === 0) return "";
  if (ids.length > 1) return plural(ids.length, "artifact");
  return artifacts.find(({ id }) => id === ids[0])?.reference ?? "";
}

function leftWords(step: PageStep): string {
  const [only, ...others] = leftOf(step);
  return others.length > 0 ? plural(others.length + 1, "artifact") : (only?.reference ?? "");
}

function showRow(box: HTMLElement | null, row: number): void {
  if (box === null) return;
  const top = row * rowHeight;
  // The head stays above the rows.
  const bottom = top + 2 * rowHeight;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
}
