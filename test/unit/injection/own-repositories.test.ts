import type { V1Job, V1Pod } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import type { OrasCache } from "../../../src/cache/types.ts";
import { jobOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { admit, createRequest } from "../../support/pods.ts";

const cacheWith = (spec: object): OrasCache =>
  ({ apiVersion: names.apiVersion, kind: names.kind, metadata: { name: "oras" }, spec }) as OrasCache;
const plain = cacheWith({ deploy: true });
const own = cacheWith({ deploy: true, workflow: { memo: { repository: "team/memo" } } });
const verdictOn = (object: V1Job | V1Pod, cache?: OrasCache) =>
  admit(createRequest(object), cache === undefined ? {} : { cache });
const isRefused = (map: StepAnnotations, cache?: OrasCache) => {
  const verdicts = [jobOf("step", map, "true"), podOf("step", map, "true")].map((object) =>
    JSON.stringify(verdictOn(object, cache)).includes("(RepositoryOfOperator)"),
  );
  expect(verdicts[0]).toBe(verdicts[1]);
  return verdicts[0];
};

const host = "oras-0.oras.default.svc.cluster.local:5000";

describe("an artifact in a repository that the operator keeps for itself is refused", () => {
  it.each<[string, StepAnnotations, OrasCache | undefined]>([
    ["an output", { "output-uri": "oras-memo:v1" }, plain],
    ["of a cache that is not there yet", { "output-uri": "oras-memo:v1" }, undefined],
    ["of a cache that names another", { "output-uri": "team/memo:v1" }, own],
    ["the state", { "output-uri": "oras-operator-state:owner" }, plain],
    ["with the host of the cache", { "output-uri": `oci://${host}/oras-memo:v1` }, plain],
    ["with the cache's registry", { registry: `http://${host}`, "output-uri": "oras-memo:v1" }, plain],
    ["by its Service", { "output-uri": "oci://oras.default.svc:5000/oras-memo:v1" }, plain],
    ["by its short name", { "output-uri": "oci://oras:5000/oras-memo:v1" }, plain],
    ["in another case", { registry: `http://${host.toUpperCase()}`, "output-uri": "oras-memo:v1" }, plain],
    ["of another cache", { registry: "http://big-0.big.team.svc:5000", "output-uri": "oras-memo:v1" }, plain],
    ["by its prefix", { registry: `http://${host}/team`, "output-uri": "memo:v1" }, own],
    ["at its Service", { registry: "http://oras-registry.a.svc:5000", "output-uri": "oras-memo:v1" }, plain],
    ["an input", { "input-uri": "oras-memo:v1" }, plain],
    ["what a failure leaves", { "output-uri": "a/b:c", "failure-uri": "oras-memo:v1" }, plain],
    ["the same over the state", { "output-uri": "a/b:c", "failure-uri": "oras-operator-state:owner" }, plain],
    [
      "one of several",
      { "input-uri_1": "a/b:c", "input-uri_2": `oras-memo@sha256:${"a".repeat(64)}` },
      plain,
    ],
    ["of a run", { run: "1", "output-uri": "oras-memo:$(RUN)" }, plain],
  ])("%s", (_, map, cache) => {
    expect(isRefused(map, cache)).toBe(true);
  });

  it.each<[string, StepAnnotations, OrasCache | undefined]>([
    ["below it", { "output-uri": "oras-memo/a:v1" }, plain],
    ["the default's of a cache that names another", { "output-uri": "oras-memo:v1" }, own],
    ["above it", { "output-uri": "team:v1" }, own],
    ["whose tag is that", { "output-uri": "a/b:oras-memo" }, plain],
    ["in another registry", { "output-uri": "oci://ghcr.io/oras-memo:v1" }, plain],
    ["of a remote one", { "output-uri": "oras-memo:v1" }, cacheWith({ deploy: false, registry: "ghcr.io" })],
    [
      "of a host that looks like one",
      { registry: "http://a-0.b.c.svc:5000", "output-uri": "oras-memo:v1" },
      plain,
    ],
  ])("but not %s", (_, map, cache) => {
    expect(isRefused(map, cache)).toBe(false);
  });

  it("with the key of each, what is there, and what to write", () => {
    const text = JSON.stringify(
      verdictOn(jobOf("step", { "input-uri_2": "oras-memo:a", "input-uri_1": "a/b:c" }, "true"), plain),
    );
    expect(text).toContain(`${names.prefix}input-uri_2`);
    expect(text).not.toContain(`${names.prefix}input-uri_1`);
    expect(text).toContain("is in a repository that the operator keeps for itself; name the artifact itself");
  });

  const repository = fc.oneof(
    fc.constantFrom("oras-memo", "team/memo", "oras-memo/a", "a/oras-memo", "memo", "team"),
    fc.stringMatching(/^[a-z]{1,6}(\/[a-z]{1,6})?$/),
  );
  const version = fc.constantFrom(":v1", ":v1-2", ":$(JOB_NAME)", ":latest");
  const where = fc.constantFrom("", `oci://${host}/`, "oci://ghcr.io/");

  it("however it is written, if and only if it is there", () => {
    fc.assert(
      fc.property(repository, version, where, (name, tag, at) => {
        const isKept = name === "oras-memo" && at !== "oci://ghcr.io/";
        expect(isRefused({ "output-uri": `${at}${name}${tag}` }, plain)).toBe(isKept);
      }),
    );
  });
});
