import type { V1Pod, V1PodSpec } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { uninjected } from "../../../src/injection/uninjected.ts";
import { hidden } from "../../../src/lineage/canonical.ts";
import { provenanceOf } from "../../../src/lineage/provenance.ts";
import { statementOf } from "../../../src/lineage/statement.ts";
import { digestOfLetter, endedPod, ownHost, provenanceOfPod } from "../../support/ended-step.ts";
import { podSpec, stepAnnotations } from "../../support/pods.ts";

const secret = "hunter2";
const annotations = {
  "input-uri": "read/data:v1",
  "output-uri": "made/result:$(RUN)",
  "output-path": "out",
  run: "v1",
};
const spec: V1PodSpec = {
  restartPolicy: "Never",
  containers: [
    {
      name: "main",
      image: "busybox:1",
      command: ["sh", "-c"],
      args: ["make $(TOKEN)"],
      env: [{ name: "TOKEN", value: "hunter2" }],
    },
  ],
};

describe("a statement of how an artifact was made", () => {
  it("W8: has what SLSA asks for, and the step without what was injected", () => {
    const { containerStatuses, ...pod } = provenanceOfPod(endedPod(annotations, spec)) as never as Record<
      string,
      unknown
    >;
    expect(containerStatuses).toBeUndefined();
    const statement = statementOf(pod as never) as never as {
      predicate: { runDetails: { byproducts: [{ content: string }] } };
    };
    const [{ content }] = statement.predicate.runDetails.byproducts;
    expect(JSON.parse(Buffer.from(content, "base64").toString())).toEqual({
      pod: "make",
      exitCodes: { main: 0 },
      bytes: 12,
    });
    expect(statement).toMatchObject({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: `oci://${ownHost}/made/result:v1`, digest: { sha256: "a".repeat(64) } }],
      predicateType: "https://slsa.dev/provenance/v1",
      predicate: {
        buildDefinition: {
          buildType: expect.stringMatching(/^https:\/\/.*#build-type-v1$/) as string,
          externalParameters: {
            step: { kind: "Pod", namespace: "work", name: "make" },
            containers: [
              {
                name: "main",
                image: "busybox:1",
                programDigest: hidden([["sh", "-c"], ["make $(TOKEN)"]]),
              },
            ],
            annotations: Object.fromEntries(
              Object.entries(annotations).map(([key, value]) => [names.prefix + key, value]),
            ),
            run: "v1",
          },
          internalParameters: {
            node: "node-1",
            architecture: "arm64",
            operator: "1.2.3",
            agent: { image: "example.com/agent:1", digest: digestOfLetter("e") },
          },
          resolvedDependencies: [
            {
              name: "main",
              uri: "oci://busybox:1",
              digest: { sha256: "e".repeat(64) },
              annotations: { kind: "image" },
            },
            {
              uri: `oci://${ownHost}/read/data:v1`,
              digest: { sha256: "b".repeat(64) },
              annotations: { kind: "input" },
            },
          ],
        },
        runDetails: {
          builder: { id: expect.stringMatching(/^https:\/\/.*#builder$/) as string },
          metadata: {
            invocationId: "uid-of-make",
            startedOn: "1970-01-01T00:00:01Z",
            finishedOn: "1970-01-01T00:01:01Z",
          },
        },
      },
    });
  });

  it("has the arguments where the OrasCache says so", () => {
    expect(provenanceOfPod(endedPod(annotations, spec), true).containers).toEqual([
      { name: "main", image: "busybox:1", command: ["sh", "-c"], args: ["make $(TOKEN)"] },
    ]);
  });

  it("is of the Job that made the Pod, with its annotations and index", () => {
    const pod = endedPod({ "output-uri": "made/result:v1" }, spec);
    const index = { "batch.kubernetes.io/job-completion-index": "3" };
    const indexed = {
      ...pod,
      metadata: { ...pod.metadata, annotations: { ...pod.metadata?.annotations, ...index } },
    };
    const job = {
      metadata: { name: "all", annotations: { [`${names.prefix}run`]: "r", other: "not told" } },
    };
    const found = provenanceOf({
      ...{
        pod: indexed,
        plain: uninjected(pod),
        job,
        inputs: [],
        registry: { host: ownHost, plainHttp: true },
      },
      push: { artifact: "a/b:1", digest: digestOfLetter("a"), bytes: 1, finishedAt: new Date(0) },
      ...{ includeArguments: false, operator: "1" },
    });
    expect(found).toMatchObject({
      step: { kind: "Job", namespace: "work", name: "all" },
      completionIndex: 3,
      annotations: { [`${names.prefix}run`]: "r" },
      run: "r",
    });
    expect(Object.keys(found.annotations)).not.toContain("other");
  });

  it("tells digests alone where the manifest has another number of inputs than the step", () => {
    const pod = endedPod({ ...annotations, "input-uri_1": "read/more:v1" }, spec);
    expect(provenanceOfPod(pod).inputs).toEqual([{ digest: digestOfLetter("b") }]);
  });

  it("takes the digest of an image that was imported, which has none in a registry", () => {
    const pod = endedPod(annotations, spec);
    const [status] = pod.status?.containerStatuses ?? [];
    if (status) status.imageID = digestOfLetter("c");
    expect(provenanceOfPod(pod).images).toMatchObject([{ name: "main", digest: digestOfLetter("c") }]);
    if (status) status.imageID = "";
    expect(provenanceOfPod(pod).images).toEqual([]);
  });

  it("of a Pod that somebody changed has images alone, and nothing that was injected", () => {
    const pod = endedPod(annotations, spec);
    const [main] = pod.spec?.containers ?? [];
    if (main?.args) main.args = [...main.args.slice(0, 2), "changed"];
    const { containers } = provenanceOfPod(pod, true);
    expect(containers).toEqual([{ name: "main", image: "busybox:1" }]);
  });

  it("has no value of the environment, whatever the step is, and no argument unless they are asked for", () => {
    fc.assert(
      fc.property(podSpec, stepAnnotations, fc.boolean(), (drawn, map, includeArguments) => {
        const short = Object.entries(map).map(([key, value]) => [key.slice(names.prefix.length), value]);
        const step = withSecrets(drawn, includeArguments ? [] : [secret]);
        const pod = injectedOrNot(Object.fromEntries(short) as Record<string, string>, step);
        const notOurs = { [`${secret}.example.com/x`]: secret };
        const told = {
          ...pod,
          metadata: {
            ...pod.metadata,
            annotations: { ...pod.metadata?.annotations, ...notOurs },
            labels: { note: secret },
          },
        } as V1Pod;
        const text = JSON.stringify(statementOf(provenanceOfPod(told, includeArguments)));
        const all = text + Buffer.from(/"content":"([^"]*)"/.exec(text)?.[1] ?? "", "base64").toString();
        expect(all).not.toContain(secret);
        expect(all).not.toContain(Buffer.from(secret).toString("base64"));
      }),
    );
  });
});

/** What is denied could run only without the operator. */
function injectedOrNot(map: Readonly<Record<string, string>>, step: V1PodSpec): V1Pod {
  try {
    return endedPod(map, step);
  } catch {
    return endedPod({}, step);
  }
}

/** Wherever a Pod may hold something that not everybody may read. */
function withSecrets(spec: V1PodSpec, args: readonly string[]): V1PodSpec {
  const hide = <C extends V1PodSpec["containers"][number]>(container: C): C => ({
    ...container,
    env: [
      { name: "A", value: secret },
      { name: "B", valueFrom: { secretKeyRef: { name: secret, key: secret } } },
    ],
    envFrom: [{ secretRef: { name: secret } }],
    ...(args.length > 0 && { args: [...(container.args ?? []), ...args] }),
    lifecycle: { preStop: { exec: { command: [secret] } } },
  });
  const init = spec.initContainers?.map(hide);
  return {
    ...spec,
    ...(init && { initContainers: init }),
    containers: spec.containers.map(hide),
    imagePullSecrets: [{ name: secret }],
    hostAliases: [{ ip: "10.0.0.1", hostnames: [secret] }],
  };
}
