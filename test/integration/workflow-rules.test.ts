import { describe, expect } from "vitest";
import { cacheRules } from "../support/cache-rules.ts";
import { test as base } from "../support/integration.ts";

const test = base.extend("rules", { scope: "file" }, ({ installed }) =>
  cacheRules(installed, "workflow-rules"),
);

describe("workflow and lineage that are refused", () => {
  test.for<[string, object, string]>([
    ["what is on without quotes in YAML", { workflow: { memoize: true } }, "spec.workflow.memoize"],
    ["what a step alone may ask for", { workflow: { memoize: "refresh" } }, "spec.workflow.memoize"],
    [
      "a repository of another registry",
      { workflow: { memo: { repository: "ghcr.io/memo" } } },
      "spec.workflow.memo.repository",
    ],
    [
      "the operator's own repository",
      { workflow: { memo: { repository: "oras-operator-state" } } },
      "repository cannot be oras-operator-state",
    ],
    [
      "a Secret of another namespace",
      { lineage: { signingKeySecret: "other/key" } },
      "spec.lineage.signingKeySecret",
    ],
    ["days", { workflow: { memo: { keepFor: "7d" } } }, "spec.workflow.memo.keepFor"],
  ])("%s", async ([, spec, message], { rules }) => {
    expect(await rules.created(spec)).toContain(message);
  });
});

describe("workflow and lineage that are accepted", () => {
  test.for<[string, object, object]>([
    ["nothing but the word", { workflow: {} }, { workflow: { waitForInputs: false, memoize: "off" } }],
    [
      "another repository",
      { workflow: { memoize: "on", memo: { repository: "team/memo" } } },
      { workflow: { memo: { repository: "team/memo", keepFor: "168h" } } },
    ],
    [
      "a key to sign with",
      { lineage: { signingKeySecret: "key" } },
      { lineage: { provenance: true, signingKeySecret: "key" } },
    ],
    [
      "a remote registry",
      { deploy: false, registry: "ghcr.io", workflow: { waitForInputs: true }, lineage: {} },
      { workflow: { waitForInputs: true }, lineage: { provenance: true, includeArguments: false } },
    ],
  ])("%s", async ([, spec, stored], { rules }) => {
    expect(await rules.created(spec)).toMatchObject({ spec: stored });
  });
});
