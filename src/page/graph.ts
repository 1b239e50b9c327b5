import { type Camera, fitted, moved, type Size, showing, zoomed } from "./camera.ts";
import { createLayers } from "./layers.ts";
import { chosenBy, nodeMatches, nodeOf } from "./model.ts";
import { createNear } from "./near.ts";
import { firstOf, neighbour } from "./neighbour.ts";
import { listenTo } from "./pointer.ts";
import type { Drawing } from "./protocol.ts";
import { changedNodes, nodeAt, placeIn, type Scene, sceneOf, wayFor, withDrawing } from "./scene.ts";
import type { Page, Store } from "./store.ts";
import { onTheme } from "./theme.ts";
import { createTip } from "./tip.ts";

/** What the rest of the page asks of the graph. */
export interface GraphView {
  readonly zoom: (factor: number) => void;
  readonly fit: () => void;
  /** Moves as little as shows the node, and gives it the focus. */
  readonly focus: (node: number) => void;
  readonly stop: () => void;
}

const slack = 3;
const nearEnough = 0.8;
const tickMs = 5_000;
/** So much of its size everything may lose where details take some of the room. */
const leastKept = 0.75;

/**
 * Draws the graph into an element, and keeps it as the store has it.
 *
 * @param host - the element
 * @param store - of the page
 */
