import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pathOf, resources } from "../../../src/kube/resources.ts";

describe("paths to the API server", () => {
  it("lead to collections, objects and their parts", () => {
    expect(pathOf(resources.pods)).toBe("/api/v1/pods");
    expect(pathOf(resources.pods, { namespace: "a" })).toBe("/api/v1/namespaces/a/pods");
    expect(pathOf(resources.statefulSets, { namespace: "a", name: "b.c-d" })).toBe(
      "/apis/apps/v1/namespaces/a/statefulsets/b.c-d",
    );
    expect(pathOf(resources.orasCaches, { namespace: "a", name: "b", subresource: "status" })).toMatch(
      /\/namespaces\/a\/orascaches\/b\/status$/,
    );
  });

  it("escape what a name may hold elsewhere than in a path", () => {
    expect(pathOf(resources.secrets, { namespace: "a", name: "system:x?y#z é" })).toBe(
      "/api/v1/namespaces/a/secrets/system%3Ax%3Fy%23z%20%C3%A9",
    );
  });

  it.each(["", ".", "..", "../x", "a/b", "/", "%2e%2e", "a%2fb", "\ud800"])(
    "never take the name %j",
    (name) => {
      expect(() => pathOf(resources.secrets, { namespace: "a", name })).toThrow("cannot be the name");
      expect(() => pathOf(resources.secrets, { namespace: name, name: "b" })).toThrow("cannot be the name");
    },
  );

  it("lead where they should, whatever the name is, or nowhere", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), (namespace, name) => {
        let path: string;
        try {
          path = pathOf(resources.secrets, { namespace, name });
        } catch {
          return;
        }
        const url = new URL(path, "https://server");
        expect(url.pathname.split("/").map(decodeURIComponent)).toEqual([
          "",
          "api",
          "v1",
          "namespaces",
          namespace,
          "secrets",
          name,
        ]);
        expect(url.search + url.hash).toBe("");
      }),
      { numRuns: 2_000 },
    );
  });
});
