import { expect, test } from "vitest";
import { keeperResources } from "../../../src/cache/keeper-resources.ts";

const least = { cpu: "10m", memory: "32Mi" };

test.each([
  ["nothing", undefined, { requests: least }],
  ["less than it needs", { requests: { cpu: "1m", memory: 1024 } }, { requests: least }],
  ["what a LimitRange demands", { requests: { cpu: "50m" } }, { requests: { cpu: "50m", memory: "32Mi" } }],
  [
    "more than is enough",
    { requests: { cpu: 4, memory: "8Gi" } },
    { requests: { cpu: "100m", memory: "64Mi" } },
  ],
  [
    "limits alone, as a quota demands",
    { limits: { cpu: "1", memory: "1Gi" } },
    { requests: { cpu: "100m", memory: "64Mi" }, limits: { cpu: "100m", memory: "64Mi" } },
  ],
  [
    "a limit of one",
    { requests: { memory: "40Mi" }, limits: { memory: "1Gi" } },
    { requests: { cpu: "10m", memory: "40Mi" }, limits: { memory: "40Mi" } },
  ],
  [
    "ephemeral storage",
    { requests: { "ephemeral-storage": "1Gi" } },
    { requests: { ...least, "ephemeral-storage": "64Mi" } },
  ],
  ["what only the registry needs", { limits: { "example.com/gpu": 1 } }, { requests: least }],
])("the author writes %s", (_, theirs, ours) => {
  expect(keeperResources(theirs)).toEqual(ours);
});
