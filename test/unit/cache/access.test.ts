import { createHmac } from "node:crypto";
import type { V1Pod } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import {
  asksForPassword,
  authOf,
  cacheKey,
  cacheLogin,
  loginOfStep,
  loginSecretName,
  passwordOf,
} from "../../../src/cache/access.ts";
import { desiredChildren } from "../../../src/cache/children.ts";
import { statefulSet } from "../../../src/cache/stateful-set.ts";
import { conditionOf, statusOf } from "../../../src/cache/status.ts";
import type { OrasCache, OrasCacheStatus } from "../../../src/cache/types.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

const cache = { name: "oras", namespace: "work" };
const key = cacheKey("secret", cache);

describe("passwords", () => {
  test("are made from the operator's key by HMAC, as the agent makes them", () => {
    expect(key).toBe(createHmac("sha256", "secret").update("cache/work/oras").digest("base64url"));
    expect(passwordOf(key, "oras-1")).toBe(
      createHmac("sha256", key).update("password/oras-1").digest("base64url"),
    );
    expect(passwordOf(key, "oras-1")).toMatch(/^[\w-]{43}$/);
  });

  test("of two caches, users or installations differ", () => {
    const label = fc.stringMatching(/^[a-z]([-a-z0-9]{0,8}[a-z0-9])?$/);
    const place = fc.record({ name: label, namespace: label, operator: fc.string(), user: label });
    fc.assert(
      fc.property(place, place, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        const [a, b] = [one, other].map((each) => passwordOf(cacheKey(each.operator, each), each.user));
        expect(a).not.toBe(b);
      }),
    );
  });
});

describe("the login of a cache", () => {
  const { auths } = JSON.parse(cacheLogin(key, cache, "cluster.local", { user: "oras-1" }).dockerConfig);

  test("is found under each name by which Pods reach the registry", () => {
    expect(Object.keys(auths)).toEqual([
      "oras-0.oras:5000",
      "oras-0.oras.work:5000",
      "oras-0.oras.work.svc:5000",
      "oras-0.oras.work.svc.cluster.local:5000",
      "oras:5000",
      "oras.work:5000",
      "oras.work.svc:5000",
      "oras.work.svc.cluster.local:5000",
      "oras-registry:5000",
      "oras-registry.work:5000",
      "oras-registry.work.svc:5000",
      "oras-registry.work.svc.cluster.local:5000",
    ]);
  });

  test("has user and password in both forms", () => {
    const password = passwordOf(key, "oras-1");
    expect(new Set(Object.values(auths).map((entry) => JSON.stringify(entry))).size).toBe(1);
    expect(auths["oras:5000"]).toEqual({
      username: "oras-1",
      password,
      auth: Buffer.from(`oras-1:${password}`).toString("base64"),
    });
  });
});

describe("whether a registry asks for a password", () => {
  const made = (spec: object, facts = {}) => statefulSet(storedCache(spec), childFacts(facts));
  const open = made({});
  const closed = made({ auth: { type: "htpasswd" } });

  test("is seen in its StatefulSet", () => {
    expect([open, closed].map(asksForPassword)).toEqual([false, true]);
  });

  test.each([
    ["as the installation wants", {}, undefined, "htpasswd", "htpasswd"],
    ["as the installation wants", {}, undefined, "none", "none"],
    ["as its spec says", { auth: { type: "none" } }, closed, "htpasswd", "none"],
    ["as its spec says", { auth: { type: "htpasswd" } }, open, "none", "htpasswd"],
    ["not if it runs open already", {}, open, "htpasswd", "none"],
    ["still, if it did", {}, closed, "htpasswd", "htpasswd"],
  ] as const)("%s", (_, spec, live, byDefault, expected) => {
    expect(authOf(storedCache(spec), live, byDefault)).toBe(expected);
  });
});

describe("a step mounts the login", () => {
  const seen = (spec: object, status: object): OrasCache => ({ ...storedCache(spec), status }) as OrasCache;
  const htpasswd = { auth: { type: "htpasswd" } };
  const observed = { observedGeneration: 2 };
  test.each([
    ["of a cache that does not exist, which may ask for one", undefined, "none", "made"],
    ["of a new one, as the installation wants", seen({}, {}), "htpasswd", "made"],
    ["not of a new one, as the installation wants", seen({}, {}), "none", undefined],
    ["of one that says so", seen(htpasswd, {}), "none", "made"],
    ["of one that says so, though it is open still", seen(htpasswd, observed), "none", "made"],
    ["that the status names", seen({}, { ...observed, credentialsSecret: "named" }), "none", "named"],
    ["not of one that stayed open", seen({}, observed), "htpasswd", undefined],
    ["not of an open one", seen({ auth: { type: "none" } }, {}), "htpasswd", undefined],
    ["not of a remote registry", seen({ deploy: false, registry: "ghcr.io" }, {}), "htpasswd", undefined],
  ] as const)("%s", (_, cache, byDefault, expected) => {
    expect(loginOfStep(cache, byDefault, () => "made")).toBe(expected);
  });
});

