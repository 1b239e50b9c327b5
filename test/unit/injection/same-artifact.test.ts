import { expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import type { OrasCache } from "../../../src/cache/types.ts";
import { jobOf, type StepAnnotations } from "../../support/builders.ts";
import { admit, createRequest } from "../../support/pods.ts";

const cacheWith = (spec: object): OrasCache =>
  ({ apiVersion: names.apiVersion, kind: names.kind, metadata: { name: "oras" }, spec }) as OrasCache;
const host = "oras-0.oras.default.svc.cluster.local:5000";
const remote = cacheWith({ deploy: false, registry: "ghcr.io/team" });

const told = (map: StepAnnotations, cache: OrasCache, code: string) =>
  JSON.stringify(
    admit(createRequest(jobOf("step", { "output-path": "o", ...map }, "true")), { cache }),
  ).split(code).length - 1;

it.each<[string, OrasCache, string, number]>([
  ["by its name", cacheWith({ deploy: true }), "a/b:1", 1],
  ["by the registry of its cache", cacheWith({ deploy: true }), `oci://${host}/a/b:1`, 1],
  ["in another case", cacheWith({ deploy: true }), `oci://${host.replace("oras-0", "ORAS-0")}/a/b:1`, 1],
  ["by a short name of its registry", cacheWith({ deploy: true }), "oci://oras-0.oras:5000/a/b:1", 1],
  ["by its Service", cacheWith({ deploy: true }), "oci://oras.default.svc:5000/a/b:1", 1],
  ["by its nodeAddress", cacheWith({ nodeAddress: "nodes.example:443" }), "oci://Nodes.example/a/b:1", 1],
  ["by the registry that its cache stands for", remote, "oci://ghcr.io/team/a/b:1", 1],
  ["with the port of HTTPS", remote, "oci://ghcr.io:443/team/a/b:1", 1],
  ["not without its prefix", remote, "oci://ghcr.io/a/b:1", 0],
  [
    "not by a Service of that name elsewhere",
    cacheWith({ deploy: true }),
    "oci://oras.other.svc:5000/a/b:1",
    0,
  ],
  [
    "not of another cache",
    cacheWith({ deploy: true }),
    "oci://big-0.big.default.svc.cluster.local:5000/a/b:1",
    0,
  ],
])("an output is known as what failure-uri names %s", (_, cache, failure, times) => {
  expect(told({ "output-uri": "a/b:1", "failure-uri": failure }, cache, "(FailureIsOutput)")).toBe(times);
});
