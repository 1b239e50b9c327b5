import type { Box } from "./camera.ts";
import type { Scene } from "./scene.ts";

export type Direction = "left" | "right" | "up" | "down";

type Placed = Pick<Scene, "boxes" | "way">;

/**
 * The node that an arrow key leads to: along the data in the way that it goes, and across it to those beside.
 *
 * @param scene - of the graph
 * @param from - the node
 * @param key - its direction
 */
export function neighbour(
  scene: Placed & Pick<Scene, "before" | "after">,
  from: number,
  key: Direction,
): number | undefined {
  const { before, after } = scene;
  const boxes = toTheRight(scene);
  const direction = scene.way === "right" ? key : turned[key];
  const box = boxes[from];
  if (box === undefined) return undefined;
  const along = { left: before[from], right: after[from], up: undefined, down: undefined }[direction];
  if (along !== undefined) return nearest(boxes, along, (other) => Math.abs(middle(other).y - middle(box).y));
  const sign = direction === "up" ? -1 : 1;
  const column = boxes.flatMap((other, at) => {
    const isBeside = Math.abs(middle(other).x - middle(box).x) < Math.max(other.width, box.width) / 2;
    return at !== from && isBeside && (middle(other).y - middle(box).y) * sign > 0 ? [at] : [];
  });
  return nearest(boxes, column, (other) => Math.abs(middle(other).y - middle(box).y));
}

const turned = { up: "left", down: "right", left: "up", right: "down" } as const;

/** Boxes as they would be if the data went to the right. */
function toTheRight({ boxes, way }: Placed): readonly Box[] {
  if (way === "right") return boxes;
  return boxes.map(({ x, y, width, height }) => ({ x: y, y: x, width: height, height: width }));
}

/** Where the keyboard begins: where the data does. */
export function firstOf(scene: Placed): number | undefined {
  const boxes = toTheRight(scene);
  let first = boxes.length > 0 ? 0 : undefined;
  for (const [at, { x, y }] of boxes.entries()) {
    const least = boxes[first ?? 0];
    if (least && (x < least.x || (x === least.x && y < least.y))) first = at;
  }
  return first;
}

function middle({ x, y, width, height }: Box) {
  return { x: x + width / 2, y: y + height / 2 };
}

function nearest(
  boxes: readonly Box[],
  nodes: Iterable<number>,
  far: (box: Box) => number,
): number | undefined {
  let found: { readonly node: number; readonly away: number } | undefined;
  for (const node of nodes) {
    const box = boxes[node];
    const away = box === undefined ? Number.POSITIVE_INFINITY : far(box);
    if (found === undefined || away < found.away) found = { node, away };
  }
  return found?.node;
}
