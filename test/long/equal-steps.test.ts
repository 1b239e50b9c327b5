import { test } from "vitest";
import { expectOneRun } from "../support/equal-steps.ts";
import { startJobPlane } from "../support/job-plane.ts";

test("of 1,000 equal steps that come at once one runs, with few writes for each", async ({
  onTestFinished,
}) => {
  const all = await startJobPlane();
  onTestFinished(all.stop);
  await expectOneRun(all, 1_000);
}, 900_000);
