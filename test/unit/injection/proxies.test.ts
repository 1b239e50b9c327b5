import type { V1Container, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import type { Proxies } from "../../../src/injection/admission-types.ts";
import { podOf, type StepAnnotations } from "../../support/builders.ts";
import { created, updated } from "../../support/patched.ts";

const proxies: Proxies = { HTTPS_PROXY: "http://proxy.example:3128", NO_PROXY: "10.0.0.0/8,corp.example" };
const step: StepAnnotations = { "input-uri": "a/in:1", "output-uri": "a/out:1", "output-path": "out" };
const namesOf = (pod: V1Pod) => containersOf(pod).map(({ name }) => name);

function containersOf({ spec }: V1Pod): V1Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}

/** The variables about proxies that each container has. */
function proxiesOf(pod: V1Pod): Record<string, Record<string, string | undefined>> {
  return Object.fromEntries(
    containersOf(pod).map(({ name, env = [] }) => [
      name,
      Object.fromEntries(env.filter((e) => e.name.endsWith("_PROXY")).map((e) => [e.name, e.value])),
    ]),
  );
}

describe("art-48, lif-27, inj-22: behind a proxy", () => {
  const given = { ...proxies, NO_PROXY: "10.0.0.0/8,corp.example,.svc,.svc.cluster.local" };

  it.each([
    ["init", false, { "oras-pull": given, main: {}, oras: given }],
    ["hook", true, { oras: given, main: {} }],
  ])("the added containers get it in the shape %s, and the author's none", (_, hookShape, expected) => {
    expect(proxiesOf(created(podOf("p", step), { proxies, hookShape }))).toEqual(expected);
  });

  it("a container that asks nobody gets none", () => {
    const pod = created(podOf("p", { ...step, "oras-container": "example.com/own" }), { proxies });
    expect(proxiesOf(pod)).toMatchObject({ "oras-install": {}, "oras-pull": given, oras: given });
  });

  it("a script of the author's own gets it beside its other variables", () => {
    const pod = created(podOf("p", { ...step, "oras-entrypoint": "https://example.com/x.sh" }), { proxies });
    expect(proxiesOf(pod)["oras"]).toEqual(given);
  });

  it("exceptions alone, or nothing, leave Pods as they are without", () => {
    const without = created(podOf("p", step));
    for (const none of [{}, { NO_PROXY: "a" }, { HTTPS_PROXY: "", HTTP_PROXY: "" }]) {
      expect(created(podOf("p", step), { proxies: none })).toEqual(without);
    }
  });

  it("a dollar sign stays what it is, and another cluster's domain is reached directly", () => {
    const pod = created(podOf("p", step), {
      proxies: { HTTP_PROXY: "http://$(X)$:1" },
      clusterDomain: "example.org",
    });
    expect(proxiesOf(pod)["oras"]).toEqual({
      HTTP_PROXY: "http://$$(X)$$:1",
      NO_PROXY: ".svc,.svc.example.org",
    });
  });

  it("a Pod that is stored keeps the proxy that it has", () => {
    const submitted = podOf("p", step);
    const stored = created(submitted, { proxies });
    expect(namesOf(stored)).toContain("oras");
    expect(updated(stored, submitted).spec).toEqual(stored.spec);
  });
});
