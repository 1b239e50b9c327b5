import type { Box, Camera } from "./camera.ts";
import { groupNames } from "./model.ts";
import type { Way } from "./protocol.ts";
import type { Look, Scene } from "./scene.ts";
import type { Colours } from "./theme.ts";

/** A canvas and the part of the drawing that is painted on it. */
export interface Sheet {
  readonly context: CanvasRenderingContext2D;
  /** Of the moment at which it was painted. */
  readonly camera: Camera;
  /** Everything that is on it. */
  readonly area: Box;
  /** Pixels of the canvas for each CSS pixel. */
  readonly density: number;
}

/** Below this zoom a curve is not told from a line. */
const curvedFrom = 0.12;
const leastSide = 2;
const leastFailed = 5;
const corner = 8;

/**
 * Paints some edges.
 *
 * @param sheet - where
 * @param scene - of which
 * @param edges - their places in the list
 * @param colour - of all
 * @param width - in CSS pixels
 */
export function paintEdges(
  { context, camera, area, density }: Sheet,
  { drawing, boxes, way }: Scene,
  edges: readonly number[],
  colour: string,
  width: number,
): void {
  const scale = camera.zoom * density;
  context.strokeStyle = colour;
  context.lineWidth = width * density;
  for (const each of edges) {
    const [from, to] = (drawing.edges[each] ?? []).map((node) => boxes[node]);
    if (from === undefined || to === undefined) continue;
    const [start, end] = endsOf(from, to, way);
    const [x1, y1] = [(start.x - area.x) * scale, (start.y - area.y) * scale];
    const [x2, y2] = [(end.x - area.x) * scale, (end.y - area.y) * scale];
    context.beginPath();
    context.moveTo(x1, y1);
    if (camera.zoom < curvedFrom) context.lineTo(x2, y2);
    else if (way === "down") {
      const bend = Math.max(18 * scale, Math.abs(y2 - y1) / 2);
      context.bezierCurveTo(x1, y1 + bend, x2, y2 - bend, x2, y2);
    } else {
      const bend = Math.max(24 * scale, Math.abs(x2 - x1) / 2);
      context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
    }
    context.stroke();
  }
}

/** From the side of a node to that of another one, in the way that the data goes. */
function endsOf(from: Box, to: Box, way: Way) {
  return way === "right"
    ? ([
        { x: from.x + from.width, y: from.y + from.height / 2 },
        { x: to.x, y: to.y + to.height / 2 },
      ] as const)
    : ([
        { x: from.x + from.width / 2, y: from.y + from.height },
        { x: to.x + to.width / 2, y: to.y },
      ] as const);
}

/**
 * Paints a node, small: what it is called is not on it.
 *
 * @param sheet - where
 * @param box - of the node
 * @param look - of the node
 * @param colours - of the theme
 * @param dimmed - whether it is not what is looked for
 */
export function paintNode(sheet: Sheet, box: Box, look: Look, colours: Colours, dimmed: boolean): void {
  const { context } = sheet;
  const place = placeOf(sheet, box);
  context.clearRect(place.x - 1, place.y - 1, place.width + 2, place.height + 2);
  context.globalAlpha = dimmed ? 0.16 : 1;
  const { form, counts } = look;
  if (form === "artifact") {
    context.fillStyle = colours.artifact;
    const height = Math.max(1, place.height * 0.5);
    context.fillRect(place.x, place.y + (place.height - height) / 2, place.width, height);
  } else if (counts === undefined) paintForm(sheet, place, form, colours);
  else paintCounts(sheet, place, counts, colours);
  context.globalAlpha = 1;
}

function placeOf({ camera, area, density }: Sheet, box: Box): Box {
  const scale = camera.zoom * density;
  return {
    x: Math.round((box.x - area.x) * scale),
    y: Math.round((box.y - area.y) * scale),
    width: Math.max(leastSide, Math.round(box.width * scale)),
    height: Math.max(leastSide, Math.round(box.height * scale)),
  };
}

/** Forms differ as well as colours: done is full, failed is full with a cross, running is half full, waiting is hollow, and what did not run is hollow with a bar. */
function paintForm(
  { context, density }: Sheet,
  place: Box,
  form: Exclude<Look["form"], "artifact">,
  colours: Colours,
) {
  // Whoever looks at thousands looks for these.
  const height = form === "failed" ? Math.max(place.height, leastFailed * density) : place.height;
  const { x, width } = place;
  const y = place.y - (height - place.height) / 2;
  const colour = colours[form];
  const line = Math.max(1, Math.min(2 * density, height / 5));
  const radius = Math.min(corner * density, height / 4);
  context.fillStyle = colour;
  context.strokeStyle = colour;
  context.lineWidth = line;
  context.beginPath();
  context.roundRect(
    x + line / 2,
    y + line / 2,
    Math.max(1, width - line),
    Math.max(1, height - line),
    radius,
  );
  if (form === "failed" || form === "succeeded") context.fill();
  if (form === "running") context.fillRect(x, y, width / 2, height);
  if (form === "notRun") context.fillRect(x, y + height * 0.4, width, height * 0.2);
  context.stroke();
  if (form !== "failed" || height < 6 * density) return;
  const [middle, arm] = [x + width / 2, height / 4];
  context.strokeStyle = colours.surface;
  context.lineWidth = Math.max(density, height / 9);
  context.beginPath();
  context.moveTo(middle - arm, y + height / 2 - arm);
  context.lineTo(middle + arm, y + height / 2 + arm);
  context.moveTo(middle + arm, y + height / 2 - arm);
  context.lineTo(middle - arm, y + height / 2 + arm);
  context.stroke();
}

function paintCounts(
  { context }: Sheet,
  place: Box,
  counts: NonNullable<Look["counts"]>,
  colours: Colours,
): void {
  const all = groupNames.reduce((sum, name) => sum + counts[name], 0);
  let { x } = place;
  for (const name of groupNames) {
    const width = (place.width * counts[name]) / all;
    context.fillStyle = colours[name];
    if (name === "waiting") {
      context.strokeStyle = colours.waiting;
      context.strokeRect(x + 0.5, place.y + 0.5, Math.max(0, width - 1), place.height - 1);
    } else context.fillRect(x, place.y, width, place.height);
    x += width;
  }
}
