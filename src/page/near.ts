import { type Camera, type Size, seen } from "./camera.ts";
import { notRunIn } from "./form.ts";
import { iconElement } from "./icons.ts";
import { groupNames, leftIn, membersOf } from "./model.ts";
import type { Drawing, PageNode, PageStep } from "./protocol.ts";
import { type Look, lookOf, nodesIn, type Scene } from "./scene.ts";
import { counted, partsOf, titleOf, underline } from "./words.ts";

/** Nodes as elements: they can be focused, read aloud, and their text can be found. */
export interface Near {
  /** @returns whether all nodes that are seen are elements */
  readonly show: (camera: Camera, view: Size) => boolean;
  /** Fills those of some nodes again, where they are elements. */
  readonly refill: (nodes: Iterable<number>) => void;
  /** Puts them where the camera sees them. */
  readonly move: (camera: Camera) => void;
  readonly elementOf: (node: number) => HTMLElement | undefined;
}

/** What is shown. */
export interface Shown {
  readonly scene: Scene;
  readonly isDimmed: (node: number) => boolean;
  readonly chosen: number | undefined;
  /** The node that the keyboard is at: it is an element, however small it is drawn. */
  readonly current: number | undefined;
}

/** Smaller names are not read; more elements take longer than a frame. */
export const nearFrom = 0.36;
const wordsFrom = 0.66;
const mostNodes = 300;
const around = 0.25;

/**
 * Adds a layer of elements.
 *
 * @param host - element that it is added to
 * @param shown - what to show, now
 */
export function createNear(host: HTMLElement, shown: () => Shown): Near {
  const layer = document.createElement("div");
  layer.className = "layer near";
  host.append(layer);
  const elements = new Map<number, { readonly element: HTMLElement; look: string }>();
  let anchor: Camera = { x: 0, y: 0, zoom: 1 };
  const elementFor = (node: number) => {
    const known = elements.get(node);
    if (known !== undefined) return known;
    const element = document.createElement("button");
    element.type = "button";
    element.dataset["node"] = String(node);
    const made = { element, look: "" };
    elements.set(node, made);
    layer.append(element);
    return made;
  };
  const move = (camera: Camera) => {
    const x = (anchor.x - camera.x) * camera.zoom;
    const y = (anchor.y - camera.y) * camera.zoom;
    layer.style.transform = `translate(${x}px, ${y}px) scale(${camera.zoom / anchor.zoom})`;
  };
  const refill = (nodes: Iterable<number>) => {
    const now = shown();
    for (const node of nodes) {
      const each = elements.get(node);
      if (each !== undefined) each.look = fill(each.element, now, node, each.look);
    }
  };
  return {
    ...{ move, refill },
    elementOf: (node) => elements.get(node)?.element,
    show: (camera, view) => {
      const { scene, current } = shown();
      const inView = camera.zoom < nearFrom ? [] : nodesIn(scene, seen(camera, view, around));
      const isNear = camera.zoom >= nearFrom && inView.length <= mostNodes;
      const wanted = new Set(isNear ? inView : []);
      if (current !== undefined && current < scene.boxes.length) wanted.add(current);
      for (const [node, { element }] of elements) {
        if (wanted.has(node)) continue;
        element.remove();
        elements.delete(node);
      }
      anchor = camera;
      layer.style.setProperty("--zoom", String(Math.min(1, camera.zoom)));
      layer.classList.toggle("small", camera.zoom < wordsFrom);
      layer.classList.toggle("alone", !isNear);
      for (const node of wanted) put(elementFor(node).element, scene, node, camera);
      refill(wanted);
      move(camera);
      return isNear;
    },
  };
}

function put(element: HTMLElement, { boxes }: Scene, node: number, { x, y, zoom }: Camera): void {
  const box = boxes[node];
  if (box === undefined) return;
  element.style.left = `${(box.x - x) * zoom}px`;
  element.style.top = `${(box.y - y) * zoom}px`;
  element.style.width = `${Math.max(2, box.width * zoom)}px`;
  element.style.height = `${Math.max(2, box.height * zoom)}px`;
}

