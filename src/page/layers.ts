import { type Camera, holds, meet, type Size, seen } from "./camera.ts";
import { paintEdges, paintNode, type Sheet } from "./paint.ts";
import { edgesThrough, lookOf, type Scene } from "./scene.ts";
import { type Colours, coloursNow } from "./theme.ts";

/** The canvases of the overview: edges, marked edges and nodes. Moving the drawing moves them; nothing is painted for that. */
export interface Layers {
  /** Shows what the camera sees, and paints what has not been painted for it. */
  readonly show: (camera: Camera, view: Size) => void;
  /** Paints everything again: for another scene, theme or filter. */
  readonly repaint: () => void;
  /** Paints nodes again that look different now. */
  readonly repaintNodes: (nodes: readonly number[]) => void;
  readonly stop: () => void;
}

/** What the layers paint. */
export interface Painted {
  readonly scene: Scene;
  readonly isDimmed: (node: number) => boolean;
  /** Edges through it are marked. */
  readonly marked: number | undefined;
  /** Nodes are elements at the moment. */
  readonly isNear: boolean;
}

/** So much of the view is painted around it, and so much has to be left when it moves. */
const around = { painted: 0.35, least: 0.08 };
/** Zooming stretches what is there until it has been still for so long. */
const stillMs = 120;
/** So many edges a frame: no frame takes long, and a new zoom is there soon. */
const slice = 350;
const mostDensity = 2;

/**
 * Adds the canvases of the overview to an element.
 *
 * @param host - the element
 * @param painted - what to paint, now
 */
export function createLayers(host: HTMLElement, painted: () => Painted): Layers {
  const canvases = Array.from({ length: 4 }, () => canvasIn(host));
  let [front, back, marks, nodes] = canvases as [Layer, Layer, Layer, Layer];
  let camera: Camera = { x: 0, y: 0, zoom: 1 };
  let view: Size = { width: 0, height: 0 };
  let colours: Colours = coloursNow();
  let newest: Sheet | undefined;
  let frame = 0;
  let still: ReturnType<typeof setTimeout> | undefined;

  const fresh = (layer: Layer): Sheet => {
    const density = Math.min(devicePixelRatio, mostDensity);
    const area = seen(camera, view, around.painted);
    resize(layer.canvas, view, density);
    layer.sheet = { context: layer.context, camera, area, density };
    layer.context.clearRect(0, 0, layer.canvas.width, layer.canvas.height);
    place(layer, camera);
    return layer.sheet;
  };
  const edges = () => {
    cancelAnimationFrame(frame);
    const { scene } = painted();
    const sheet = fresh(back);
    newest = sheet;
    back.canvas.hidden = front.sheet !== undefined;
    const left = scene.reaches.flatMap((reach, at) => (meet(reach, sheet.area) ? [at] : []));
    const width = Math.min(1.5, Math.max(0.5, camera.zoom * 2));
    const go = () => {
      paintEdges(sheet, scene, left.splice(0, slice), colours.edge, width);
      if (left.length > 0) {
        frame = requestAnimationFrame(go);
        return;
      }
      [front, back] = [back, front];
      front.canvas.hidden = false;
      back.canvas.hidden = true;
    };
    go();
  };
  const mark = () => {
    const { scene, marked } = painted();
    marks.canvas.hidden = marked === undefined;
    if (marked === undefined) return;
    const sheet = fresh(marks);
    const through = edgesThrough(scene, marked).filter((at) =>
      meet(scene.reaches[at] ?? sheet.area, sheet.area),
    );
    paintEdges(sheet, scene, through, colours.mark, Math.min(2, Math.max(1, camera.zoom * 3)));
  };
  const allNodes = () => {
    const { scene, isDimmed, isNear } = painted();
    nodes.canvas.hidden = isNear;
    if (isNear) return;
    const sheet = fresh(nodes);
    for (const [at, box] of scene.boxes.entries())
      if (meet(box, sheet.area)) paintNode(sheet, box, lookOf(scene, at), colours, isDimmed(at));
  };
  const repaint = () => {
    clearTimeout(still);
    still = undefined;
    edges();
    mark();
    allNodes();
  };
  return {
    show: (to, size) => {
      const isOther = size.width !== view.width || size.height !== view.height;
      const isZoomed = to.zoom !== camera.zoom;
      [camera, view] = [to, size];
      for (const layer of [front, back, marks, nodes]) place(layer, camera);
      if (isZoomed && !isOther) {
        clearTimeout(still);
        still = setTimeout(repaint, stillMs);
      } else if (isOther || (still === undefined && !isPainted(newest, camera, view))) repaint();
    },
    repaint: () => {
      colours = coloursNow();
      if (view.width > 0) repaint();
    },
    repaintNodes: (changed) => {
      const { scene, isDimmed, isNear } = painted();
      const { sheet } = nodes;
      if (isNear || sheet === undefined) return;
      for (const at of changed) {
        const box = scene.boxes[at];
        if (box && meet(box, sheet.area)) paintNode(sheet, box, lookOf(scene, at), colours, isDimmed(at));
      }
    },
    stop: () => {
      clearTimeout(still);
      cancelAnimationFrame(frame);
      for (const { canvas } of canvases) canvas.remove();
    },
  };
}

interface Layer {
  readonly canvas: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;
  sheet?: Sheet;
}

function canvasIn(host: HTMLElement): Layer {
  const canvas = document.createElement("canvas");
  canvas.className = "layer";
  host.append(canvas);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("This browser paints on no canvas.");
  return { canvas, context };
}

function resize(canvas: HTMLCanvasElement, view: Size, density: number): void {
  const width = Math.ceil(view.width * (1 + 2 * around.painted));
  const height = Math.ceil(view.height * (1 + 2 * around.painted));
  if (canvas.width === Math.ceil(width * density) && canvas.height === Math.ceil(height * density)) return;
  canvas.width = Math.ceil(width * density);
  canvas.height = Math.ceil(height * density);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}

/** Puts what was painted for one camera where another one sees it. */
function place({ canvas, sheet }: Layer, camera: Camera): void {
  if (sheet === undefined) return;
  const x = (sheet.area.x - camera.x) * camera.zoom;
  const y = (sheet.area.y - camera.y) * camera.zoom;
  canvas.style.transform = `translate(${x}px, ${y}px) scale(${camera.zoom / sheet.camera.zoom})`;
}

function isPainted(sheet: Sheet | undefined, camera: Camera, view: Size): boolean {
  return (
    sheet !== undefined &&
    sheet.camera.zoom === camera.zoom &&
    holds(sheet.area, seen(camera, view, around.least))
  );
}
