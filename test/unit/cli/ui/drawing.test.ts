import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { draw } from "../../../../src/cli/ui/drawing.ts";
import { apply, type Model } from "../../../../src/page/model.ts";
import { objectsOf, stepIn } from "../../../support/ui-objects.ts";

const split = { "input-uri": "data/raw:v1", "output-uri": "parts/all:v1" } as const;
const count = { "input-uri": "parts/all:v1", "output-uri": "counts/all:v1" } as const;
const state = fc.constantFrom("succeeded", "failed", "running", "waiting");
/** Steps as they may be at some moment: a few names, so that the same ones come again. */
const steps = fc.uniqueArray(fc.record({ at: fc.nat(7), reads: fc.nat(7), alike: fc.boolean(), state }), {
  selector: ({ at }) => at,
  maxLength: 8,
});

describe("a drawing", () => {
  test("of steps that have gone on is told as these steps, and else as a whole", () => {
    const before = objectsOf([stepIn("split", split, "running"), stepIn("count", count, "waiting")]);
    const { drawing } = draw(before, undefined);
    expect(draw(before, drawing).message).toBeUndefined();
    const now = objectsOf([stepIn("split", split, "succeeded"), stepIn("count", count, "waiting")]);
    expect(draw(now, drawing).message).toMatchObject({
      type: "changes",
      steps: [[expect.any(Number), { id: "job/split", state: "succeeded" }]],
      artifacts: [[expect.any(Number), { digest: expect.stringMatching(/^sha256:/) }]],
    });
    const other = { ...count, "output-uri": "counts/all:v2" };
    const changed = objectsOf([stepIn("split", split, "running"), stepIn("count", other, "waiting")]);
    expect(draw(changed, drawing).message).toMatchObject({ type: "drawing" });
  });

  test("that is told by what has changed is the one that a new page gets", () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 1, maxLength: 6 }), (moments) => {
        let model: Model = { drawing: undefined, reach: { notes: [] } };
        let told = model.drawing;
        for (const moment of moments) {
          const objects = objectsOf(
            moment.map(({ at, reads, alike, state: how }) =>
              stepIn(
                alike ? `same-${at}` : `own${"abcdefgh"[at]}`,
                { "input-uri": `work/x:${reads}`, "output-uri": `work/x:${at}` },
                how,
                `Waits for work/x:${reads}.`,
              ),
            ),
          );
          const { drawing, message } = draw(objects, told);
          told = drawing;
          if (message !== undefined) model = apply(model, message);
          expect(model.drawing).toEqual(draw(objects, undefined).drawing);
        }
      }),
    );
  });
});
