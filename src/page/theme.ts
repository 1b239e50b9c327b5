import type { Form } from "./form.ts";

/** Colours of the canvases: those of style/colours.css. */
export type Colours = Readonly<Record<Form | "artifact" | "edge" | "mark" | "surface", string>>;

/** The colours of the theme that the system asks for now. */
export function coloursNow(): Colours {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    waiting: value("waiting"),
    gated: value("waiting"),
    suspended: value("waiting"),
    running: value("running"),
    succeeded: value("succeeded"),
    notRun: value("succeeded"),
    failed: value("failed"),
    artifact: value("artifact"),
    edge: value("edge"),
    mark: value("accent"),
    surface: value("surface"),
  };
}

/**
 * Calls when the system asks for another theme.
 *
 * @param call - what to do then
 * @returns ends it
 */
export function onTheme(call: () => void): () => void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", call);
  return () => dark.removeEventListener("change", call);
}
