import { describe, expect, it } from "vitest";
import { annotations } from "../../../src/annotations/table.ts";
import type { Questions } from "../../../src/injection/admission-types.ts";
import { prepare } from "../../../src/injection/prepare.ts";
import { createRequest, installation } from "../../support/pods.ts";

const output = { [annotations["output-uri"].key]: "a/b:c" };

function questionsOf(spec: object, map: Record<string, string> = output): Questions {
  const pod = { kind: "Pod", metadata: { annotations: map }, spec };
  const prepared = prepare(createRequest(pod, "team"), installation);
  if (prepared.settled) throw new Error("settled");
  return prepared.questions;
}

const main = { name: "main", image: "app", command: ["run"] };

describe("questions", () => {
  it("are about the step's cache, unless it names a registry", () => {
    const asked = { namespace: "team", images: [], pullSecrets: [] };
    expect(questionsOf({ containers: [main] })).toMatchObject({ ...asked, cache: "oras" });
    const remote = { ...output, [annotations.registry.key]: "ghcr.io" };
    expect(questionsOf({ containers: [main] }, remote)).toMatchObject({ ...asked, cache: undefined });
  });

  it("are about the images of wrapped containers without a command, each once", () => {
    const bare = (name: string, image: string) => ({ name, image });
    const both = {
      ...output,
      [annotations.container.key]: "a",
      [`${annotations.container.key}_1`]: "b",
      [`${annotations.container.key}_2`]: "c",
    };
    const containers = [bare("a", "one"), bare("b", "one"), bare("c", "two"), bare("d", "three"), main];
    expect(questionsOf({ containers }, both).images).toEqual(["one", "two"]);
    expect(questionsOf({ containers: [main, bare("d", "three")] }).images).toEqual([]);
  });

  it("name the ServiceAccount of a Job whose template names no pull secrets: its Pods will have that one's", () => {
    const asked = (spec: object, kind = "Job") => {
      const bare = { containers: [{ name: "main", image: "app" }], ...spec };
      const object = {
        kind,
        metadata: { annotations: output },
        spec: kind === "Job" ? { template: { spec: bare } } : bare,
      };
      const prepared = prepare(createRequest(object, "team"), installation);
      return prepared.settled ? undefined : prepared.questions.serviceAccount;
    };
    expect(asked({})).toBe("default");
    expect(asked({ serviceAccountName: "builder" })).toBe("builder");
    expect(asked({ serviceAccountName: "../secrets/x" })).toBeUndefined();
    expect(asked({ imagePullSecrets: [{ name: "own" }] })).toBeUndefined();
    expect(asked({ containers: [main] })).toBeUndefined();
    expect(asked({}, "Pod")).toBeUndefined();
  });

  it.each([
    ["arm64", "arm64"],
    ["amd64", "amd64"],
    ["sparc", "amd64"],
    ["a".repeat(1_000_000), "amd64"],
  ])("are for an architecture that there is (%#)", (arch, expected) => {
    const spec = {
      containers: [{ name: "main", image: "app" }],
      nodeSelector: { "kubernetes.io/arch": arch },
    };
    expect(questionsOf(spec).architecture).toBe(expected);
  });

  it("name pull secrets of the Pod's namespace only: nothing that the API server would not take for a name", () => {
    const secretsOf = (...names: string[]) => {
      const imagePullSecrets = names.map((name) => ({ name }));
      return questionsOf({ containers: [{ name: "main", image: "app" }], imagePullSecrets }).pullSecrets;
    };
    expect(secretsOf("pull", "pull", "reg.example")).toEqual(["pull", "reg.example"]);
    expect(secretsOf("../../other/secrets/pull", "..", "a/b", "a?b", "A", "")).toEqual([]);
    expect(secretsOf(...Array.from({ length: 1000 }, (_, i) => `s${i}`))).toHaveLength(10);
  });
});
