import { html } from "htm/preact";
import type { Form } from "./form.ts";

/** Shapes of 16 by 16: states differ in their form, not in their colour alone. */
const paths: Readonly<Record<Form | "artifact" | "artifacts", string>> = {
  // A full disc with a tick cut out.
  succeeded: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm3.9 4.6-1.1-1-3.7 4.2L5 6.9 4 8l3.1 2.9Z",
  // A ring with a tick: nothing is in it.
  notRun:
    "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm0 1.6a5.4 5.4 0 1 0 0 10.8A5.4 5.4 0 0 0 8 2.6ZM11.4 6 7.1 10.9 4.3 8.2 5.3 7.1 7 8.7 10.3 5Z",
  // A full octagon with a cross cut out.
  failed:
    "M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1Zm.6 3.6L4.6 5.7 6.9 8l-2.3 2.3 1.1 1.1L8 9.1l2.3 2.3 1.1-1.1L9.1 8l2.3-2.3-1.1-1.1L8 6.9Z",
  // A ring with a triangle in it.
  running: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm0 1.6a5.4 5.4 0 1 0 0 10.8A5.4 5.4 0 0 0 8 2.6ZM6.4 5v6l5-3Z",
  // A ring with the hands of a clock.
  waiting:
    "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm0 1.6a5.4 5.4 0 1 0 0 10.8A5.4 5.4 0 0 0 8 2.6ZM7.2 4.2h1.6v3.5l2.4 1.5-.8 1.3-3.2-2Z",
  // A square with a bar.
  gated: "M2 2h12v12H2Zm1.6 1.6v8.8h8.8V3.6Zm1.6 3.6h5.6v1.6H5.2Z",
  // A square with two bars.
  suspended: "M2 2h12v12H2Zm1.6 1.6v8.8h8.8V3.6ZM5.6 5h1.6v6H5.6Zm3.2 0h1.6v6H8.8Z",
  artifact: "M3 1h6.6L13 4.4V15H3Zm1.4 1.4v11.2h7.2V5.6H8.4V2.4Z",
  artifacts: "M5 1h5.6L14 4.4V13H5Zm1.4 1.4v9.2h6.2V5.6H9.4V2.4ZM2 4h1.4v10.6H11V16H2Z",
};
export type Icon = keyof typeof paths;

/** An icon among words that say the same. */
export function icon(name: Icon) {
  return html`<svg class="icon ${name}" viewBox="0 0 16 16" aria-hidden="true"><path fill-rule="evenodd" d=${paths[name]} /></svg>`;
}

/** The same as an element. */
export function iconElement(name: Icon): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `icon ${name}`);
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("fill-rule", "evenodd");
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}
