import { type Box, fitted, meet, type Size } from "./camera.ts";
import type { Form } from "./form.ts";
import { chosenBy, countsOf, formOfNode, type Group, membersOf, nodeOf } from "./model.ts";
import { type Drawing, type PageNode, sizes, type Way } from "./protocol.ts";

/** A drawing, prepared for painting. */
export interface Scene {
  readonly drawing: Drawing;
  readonly way: Way;
  readonly boxes: readonly Box[];
  readonly bounds: Box;
  /** Boxes around edges. */
  readonly reaches: readonly Box[];
  /** Nodes before and behind each node. */
  readonly before: readonly (readonly number[])[];
  readonly after: readonly (readonly number[])[];
  /** Nodes by the step they show. */
  readonly nodeOfStep: readonly number[];
  readonly nodeOfArtifact: readonly number[];
}

/** How a node is painted. */
export interface Look {
  readonly form: Form | "artifact";
  /** Of a node for several steps: how many are in each group. */
  readonly counts: Readonly<Record<Group, number>> | undefined;
}

/** Prepares a drawing in which the data goes one way. */
export function sceneOf(drawing: Drawing, way: Way): Scene {
  const boxes = boxesOf(drawing, way);
  const before = drawing.nodes.map((): number[] => []);
  const after = drawing.nodes.map((): number[] => []);
  for (const [from, to] of drawing.edges) {
    after[from]?.push(to);
    before[to]?.push(from);
  }
  const reaches = drawing.edges.map(([from, to]) =>
    around([boxes[from], boxes[to]].flatMap((box) => box ?? [])),
  );
  const nodesOf = (type: PageNode["type"]) => {
    const found: number[] = [];
    for (const [at, node] of drawing.nodes.entries())
      if (node.type === type) for (const member of node.members) found[member] = at;
    return found;
  };
  return {
    ...{ drawing, way, boxes, reaches, before, after, bounds: around(boxes) },
    nodeOfStep: nodesOf("steps"),
    nodeOfArtifact: nodesOf("artifacts"),
  };
}

function boxesOf({ nodes }: Drawing, way: Way): Box[] {
  return nodes.map(({ type, [way]: corner }) => ({ ...corner, ...sizes[way][type] }));
}

/** Another way has to show so much more: a graph that grows does not turn all the time. */
const worthTurning = 1.25;

/**
 * The way by which a drawing is seen larger.
 *
 * @param drawing - any
 * @param view - of the whole window: what stands beside the graph turns nothing
 * @param now - the way that it goes at the moment
 */
export function wayFor(drawing: Drawing, view: Size, now: Way): Way {
  const other = now === "right" ? "down" : "right";
  const zoomBy = (way: Way) => fitted(around(boxesOf(drawing, way)), view).zoom;
  return zoomBy(other) > zoomBy(now) * worthTurning ? other : now;
}

/** The same scene with other states. */
export function withDrawing(scene: Scene, drawing: Drawing): Scene {
  return { ...scene, drawing };
}

function around(boxes: readonly Box[]): Box {
  const x = boxes.reduce((least, box) => Math.min(least, box.x), Number.POSITIVE_INFINITY);
  const y = boxes.reduce((least, box) => Math.min(least, box.y), Number.POSITIVE_INFINITY);
  const right = boxes.reduce((most, box) => Math.max(most, box.x + box.width), Number.NEGATIVE_INFINITY);
  const bottom = boxes.reduce((most, box) => Math.max(most, box.y + box.height), Number.NEGATIVE_INFINITY);
  return boxes.length === 0
    ? { x: 0, y: 0, width: 0, height: 0 }
    : { x, y, width: right - x, height: bottom - y };
}

/** How a node is painted now. */
export function lookOf({ drawing }: Scene, at: number): Look {
  const node = drawing.nodes[at];
  if (node === undefined || node.type === "artifacts") return { form: "artifact", counts: undefined };
  const counts = node.members.length > 1 ? countsOf(membersOf(node, drawing.steps)) : undefined;
  return { form: formOfNode(node, drawing), counts };
}

/** Nodes of which a part is within a box. */
export function nodesIn({ boxes }: Scene, area: Box): number[] {
  const found: number[] = [];
  for (const [at, box] of boxes.entries()) if (meet(box, area)) found.push(at);
  return found;
}

/** The node at a point of the drawing. */
export function nodeAt({ boxes }: Scene, x: number, y: number, slack: number): number | undefined {
  const at = boxes.findLastIndex((box) =>
    meet(box, { x: x - slack, y: y - slack, width: 2 * slack, height: 2 * slack }),
  );
  return at < 0 ? undefined : at;
}

/** Edges that lead to a node from everything that it is made from, and from it to everything that is made from it. */
export function edgesThrough({ drawing, before, after }: Scene, node: number): number[] {
  const [up, down] = [before, after].map((near) => reached(node, near)) as [Set<number>, Set<number>];
  return drawing.edges.flatMap(([from, to], at) =>
    (up.has(from) && up.has(to)) || (down.has(from) && down.has(to)) ? [at] : [],
  );
}

function reached(start: number, near: readonly (readonly number[])[]): Set<number> {
  const found = new Set([start]);
  // A set is walked to its end, also to what is added meanwhile.
  for (const node of found) for (const next of near[node] ?? []) found.add(next);
  return found;
}

/** Nodes of steps that are others than before. */
export function changedNodes({ drawing: before, nodeOfStep }: Scene, now: Drawing): number[] {
  if (now.steps === before.steps) return [];
  const found = new Set<number>();
  for (const [at, step] of now.steps.entries()) {
    const node = nodeOfStep[at];
    if (step !== before.steps[at] && node !== undefined) found.add(node);
  }
  return [...found];
}

/** Where a node is in another drawing, if it is there. */
export function placeIn(now: Drawing, before: Drawing, node: number | undefined): number | undefined {
  const drawn = before.nodes[node ?? -1];
  const at = drawn === undefined ? -1 : nodeOf(chosenBy(drawn, before), now);
  return at < 0 ? undefined : at;
}
