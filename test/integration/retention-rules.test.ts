import { describe, expect } from "vitest";
import { cacheRules } from "../support/cache-rules.ts";
import { test as base } from "../support/integration.ts";

const test = base.extend("rules", { scope: "file" }, ({ installed }) => cacheRules(installed, "retention"));

const rule = { repositories: ["scratch/**"], keepLast: 5 };
const claim = (size: string) => ({ storage: { persistentVolumeClaim: { size } } });

describe("retention that is refused", () => {
  test.for<[string, object, string]>([
    ["of no registry", { deploy: false, retention: {} }, "retention may only be set where deploy is true"],
    ["a schedule of six fields", { retention: { schedule: "0 0 * * * *" } }, "spec.retention.schedule"],
    ["a minute that there is not", { retention: { schedule: "60 * * * *" } }, "spec.retention.schedule"],
    ["a word for a schedule", { retention: { schedule: "@hourly" } }, "spec.retention.schedule"],
    [
      "a rule that keeps nothing",
      { retention: { rules: [{ repositories: ["a"] }] } },
      "keepLast, keepYoungerThan or keepPulledWithin must be set",
    ],
    [
      "a rule for nothing",
      { retention: { rules: [{ ...rule, repositories: [] }] } },
      "spec.retention.rules[0].repositories",
    ],
    [
      "a repository in capitals",
      { retention: { rules: [{ ...rule, repositories: ["A"] }] } },
      "spec.retention.rules[0].repositories[0]",
    ],
    [
      "two stars in a word",
      { retention: { rules: [{ ...rule, repositories: ["a**"] }] } },
      "spec.retention.rules[0].repositories[0]",
    ],
    ["no rules", { retention: { rules: [] } }, "spec.retention.rules"],
    [
      "none of the last tags",
      { retention: { rules: [{ ...rule, keepLast: 0 }] } },
      "spec.retention.rules[0].keepLast",
    ],
    [
      "a size without a rule",
      { retention: { maxSize: "1Gi" } },
      "maxSize may only be set where rules is set",
    ],
    ["days", { retention: { untaggedAfter: "1d" } }, "spec.retention.untaggedAfter"],
    [
      "pulls within no time",
      { retention: { rules: [{ repositories: ["a"], keepPulledWithin: "" }] } },
      "spec.retention.rules[0].keepPulledWithin",
    ],
    [
      "more than the volume has",
      { ...claim("1Gi"), retention: { rules: [rule], maxSize: "1025Mi" } },
      "retention.maxSize cannot be more than storage.persistentVolumeClaim.size",
    ],
    [
      "more than the emptyDir may take",
      { storage: { emptyDir: { sizeLimit: "1Gi" } }, retention: { rules: [rule], maxSize: "2G" } },
      "retention.maxSize cannot be more than storage.emptyDir.sizeLimit",
    ],
  ])("%s", async ([, spec, message], { rules }) => {
    expect(await rules.created(spec)).toContain(message);
  });
});

describe("retention that is accepted", () => {
  test.for<[string, object]>([
    ["nothing but the word", { retention: {} }],
    ["all that the volume has", { ...claim("1Gi"), retention: { rules: [rule], maxSize: "1024Mi" } }],
    [
      "a size beside a volume of others",
      {
        storage: { persistentVolumeClaim: { claimName: "mine" } },
        retention: { rules: [rule], maxSize: "1Gi" },
      },
    ],
    ["pulls alone", { retention: { rules: [{ repositories: ["a"], keepPulledWithin: "720h" }] } }],
    ["nights", { retention: { schedule: "17 22-4 * * 1-5" } }],
    [
      "as many rules as there may be",
      {
        retention: {
          rules: Array.from({ length: 64 }, (_, i) => ({
            repositories: Array.from({ length: 32 }, (_, j) => `${"a".repeat(240)}/${i}/${j}`),
            keepYoungerThan: "72h",
          })),
        },
      },
    ],
  ])("%s", async ([, spec], { rules }) => {
    expect(await rules.created(spec)).toMatchObject({
      spec: {
        retention: { suspend: false, dryRun: false, keepInputs: true, untaggedAfter: "24h", grace: "1h" },
      },
    });
  });
});