describe("a closed registry", () => {
  const spec = { auth: { type: "htpasswd" as const } };
  const facts = childFacts({ operatorKey: "secret" });
  const stored = storedCache(spec);
  const children = desiredChildren(stored, facts);
  const template = statefulSet(stored, facts).spec?.template.spec;

  test("has Secrets with its key and its login, made once and before its Pod", () => {
    expect(
      children.map(({ kind, metadata }) => `${kind} ${metadata?.name?.replace(/-[0-9a-f]{10}$/, "")}`),
    ).toEqual([
      "Secret oras-http",
      "Secret oras-key",
      "Secret oras-credentials",
      "Service oras",
      "StatefulSet oras",
    ]);
    for (const secret of children.slice(0, 3)) expect(secret).toMatchObject({ immutable: true });
    expect(children[1]).toMatchObject({ type: "Opaque", stringData: { key } });
    expect(children[2]).toMatchObject({
      type: "kubernetes.io/dockerconfigjson",
      stringData: { username: "oras-1", password: passwordOf(key, "oras-1") },
    });
    expect(children[2]?.metadata?.name).toBe(
      loginSecretName(cache, { operatorKey: "secret", clusterDomain: "cluster.local" }, { user: "oras-1" }),
    );
  });

  test("gets its htpasswd file from an init container, and never sees the key", () => {
    expect(template?.initContainers?.[0]).toMatchObject({
      image: "agent:1",
      args: ["--key=/var/run/oras/key", "--htpasswd=/var/run/oras/auth/htpasswd", "--user=oras-1"],
    });
    const [registry] = template?.containers ?? [];
    const variables = Object.fromEntries((registry?.env ?? []).map(({ name, value }) => [name, value]));
    expect(variables).toMatchObject({
      REGISTRY_AUTH: "htpasswd",
      REGISTRY_AUTH_HTPASSWD_PATH: "/var/run/oras/auth/htpasswd",
    });
    expect(registry?.volumeMounts?.map(({ name }) => name)).not.toContain(names.registryKeyVolume);
  });

  test("has no secret in its template", () => {
    const text = JSON.stringify(template);
    for (const secret of ["secret", key, passwordOf(key, "oras-1")]) {
      expect(text.replaceAll(/"secret(Name|KeyRef)?"/g, "")).not.toContain(secret);
    }
  });

  test("names the Secret with its login in the status", () => {
    const observation = {
      cache: stored,
      claim: undefined,
      statefulSet: undefined,
      pods: [],
      trouble: undefined,
    };
    const status = statusOf({ ...observation, installation: facts, time: "2026-01-02T03:04:05Z" });
    expect(status.credentialsSecret).toBe(children[2]?.metadata?.name);
  });
});

describe("a registry whose Pod was started before its spec changed", () => {
  const ready = { conditions: [{ type: "Ready" as const, status: "True" }] };
  const podOf = (spec: object) => ({
    metadata: { name: "oras-0", uid: "1" },
    spec: statefulSet(storedCache(spec), childFacts()).spec?.template.spec,
    status: ready,
  });
  const [open, closed] = [podOf({}), podOf({ auth: { type: "htpasswd" } })];
  const seen = (spec: object, pod: object) =>
    statusOf({
      ...{ cache: storedCache(spec), claim: undefined, trouble: undefined, pods: [pod as V1Pod] },
      statefulSet: {
        ...statefulSet(storedCache(spec), childFacts()),
        status: {
          ...{ replicas: 1, readyReplicas: 1, updatedReplicas: 0, observedGeneration: 9 },
          ...{ currentRevision: "a", updateRevision: "b" },
        },
      },
      ...{ installation: childFacts(), time: "2026-01-02T03:04:05Z" },
    });
  const conditions = (status: OrasCacheStatus) =>
    Object.fromEntries(
      (status.conditions ?? []).map(({ type, status: is, reason }) => [type, `${is} ${reason}`]),
    );

  test("is not ready as long as it asks for no password, and says what to do", () => {
    const status = seen({ auth: { type: "htpasswd" } }, open);
    expect(conditions(status)).toMatchObject({ Open: "True StillOpen" });
    expect(conditions(status)["Ready"]).toMatch(/^False/);
    expect(conditionOf(status, "Open")?.message).toContain(
      "kubectl annotate --overwrite --namespace work orascache oras",
    );
  });

  test("keeps its login as long as it asks for the password", () => {
    expect(seen({ auth: { type: "none" } }, closed).credentialsSecret).toMatch(/^oras-credentials-/);
    expect(seen({ auth: { type: "none" } }, open).credentialsSecret).toBeUndefined();
  });
});
