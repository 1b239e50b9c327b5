import { readFileSync } from "node:fs";
import type { V1Pod } from "@kubernetes/client-node";
import { applyPatch } from "rfc6902";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { names } from "../../schema/names.ts";
import { childSelector } from "../../src/cache/labels.ts";
import { service } from "../../src/cache/service.ts";
import { statefulSet } from "../../src/cache/stateful-set.ts";
import type { Verdict } from "../../src/injection/admission-types.ts";
import { permissions } from "../../src/kube/permissions.ts";
import { jobOf, podOf, type StepAnnotations } from "../support/builders.ts";
import { childFacts, storedCache } from "../support/cache.ts";
import { admit, createRequest } from "../support/pods.ts";

const output: StepAnnotations = { "output-uri": "a/b:1", "output-path": "out" };
const ask = (object: object): Verdict => admit(createRequest(object));

function injected<T extends object>(object: T): T {
  const verdict = ask(object);
  if (verdict.kind === "denied") throw new Error(verdict.message);
  const copy = structuredClone(object);
  expect(applyPatch(copy, [...(verdict.patch ?? [])]).filter((error) => error !== null)).toEqual([]);
  return copy;
}

const main = (pod: V1Pod) => pod.spec?.containers.find(({ name }) => name === "main");
const words = (pod: V1Pod, name: string) =>
  [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find((c) => c.name === name)?.args;

describe("defects of the original, in what is injected", () => {
  it("argv joined with spaces into sh -c: it follows -- word by word", () => {
    const argv = ["prog", "a b", "", "$(X)", "'", "new\nline"];
    const pod = injected(podOf("x", output, "", { command: argv.slice(0, 2), args: argv.slice(2) }));
    expect(main(pod)?.args?.slice(-argv.length - 1)).toEqual(["--", ...argv]);
    expect(main(pod)?.command).not.toContain("-c");
  });

  it("passwords on argv: no container has any, and the program's does not even see the Secret", () => {
    const pod = injected(podOf("x", { ...output, "oras-env": "secret", registry: "ghcr.io" }, "true"));
    const text = JSON.stringify(pod.spec?.containers.map(({ env, args }) => ({ env, args })));
    expect(text).not.toMatch(/PASS|secretKeyRef|envFrom/);
    expect(main(pod)?.volumeMounts?.map(({ name }) => name)).toEqual([names.shareVolume]);
  });

  it("input order random: numeric, whatever the order of the keys", () => {
    const uris = [0, 1, 2, 10, 11].map(
      (n) => [n === 0 ? "input-uri" : `input-uri_${n}`, `a/b:${n}`] as const,
    );
    for (const order of [uris, uris.toReversed(), uris.toSorted(([, a], [, b]) => a.localeCompare(b))]) {
      const pod = injected(podOf("x", Object.fromEntries(order), "true"));
      const inputs = words(pod, names.pullContainer)?.filter((word) => word.includes("/a/b:"));
      expect(inputs?.map((word) => Number(word.split(":").at(-1)))).toEqual([0, 1, 2, 10, 11]);
    }
  });

  it("errors of injection dropped: the object is refused with every one of them", () => {
    const verdict = ask(podOf("x", { "input-uri": "A B", "output-path": "/", unpack: "perhaps" }, "true"));
    if (verdict.kind !== "denied") throw new Error("allowed");
    for (const name of ["input-uri", "unpack"]) expect(verdict.message).toContain(names.prefix + name);
  });

  it("fields newer than its types silently lost: each stays as it was", () => {
    const pod = podOf("x", output, "true");
    const newer = {
      resources: { limits: { cpu: "1" } },
      volumes: [{ name: "image", image: { reference: "a/b:1" } }],
      initContainers: [{ name: "mesh", image: "mesh", restartPolicy: "Always", madeUpLater: { a: [1] } }],
      madeUpLater: "kept",
    };
    Object.assign(pod.spec as object, newer);
    const after = injected(pod).spec as unknown as typeof newer;
    expect(after).toMatchObject({ resources: newer.resources, madeUpLater: "kept" });
    expect(after.volumes).toEqual(expect.arrayContaining(newer.volumes));
    expect(after.initContainers[0]).toEqual(newer.initContainers[0]);
    const successPolicy = { rules: [{ succeededIndexes: "0" }] };
    const job = injected(
      jobOf("x", { ...output, "output-uri": "a/$(JOB_COMPLETION_INDEX):1" }, "true", {
        completionMode: "Indexed",
        successPolicy,
      }),
    );
    expect(job.spec).toMatchObject({ successPolicy });
    const plain = podOf("x", {}, "true");
    delete plain.metadata?.annotations;
    expect(ask(Object.assign(plain, newer))).toMatchObject({ outcome: "untouched" });
  });

  it("the Pod's subdomain overwritten: it is the user's", () => {
    expect(injected(podOf("x", output, "true", {}, { subdomain: "mine" })).spec?.subdomain).toBe("mine");
    expect(injected(podOf("x", output, "true")).spec).not.toHaveProperty("subdomain");
  });

  it("bash, wget, root and the internet needed in the user's image: the command needs nothing of it", () => {
    const pod = injected(podOf("x", output, "", { command: ["/program"] }));
    expect(main(pod)?.command).toEqual(["/mnt/oras/agent", "exec"]);
    expect(main(pod)?.securityContext).toBeUndefined();
    expect(main(pod)?.image).toBe("busybox:1.36");
  });

  it("a launcher that is missing half-injects without a word: refused, with the names there are", () => {
    const verdict = ask(podOf("x", { ...output, container: "no-such" }, "true"));
    expect(verdict).toMatchObject({
      kind: "denied",
      message: expect.stringContaining("the Pod's containers: main") as string,
    });
  });

  it("a second container half-injects without a word: it is as it was, and the step is whole", () => {
    const other = { name: "other", image: "other", command: ["sleep", "1"] };
    const pod = podOf("x", output, "true");
    pod.spec?.containers.push(other);
    const after = injected(pod).spec?.containers.map((c) => (c.name === "other" ? c : c.name));
    expect(after).toEqual(["main", other, names.pushContainer]);
  });
});

describe("defects of the original, in what the operator makes and may", () => {
  const cache = storedCache();
  const set = statefulSet(cache, childFacts());

  it("every cache's Service selects every registry and workload of the namespace: its own alone", () => {
    const selector = service(cache).spec?.selector ?? {};
    const other = statefulSet(storedCache({}, { name: "other" }), childFacts());
    const selects = (labels: Record<string, string> = {}) =>
      Object.entries(selector).every(([key, value]) => labels[key] === value);
    expect(selects(set.spec?.template.metadata?.labels)).toBe(true);
    expect(selects(other.spec?.template.metadata?.labels)).toBe(false);
    expect(selects(injected(podOf("x", output, "true")).metadata?.labels)).toBe(false);
    expect(Object.keys(selector).some((key) => key.startsWith(names.prefix))).toBe(true);
  });

  it("every ConfigMap of the cluster cached in memory: those of OrasCaches are watched, by their label, and no Secret", () => {
    expect(childSelector.split(",")).toContain(names.cacheLabel);
    const secrets = permissions.filter(({ resources }) => resources.includes("secrets"));
    for (const { verbs } of secrets.filter(({ scope }) => scope === "cluster")) {
      expect(verbs).not.toEqual(expect.arrayContaining(["list"]));
    }
  });

  it(":latest images: all that is used is pinned", () => {
    for (const image of [names.agentImage, names.scriptsImage, names.operatorImage, names.registryImage]) {
      expect(image).toMatch(/:v?[0-9]+\.[0-9]+\.[0-9]+$/);
    }
  });

  it("the HTTP secret in clear text: the Pod names a Secret", () => {
    const variable = set.spec?.template.spec?.containers[0]?.env?.find(
      (e) => e.name === "REGISTRY_HTTP_SECRET",
    );
    expect(variable?.value).toBeUndefined();
    expect(variable?.valueFrom?.secretKeyRef).toBeDefined();
  });

  it("a webhook path that is not the one served: the manifests have the one of the program", () => {
    const documents = parseAllDocuments(readFileSync("examples/dist/oras-operator.yaml", "utf8"));
    const webhooks = documents
      .map((document) => document.toJS() as { webhooks?: { clientConfig: { service: { path: string } } }[] })
      .flatMap((object) => object.webhooks ?? []);
    expect(webhooks.map(({ clientConfig }) => clientConfig.service.path)).toEqual([
      names.webhookPath,
      names.webhookPath,
    ]);
  });
});
