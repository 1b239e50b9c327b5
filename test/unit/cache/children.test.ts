import { describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { desiredHttpSecret, httpSecretName } from "../../../src/cache/http-secret.ts";
import { childSelector, identityOf, selectorLabels } from "../../../src/cache/owner.ts";
import { desiredService } from "../../../src/cache/service.ts";
import { desiredStatefulSet } from "../../../src/cache/stateful-set.ts";
import { storedCache } from "../../support/cache.ts";

const cache = storedCache();
const owner = identityOf(cache);
const plain = { openshift: false };

test("an object that was never stored has no children", () => {
  expect(() => identityOf({ ...cache, metadata: { name: "oras" } })).toThrow("never stored");
});

describe("Service", () => {
  test("selects the registry's Pods by a label under our prefix", () => {
    const selector = desiredService(owner).spec?.selector ?? {};
    expect(selector).toEqual(desiredStatefulSet(owner, cache.spec, plain).spec?.selector.matchLabels);
    expect(Object.keys(selector).some((key) => key.startsWith(names.prefix))).toBe(true);
  });

  test("two caches in one namespace select different Pods", () => {
    expect(selectorLabels("one")).not.toEqual(selectorLabels("two"));
  });

  test("what the operator watches carries the labels of every child", () => {
    const labels = desiredService(owner).metadata?.labels ?? {};
    for (const term of childSelector.split(",")) {
      const [key = "", value] = term.split("=");
      expect(labels[key]).toBeDefined();
      if (value !== undefined) expect(labels[key]).toBe(value);
    }
  });
});

describe("StatefulSet", () => {
  const pod = (openshift: boolean) =>
    desiredStatefulSet(owner, cache.spec, { openshift }).spec?.template.spec;

  test("meets Pod Security restricted", () => {
    const spec = pod(false);
    const container = spec?.containers[0];
    expect(spec?.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
    });
    expect(spec?.automountServiceAccountToken).toBe(false);
  });

  test("leaves user IDs to OpenShift", () => {
    expect(pod(false)?.securityContext?.runAsUser).toBe(names.uid);
    expect(pod(true)?.securityContext).not.toHaveProperty("runAsUser");
    expect(pod(true)?.securityContext).not.toHaveProperty("fsGroup");
  });

  test("is not configured by the environment of Services", () => {
    expect(pod(false)?.enableServiceLinks).toBe(false);
  });

  test("keeps its data where it is told to, on a volume", () => {
    const container = pod(false)?.containers[0];
    const root = container?.env?.find((e) => e.name.endsWith("ROOTDIRECTORY"))?.value;
    expect(container?.volumeMounts?.map((mount) => mount.mountPath)).toEqual([root]);
  });

  test("the HTTP secret is never in it in clear", () => {
    const spec = { ...cache.spec, secrets: { registryHttp: "s3cret" } };
    expect(JSON.stringify(desiredStatefulSet(owner, spec, plain))).not.toContain("s3cret");
  });

  test("a change of the HTTP secret is a change of the Pods", () => {
    const of = (registryHttp: string) =>
      JSON.stringify(desiredStatefulSet(owner, { ...cache.spec, secrets: { registryHttp } }, plain));
    expect(of("one")).not.toBe(of("two"));
  });
});

describe("HTTP secret", () => {
  test("is generated unless the spec gives it", () => {
    expect(Object.values(desiredHttpSecret(owner, cache.spec, "random").stringData ?? {})).toEqual([
      "random",
    ]);
    const given = { ...cache.spec, secrets: { registryHttp: "given" } };
    expect(Object.values(desiredHttpSecret(owner, given, "random").stringData ?? {})).toEqual(["given"]);
  });

  test("another value is another Secret", () => {
    const name = (registryHttp?: string) =>
      httpSecretName("oras", { ...cache.spec, ...(registryHttp && { secrets: { registryHttp } }) });
    expect(new Set([name(), name("a"), name("b")]).size).toBe(3);
    expect(name()).toBe("oras-http");
  });
});
