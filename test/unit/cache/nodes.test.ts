import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cacheKey, cacheLogin, hostsOf, loginOfStep, loginSecretName } from "../../../src/cache/access.ts";
import { desiredChildren } from "../../../src/cache/children.ts";
import { mirrorParts } from "../../../src/cache/mirror.ts";
import { nodeNames } from "../../../src/cache/nodes.ts";
import { statefulSet } from "../../../src/cache/stateful-set.ts";
import { conditionOf, statusOf } from "../../../src/cache/status.ts";
import { certificateNames } from "../../../src/cache/tls.ts";
import { validateOrasCache } from "../../../src/cache/validate.ts";
import { keepStep } from "../../../src/controllers/step-pods.ts";
import { cacheOf } from "../../support/builders.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

type Spec = NonNullable<Parameters<typeof storedCache>[0]>;

const nodeAddress = "registry.example.com:30500";
const place = { name: "oras", namespace: "work" };
const closed = childFacts({ operatorKey: "secret", auth: "htpasswd", network: "namespace" });

const statusFor = (spec: Spec, facts: object = {}, live = statefulSet(storedCache(spec), closed)) =>
  statusOf({
    cache: storedCache(spec),
    ...{ statefulSet: live, claim: undefined, pods: [], trouble: undefined },
    ...{ installation: { ...closed, ...facts }, time: "2026-01-02T03:04:05Z" },
  });

describe("the name of nodeAddress in a certificate", () => {
  test.each([
    ["registry.example.com", "registry.example.com"],
    ["registry.example.com:443", "registry.example.com"],
    ["192.0.2.1:30500", "192.0.2.1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:443", "2001:db8::1"],
  ])("%s", (address, expected) => {
    expect(nodeNames({ nodeAddress: address })).toEqual([expected]);
  });

  test("is there where the registry issues it itself", () => {
    const names = (spec: Spec) => certificateNames(place, spec, "cluster.local");
    const own = { selfIssued: true };
    expect(names({ tls: own, nodeAddress }).at(-1)).toBe("registry.example.com");
    expect(names({ tls: own, nodeAddress })).toHaveLength(names({ tls: own }).length + 1);
    const authors = { tls: { secretName: "mine" } };
    expect(names({ ...authors, nodeAddress })).toEqual(names(authors));
  });
});

test.each([
  "https://registry.example.com",
  "registry.example.com/path",
  "registry.example.com:0",
  "2001:db8::1",
  "",
])("the address %j is none", (address) => {
  const [problem] = validateOrasCache(cacheOf("oras", { nodeAddress: address }));
  expect(problem?.path).toEqual(["spec", "nodeAddress"]);
});

test("a remote registry has its address already", () => {
  const remote = cacheOf("oras", { deploy: false, registry: "ghcr.io", nodeAddress });
  expect(validateOrasCache(remote)).toEqual([
    { path: ["spec", "nodeAddress"], message: "may only be set where deploy is true" },
  ]);
});

describe("the login that nodes use", () => {
  const secrets = (spec: Spec) =>
    desiredChildren(storedCache(spec), closed).filter(({ metadata }) =>
      /-credentials-[0-9a-f]{10}$/.test(metadata?.name ?? ""),
    ) as { metadata?: { name?: string }; stringData: Record<string, string> }[];
  const hostsIn = (secret?: { stringData: Record<string, string> }) =>
    Object.keys(JSON.parse(secret?.stringData[".dockerconfigjson"] ?? "{}").auths);

  test("is that of steps, found by one name more, in a Secret beside theirs", () => {
    const [ofSteps] = secrets({});
    const [first, second, ...more] = secrets({ nodeAddress });
    expect(more).toEqual([]);
    expect(first).toEqual(ofSteps);
    expect(hostsIn(second)).toEqual([...hostsIn(first), nodeAddress]);
    expect(second?.stringData["password"]).toBe(first?.stringData["password"]);
  });

  test("has another Secret for another address", () => {
    fc.assert(
      fc.property(fc.webAuthority(), fc.webAuthority(), (one, other) => {
        fc.pre(one !== other);
        const nameFor = (address: string) =>
          loginSecretName(place, closed, { user: "oras-1", nodeAddress: address });
        expect(nameFor(one)).not.toBe(nameFor(other));
        const { auths } = JSON.parse(
          cacheLogin(cacheKey("secret", place), place, "cluster.local", { user: "oras-1", nodeAddress: one })
            .dockerConfig,
        );
        expect(Object.keys(auths)).toEqual([...hostsOf(place, "cluster.local"), one]);
      }),
    );
  });

  test("is in the Secret that the status names, with the URL for nodes", () => {
    const status = statusFor({ nodeAddress });
    expect(status.nodeUrl).toBe(`https://${nodeAddress}`);
    expect(status.credentialsSecret).toBe(secrets({ nodeAddress })[1]?.metadata?.name);
    expect(statusFor({}).nodeUrl).toBeUndefined();
  });

  test("does not change that of steps", () => {
    const status = { observedGeneration: 1, credentialsSecret: "with the address" };
    const of = (spec: Spec, seen: object) =>
      loginOfStep({ ...storedCache(spec), status: seen }, "htpasswd", () => "of steps");
    expect(of({ nodeAddress }, status)).toBe("of steps");
    expect(of({}, status)).toBe("with the address");
    expect(of({ nodeAddress }, { observedGeneration: 1 })).toBeUndefined();
  });

  test("is in use while a Pod names it for its images", () => {
    const name = "oras-credentials-0123456789";
    const pod = (phase: string) =>
      keepStep({
        metadata: { name: "a", namespace: "b" },
        spec: { containers: [], imagePullSecrets: [{ name }, { name: "other" }] },
        status: { phase },
      } as never);
    expect(pod("Running").logins).toEqual([name]);
    expect(pod("Succeeded").logins).toBeUndefined();
  });
});

describe("nodes that do not reach the registry", () => {
  const seen = (spec: Spec, facts?: object) => conditionOf(statusFor(spec, facts), "NodesBlocked");
  const peer = { ipBlock: { cidr: "192.0.2.0/24" } };

  test("are told of", () => {
    expect(seen({ nodeAddress })).toMatchObject({
      ...{ status: "True", reason: "NodeAddressNotAllowed" },
      message: expect.stringContaining("spec.networkPolicy.from"),
    });
    expect(seen({ nodeAddress, networkPolicy: { from: [] } })).toBeDefined();
  });

  test.each<[string, Spec]>([
    ["no node is to", {}],
    ["somebody is let in", { nodeAddress, networkPolicy: { from: [peer] } }],
    ["everybody is", { nodeAddress, networkPolicy: { mode: "none" } }],
  ])("not where %s", (_, spec) => {
    expect(seen(spec)).toBeUndefined();
  });

  test("not where a registry runs without a NetworkPolicy", () => {
    const open = statefulSet(storedCache({}), childFacts({ network: "none" }));
    expect(conditionOf(statusFor({ nodeAddress }, {}, open), "NodesBlocked")).toBeUndefined();
  });
});

test("a registry is not copied to itself by the name that nodes use", () => {
  const spec = {
    nodeAddress: "Registry.example.com",
    mirrorTo: { registry: "registry.example.com/a", repositories: ["**"] },
  };
  const parts = mirrorParts(storedCache(spec), closed);
  expect(parts.options).toEqual([]);
});
