/** What part of the drawing is seen: the point at the left upper corner of the view, and how large everything is. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A rectangle of the drawing. */
export interface Box extends Size {
  readonly x: number;
  readonly y: number;
}

export const zooms = { least: 0.01, most: 1.6 } as const;
const padding = 40;
/** In a narrow window names need the room more. */
const leastPadding = 0.04;
/** The buttons for zooming stand there. */
const below = 64;

/**
 * The camera that sees everything, and no part larger than at zoom 1.
 *
 * @param box - all of the drawing
 * @param view - in CSS pixels
 */
export function fitted(box: Box, view: Size): Camera {
  const aside = Math.min(padding, view.width * leastPadding);
  const top = Math.min(padding, view.height * leastPadding);
  const height = view.height - top - below;
  const across = (view.width - 2 * aside) / Math.max(1, box.width);
  const down = height / Math.max(1, box.height);
  const zoom = limited(Math.min(1, across, down));
  return {
    x: box.x + box.width / 2 - view.width / zoom / 2,
    y: box.y + box.height / 2 - (top + height / 2) / zoom,
    zoom,
  };
}

/**
 * Nearer or farther, with one point of the view where it was.
 *
 * @param camera - before
 * @param factor - above 1 is nearer
 * @param at - the point, in CSS pixels of the view
 */
export function zoomed(
  camera: Camera,
  factor: number,
  at: { readonly x: number; readonly y: number },
): Camera {
  const zoom = limited(camera.zoom * factor);
  return {
    x: camera.x + at.x / camera.zoom - at.x / zoom,
    y: camera.y + at.y / camera.zoom - at.y / zoom,
    zoom,
  };
}

/** The camera after the drawing was pulled by so many CSS pixels. */
export function moved(camera: Camera, dx: number, dy: number): Camera {
  return { ...camera, x: camera.x - dx / camera.zoom, y: camera.y - dy / camera.zoom };
}

/**
 * The camera moved by as little as shows a box.
 *
 * @param camera - before
 * @param box - to be seen
 * @param view - in CSS pixels
 */
export function showing(camera: Camera, box: Box, view: Size): Camera {
  const margin = padding / camera.zoom;
  const along = (from: number, length: number, start: number, size: number) => {
    const least = from + length + margin - size / camera.zoom;
    return Math.min(Math.max(start, least), from - margin);
  };
  return {
    ...camera,
    x: along(box.x, box.width, camera.x, view.width),
    y: along(box.y, box.height, camera.y, view.height),
  };
}

/** What a camera sees, and around it so much of the view. */
export function seen({ x, y, zoom }: Camera, view: Size, around = 0): Box {
  const [width, height] = [view.width / zoom, view.height / zoom];
  return {
    x: x - width * around,
    y: y - height * around,
    width: width * (1 + 2 * around),
    height: height * (1 + 2 * around),
  };
}

/** Whether two boxes have something in common. */
export function meet(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** Whether a box has all of another. */
export function holds(outer: Box, inner: Box): boolean {
  return (
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  );
}

function limited(zoom: number): number {
  return Math.min(zooms.most, Math.max(zooms.least, zoom));
}