export function createGraph(host: HTMLElement, store: Store): GraphView {
  let page: Page = store.get();
  let scene: Scene = sceneOf(nothing, "right");
  let camera: Camera = { x: 0, y: 0, zoom: 1 };
  let view: Size = sizeOf(host);
  let current: number | undefined;
  let dimmed: readonly boolean[] = [];
  let isNear = false;
  /** Nobody has moved it: it shows everything. */
  let isFitted = true;
  let drawnAt: Camera | undefined;

  const chosen = () => {
    const at = page.chosen === undefined ? -1 : nodeOf(page.chosen, scene.drawing);
    return at < 0 ? undefined : at;
  };
  const isDimmed = (node: number) => dimmed[node] ?? false;
  const layers = createLayers(host, () => ({ scene, isDimmed, marked: chosen(), isNear }));
  const near = createNear(host, () => ({ scene, isDimmed, chosen: chosen(), current }));
  const tip = createTip(host);

  const look = (to: Camera, refresh = false) => {
    camera = to;
    const isZoomed = drawnAt === undefined || drawnAt.zoom !== camera.zoom;
    const away = drawnAt === undefined ? 1 : distance(drawnAt, camera, view);
    const was = isNear;
    if (refresh || isZoomed || away > mostAway) {
      drawnAt = camera;
      isNear = near.show(camera, view);
    } else near.move(camera);
    layers.show(camera, view);
    if (was !== isNear) layers.repaint();
  };
  const all = () => {
    isFitted = true;
    look(fitted(scene.bounds, view), true);
  };
  const move = (to: Camera) => {
    isFitted = false;
    tip.hide();
    look(to);
  };
  const choose = (node: number | undefined) => {
    const drawn = node === undefined ? undefined : scene.drawing.nodes[node];
    if (node !== undefined) current = node;
    store.set({ chosen: drawn && chosenBy(drawn, scene.drawing) });
  };
  const focus = (node: number) => {
    const box = scene.boxes[node];
    if (box === undefined) return;
    current = node;
    const to = showing(camera, box, view);
    if (to.x !== camera.x || to.y !== camera.y) isFitted = false;
    look(to, true);
    element()?.focus({ preventScroll: true });
  };
  const element = () => (current === undefined ? undefined : near.elementOf(current));
  /** Gives the focus back to the node that has it now: in another drawing its element may be that of another. */
  const heldFocus = () => {
    const isHere = document.activeElement === element();
    return () => isHere && element()?.focus({ preventScroll: true });
  };
  const refilter = () => {
    const { nodes } = scene.drawing;
    dimmed = nodes.map((node) => !nodeMatches(node, scene.drawing, page.filter));
  };
  /** Takes another drawing over, and says which nodes look different now. */
  const adopt = (drawing: Drawing): readonly number[] | "all" => {
    const isOther = drawing.nodes !== scene.drawing.nodes;
    const changed = isOther ? "all" : changedNodes(scene, drawing);
    const kept = isOther ? placeIn(drawing, scene.drawing, current) : current;
    scene = isOther
      ? sceneOf(drawing, wayFor(drawing, windowSize(), scene.way))
      : withDrawing(scene, drawing);
    current = kept ?? firstOf(scene);
    if (isOther && isFitted) all();
    return changed;
  };
  const update = () => {
    const before = page;
    page = store.get();
    const refocus = heldFocus();
    const changed = adopt(page.drawing ?? nothing);
    const isFiltered = page.filter !== before.filter;
    if (changed.length > 0 || isFiltered) refilter();
    const isAll = changed === "all" || isFiltered || page.chosen !== before.chosen;
    if (!isAll) {
      near.refill(changed);
      layers.repaintNodes(changed);
      return;
    }
    drawnAt = camera;
    isNear = near.show(camera, view);
    refocus();
    layers.repaint();
  };
  const sized = new ResizeObserver(() => {
    view = sizeOf(host);
    const box = scene.boxes[chosen() ?? -1];
    const isLarge = fitted(scene.bounds, view).zoom >= camera.zoom * leastKept;
    // Details take some of the room: what they are about stays to be seen, and everything else if it stays to be read.
    if (isFitted && (box === undefined || isLarge)) all();
    else if (box !== undefined) look(showing(camera, box, view), true);
    else look(camera, true);
  });
  sized.observe(host);
  const turn = () => {
    const way = wayFor(scene.drawing, windowSize(), scene.way);
    if (way === scene.way) return;
    const refocus = heldFocus();
    scene = sceneOf(scene.drawing, way);
    all();
    refocus();
    layers.repaint();
  };
  addEventListener("resize", turn);
  const at = (x: number, y: number) =>
    nodeAt(scene, camera.x + x / camera.zoom, camera.y + y / camera.zoom, slack / camera.zoom);
  const deaf = listenTo(host, {
    pull: (dx, dy) => move(moved(camera, dx, dy)),
    zoom: (factor, x, y) => move(zoomed(camera, factor, { x, y })),
    click: (x, y, node) => choose(node ?? at(x, y)),
    doubleClick: (x, y) => move(zoomed(camera, Math.max(1.5, nearEnough / camera.zoom), { x, y })),
    hover: (x, y) => (isNear ? tip.hide() : tip.show(scene, at(x, y), x, y)),
    leave: tip.hide,
    arrow: (direction) => {
      const next = current === undefined ? undefined : neighbour(scene, current, direction);
      if (next !== undefined) focus(next);
    },
  });
  const leave = store.subscribe(update);
  // How long steps have run stands on them.
  const tick = setInterval(() => near.refill(scene.boxes.keys()), tickMs);
  const unlit = onTheme(layers.repaint);
  update();
  return {
    zoom: (factor) => move(zoomed(camera, factor, { x: view.width / 2, y: view.height / 2 })),
    fit: all,
    focus,
    stop: () => {
      clearInterval(tick);
      removeEventListener("resize", turn);
      for (const end of [leave, unlit, deaf, layers.stop, tip.stop]) end();
      sized.disconnect();
    },
  };
}

const nothing: Drawing = { namespace: "", steps: [], artifacts: [], nodes: [], edges: [], cycles: [] };
/** Elements stand around the view as well; so far it may move before others are made. */
const mostAway = 0.2;

function distance(a: Camera, b: Camera, view: Size): number {
  return Math.max(
    (Math.abs(a.x - b.x) * b.zoom) / Math.max(1, view.width),
    (Math.abs(a.y - b.y) * b.zoom) / Math.max(1, view.height),
  );
}

function windowSize(): Size {
  return { width: innerWidth, height: innerHeight };
}

function sizeOf({ clientWidth: width, clientHeight: height }: HTMLElement): Size {
  return { width, height };
}
