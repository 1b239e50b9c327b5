import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { kubectlYaml } from "../../../src/cli/manifests/yaml.ts";
import { chooseCache, findCache } from "../../../src/cli/remote/find-cache.ts";
import { grantFor } from "../../../src/cli/remote/grant.ts";
import { ageOf } from "../../../src/cli/remote/remove.ts";
import { missing } from "../../../src/cli/remote/rights.ts";
import type { Session } from "../../../src/cli/remote/session.ts";
import { tagged } from "../../../src/cli/remote/store.ts";
import { lineOf, showProgress } from "../../../src/cli/show/progress.ts";
import { shortAge, shortSize } from "../../../src/cli/show/sizes.ts";
import { formatTable } from "../../../src/cli/show/table.ts";
import { parseSubject } from "../../../src/cli/status/status.ts";
import { KubeError } from "../../../src/kube/errors.ts";
import { cacheOf } from "../../support/builders.ts";

describe("the cache of a namespace", () => {
  it("is the only one", () => {
    expect(chooseCache([cacheOf("one")], "runs").metadata?.name).toBe("one");
  });

  it("is to be named where there are several, or none", () => {
    expect(() => chooseCache([cacheOf("a"), cacheOf("b")], "runs")).toThrow(
      "several caches: a, b. Name one with --cache.",
    );
    expect(() => chooseCache([], "runs")).toThrow(
      /runs has no OrasCache\..*kubectl apply -n runs -f - <<EOF\napiVersion: \S+\nkind: OrasCache\n/s,
    );
  });
});

it("a missing right is named, with who can grant it", () => {
  const need = {
    verbs: ["get", "create"],
    resource: "pods/portforward",
    name: "oras-0",
    namespace: "runs",
    cache: "oras",
  };
  expect(missing(need).message).toMatch(
    /^You have no right to get and create pods\/portforward "oras-0" in the namespace runs\. .* grant USER oras -n runs prints the Role/,
  );
});

describe("grant", () => {
  it("is text for kubectl, whatever the namespace is called", () => {
    const text = grantFor("jane", cacheOf("oras") as never, "off");
    for (const one of parseAllDocuments(text, kubectlYaml)) expect(one.toJS().metadata.namespace).toBe("off");
  });

  const cache = { ...cacheOf("oras"), status: { credentialsSecret: "oras-credentials-0123456789" } };
  it("names the one Secret and the one Pod", () => {
    const [role, binding] = parseAllDocuments(grantFor("jane", cache as never, "runs")).map((d) => d.toJS());
    expect(role.rules).toContainEqual({
      apiGroups: [""],
      resources: ["secrets"],
      verbs: ["get"],
      resourceNames: ["oras-credentials-0123456789"],
    });
    expect(role.rules).toContainEqual({
      apiGroups: [""],
      resources: ["pods/portforward"],
      verbs: ["get", "create"],
      resourceNames: ["oras-0"],
    });
    expect(binding.subjects).toEqual([{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "jane" }]);
  });

  it.each([
    [
      "group:system:authenticated",
      { apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "system:authenticated" },
    ],
    ["serviceaccount:ci:runner", { kind: "ServiceAccount", namespace: "ci", name: "runner" }],
    [
      "oidc:jane@example.com",
      { apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "oidc:jane@example.com" },
    ],
  ])("to %s", (user, subject) => {
    const binding = parseAllDocuments(grantFor(user, cache as never, "runs"))[1]?.toJS();
    expect(binding.subjects).toEqual([subject]);
    expect(binding.metadata.name).toMatch(/^[a-z0-9-]+$/);
  });
});

describe("durations, sizes and ages", () => {
  it.each([
    ["7d", 604_800],
    ["72h", 259_200],
    ["1h30m", 5_400],
    ["90s", 90],
  ])("%s", (text, seconds) => {
    expect(ageOf(text)).toBe(seconds);
  });

  it.each(["", "7", "d", "0s", "1w", "-1h", "1h 30m", "99999999999d"])("%j is none", (text) => {
    expect(() => ageOf(text)).toThrow("is not a duration");
  });

  it("are short", () => {
    expect([0, 1023, 1024, 1536, 10 * 1024, 5e9].map(shortSize)).toEqual([
      "0B",
      "1023B",
      "1.0Ki",
      "1.5Ki",
      "10Ki",
      "4.7Gi",
    ]);
    expect([-5, 0, 119, 120, 599, 600, 86_400, 200_000].map(shortAge)).toEqual([
      "0s",
      "0s",
      "119s",
      "2m",
      "9m59s",
      "10m",
      "24h",
      "2d",
    ]);
  });
});

describe("what is printed", () => {
  it("is a table in which nothing hides", () => {
    expect(
      formatTable(
        ["A", "B"],
        [
          ["x\u001b[31m", "1"],
          ["yy", "-"],
        ],
      ),
    ).toBe("A             B\nx\\u001b[31m   1\nyy            -\n");
  });

  it("is a bar on a terminal, and nothing that moves elsewhere", () => {
    const lines: string[] = [];
    const progress = showProgress("Getting a/b:1", 100, { write: (text) => lines.push(text) });
    progress.add(50);
    progress.note("The connection broke.");
    progress.end();
    expect(lines).toEqual(["The connection broke.\n"]);
    expect(lineOf("Getting a/b:1", 50, 100, 2)).toBe(
      "Getting a/b:1 [============            ] 50%  50B/100B  25B/s, 2s left",
    );
    expect(lineOf("x", 0, 0, 0)).toContain("100%");
  });
});

it.each([
  [undefined, { kind: "cache", name: undefined }],
  ["oras", { kind: "cache", name: "oras" }],
  ["orascache/oras", { kind: "cache", name: "oras" }],
  ["job/x", { kind: "job", name: "x" }],
  ["job.batch/x", { kind: "job", name: "x" }],
  ["pods/x", { kind: "pod", name: "x" }],
])("status of %s", (text, subject) => {
  expect(parseSubject(text)).toEqual(subject);
});

it.each(["deployment/x", "job/", "a/b/c", "/x"])("status of %s is refused", (text) => {
  expect(() => parseSubject(text)).toThrow("allowed is the name of a cache, job/NAME or pod/NAME");
});

it("a cache is looked for in a namespace that is there", async () => {
  const error = (status: number) => new KubeError("GET /x", status, {});
  const session = (status: number | undefined) =>
    ({
      namespace: "nosuch",
      client: {
        request: async ({ path }: { path: string }) => {
          if (path.includes("/namespaces/nosuch/")) return { items: [] };
          if (status !== undefined) throw error(status);
          return {};
        },
      },
    }) as unknown as Session;
  await expect(findCache(session(404), undefined)).rejects.toThrow("There is no namespace nosuch.");
  for (const status of [403, undefined])
    await expect(findCache(session(status), undefined)).rejects.toThrow("nosuch has no OrasCache");
});

it("what is put without a tag, or with a digest, reads how to write one", () => {
  expect(() => tagged("data/file")).toThrow('"data/file": a tag is missing; write data/file:TAG');
  expect(() => tagged(`a/b@sha256:${"0".repeat(64)}`)).toThrow("not a digest");
  expect(tagged("a/b:v1")).toEqual({ repository: "a/b", tag: "v1" });
});
