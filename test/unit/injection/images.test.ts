import { expect, it } from "vitest";
import { annotations } from "../../../generated/annotations.ts";
import { imagesToLookUp } from "../../../src/injection/images.ts";
import { createRequest } from "../../support/pods.ts";

const secretsOf = (...names: string[]) => {
  const pod = {
    kind: "Pod",
    metadata: { annotations: { [annotations["output-uri"].key]: "a/b:c" } },
    spec: { containers: [{ name: "main", image: "app" }], imagePullSecrets: names.map((name) => ({ name })) },
  };
  return imagesToLookUp(createRequest(pod, "team")).map(({ secrets }) => secrets);
};

it("pull secrets are those of the Pod's namespace: nothing that the API server would not take for a name", () => {
  expect(secretsOf("pull", "pull", "reg.example")).toEqual([
    { namespace: "team", names: ["pull", "reg.example"] },
  ]);
  expect(secretsOf("../../other/secrets/pull", "..", "a/b", "a?b", "A", "")).toEqual([
    { namespace: "team", names: [] },
  ]);
  expect(secretsOf(...Array.from({ length: 1000 }, (_, i) => `s${i}`))[0]?.names).toHaveLength(10);
});
