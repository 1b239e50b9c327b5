import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { draw } from "../../../../src/cli/ui/drawing.ts";
import { meet } from "../../../../src/page/camera.ts";
import { neighbour } from "../../../../src/page/neighbour.ts";
import type { Drawing, Way } from "../../../../src/page/protocol.ts";
import { sceneOf, wayFor } from "../../../../src/page/scene.ts";
import { objectsOf, stepIn } from "../../../support/ui-objects.ts";

const ways: readonly Way[] = ["right", "down"];
const wide = { width: 1280, height: 800 };
const narrow = { width: 360, height: 740 };

/** Each step reads what some step before it makes. */
function drawingOf(readsOf: readonly number[]): Drawing {
  const steps = readsOf.map((reads, at) =>
    stepIn(
      `step${String.fromCharCode(97 + (at % 26))}${"x".repeat(at / 26)}`,
      { ...(at > 0 && { "input-uri": `work/x${reads % at}:v1` }), "output-uri": `work/x${at}:v1` },
      "succeeded",
    ),
  );
  return draw(objectsOf(steps), undefined).drawing;
}

const chain = drawingOf([0, 0, 1, 2, 3, 4, 5, 6]);

describe.each(ways)("where the data goes %s", (way) => {
  test("no node is on another one, and no edge goes back", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { minLength: 1, maxLength: 60 }), (reads) => {
        const { boxes, drawing } = sceneOf(drawingOf(reads), way);
        for (const [at, box] of boxes.entries())
          expect(boxes.findIndex((other, i) => i > at && meet(box, other))).toBe(-1);
        const start = (node: number) => boxes[node]?.[way === "right" ? "x" : "y"] ?? Number.NaN;
        const end = (node: number) =>
          start(node) + (boxes[node]?.[way === "right" ? "width" : "height"] ?? 0);
        for (const [from, to] of drawing.edges) expect(end(from)).toBeLessThanOrEqual(start(to));
      }),
      { numRuns: 60 },
    );
  });

  test("the keys go there, and back", () => {
    const scene = sceneOf(chain, way);
    const [from = -1, to = -1] = scene.drawing.edges[0] ?? [];
    expect(neighbour(scene, from, way)).toBe(to);
    expect(neighbour(scene, to, way === "right" ? "left" : "up")).toBe(from);
    // Nothing is beside it in a chain.
    expect(neighbour(scene, to, way === "right" ? "down" : "right")).toBeUndefined();
  });

  test("no way is taken for nothing", () => {
    expect(wayFor(drawingOf([0]), wide, way)).toBe(way);
    // What has been turned is not turned back.
    for (const view of [wide, narrow]) {
      const turned = wayFor(chain, view, way);
      expect(wayFor(chain, view, turned)).toBe(turned);
    }
  });
});

test("a chain goes down where the window is higher than wide", () => {
  expect(wayFor(chain, narrow, "right")).toBe("down");
});