/** Fills an element, unless it has all of it: most stay as they are. */
function fill(
  element: HTMLElement,
  { scene, isDimmed, chosen, current }: Shown,
  node: number,
  before: string,
): string {
  const { drawing } = scene;
  const drawn = drawing.nodes[node];
  if (drawn === undefined) return "";
  const look = lookOf(scene, node);
  const title = titleOf(drawn);
  const below = drawn.type === "steps" ? lineOf(look, membersOf(drawn, drawing.steps)) : "";
  const isPartly =
    drawn.type === "steps" && membersOf(drawn, drawing.steps).some(({ notRun }) => notRun?.indexes);
  const label = spoken(scene, node, title, below);
  const now = [label, below, look.form, isPartly, isDimmed(node), node === chosen, node === current].join(
    "\n",
  );
  if (now === before) return now;
  element.className = ["node", drawn.type, look.form].join(" ");
  element.classList.toggle("several", drawn.members.length > 1);
  element.classList.toggle("partly", isPartly);
  element.classList.toggle("dimmed", isDimmed(node));
  element.tabIndex = node === current ? 0 : -1;
  element.setAttribute("aria-pressed", String(node === chosen));
  element.setAttribute("aria-label", label);
  element.title = below === "" ? title : `${title}\n${below}`;
  const icon = drawn.type === "steps" ? (look.form as Exclude<Look["form"], "artifact">) : "artifact";
  element.replaceChildren(
    iconElement(icon),
    drawn.type === "artifacts" ? artifactName(title) : text("name", title),
    text("below", below),
    ...bar(look),
  );
  return now;
}

/** The second line of a node. */
export function lineOf({ counts }: Look, steps: readonly PageStep[]): string {
  const [only] = steps;
  if (counts === undefined) return only === undefined ? "" : underline(only, Date.now());
  const notRun = notRunIn(steps);
  return [
    ...groupNames.flatMap((name) => (counts[name] > 0 ? [`${counted(counts[name])} ${name}`] : [])),
    ...(notRun > 0 ? [`${counted(notRun)} not run`] : []),
  ].join(", ");
}

function spoken({ drawing, before, after }: Scene, node: number, title: string, below: string): string {
  const drawn = drawing.nodes[node];
  const isStep = drawn?.type === "steps";
  const ways = [
    [before[node]?.length ?? 0, isStep ? "reads" : "made by"],
    [drawn && !isStep ? leaversOf(drawn, drawing) : 0, "left by"],
    [after[node]?.length ?? 0, isStep ? "makes" : "read by"],
    [drawn && isStep ? leftIn(membersOf(drawn, drawing.steps)) : 0, "has left"],
  ] as const;
  const told = ways.flatMap(([count, verb]) => (count > 0 ? [`${verb} ${count}`] : []));
  return [`${isStep ? "Step" : "Artifact"} ${title}`, below, ...told].filter(Boolean).join(", ");
}

function leaversOf(node: PageNode, { artifacts }: Drawing): number {
  return new Set(membersOf(node, artifacts).flatMap(({ leftBy = [] }) => leftBy)).size;
}

function text(name: string, words: string): HTMLElement {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = words;
  return span;
}

/** Where there is no room the folder goes first, which artifacts often share; then the ends of repositories and the beginnings of tags. */
function artifactName(title: string): HTMLElement {
  const { folder, repository, tag } = partsOf(title);
  const span = text("name", "");
  if (folder !== "") span.append(text("folder", folder));
  span.append(text("repository", repository));
  const end = text("tag", "");
  const inner = document.createElement("bdi");
  inner.textContent = tag;
  end.append(inner);
  if (tag !== "") span.append(end);
  return span;
}

function bar({ counts }: Look): HTMLElement[] {
  if (counts === undefined) return [];
  const all = document.createElement("span");
  all.className = "bar";
  for (const name of groupNames) {
    if (counts[name] === 0) continue;
    const part = document.createElement("span");
    part.className = name;
    part.style.flexGrow = String(counts[name]);
    all.append(part);
  }
  return [all];
}
