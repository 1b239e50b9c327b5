import type {
  V1Container,
  V1LimitRange,
  V1Pod,
  V1PodSpec,
  V1ResourceRequirements,
} from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { annotations } from "../../../generated/annotations.ts";
import { created } from "../../support/patched.ts";
import { admit, createRequest } from "../../support/pods.ts";

const output = { [annotations["output-uri"].key]: "a/b:c", [annotations["output-path"].key]: "/tmp/out" };
const input = { [annotations["input-uri"].key]: "a/b:c" };

function job(
  resources: V1ResourceRequirements | undefined,
  map: Record<string, string> = output,
  spec: object = {},
) {
  const container = { name: "main", image: "busybox", command: ["true"], ...(resources && { resources }) };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "j", annotations: map },
    spec: { template: { spec: { restartPolicy: "Never", containers: [container], ...spec } as V1PodSpec } },
  };
}

const range = (...limits: object[]) => [{ metadata: { name: "policy" }, spec: { limits } }] as V1LimitRange[];
const added = ({ spec }: ReturnType<typeof job>) => {
  const { initContainers = [], containers } = spec.template.spec;
  return [...initContainers, ...containers.slice(1)] as V1Container[];
};
const resourcesOf = (object: ReturnType<typeof job>, limitRanges: V1LimitRange[]) =>
  added(created(object, { limitRanges })).at(-1)?.resources;
const refusal = (object: { kind?: string }, limitRanges: V1LimitRange[]) => {
  const verdict = admit(createRequest(object), { limitRanges });
  return verdict.kind === "denied" ? verdict.message : undefined;
};

const asked = { requests: { cpu: "250m", memory: "128Mi" } };

describe("inj-05: what a Job's Pods get from LimitRanges counts before there are Pods", () => {
  const ratio = range({
    type: "Container",
    default: { cpu: "500m", memory: "256Mi" },
    defaultRequest: { cpu: "250m", memory: "128Mi" },
    maxLimitRequestRatio: { cpu: "4", memory: "4" },
  });

  it("a ratio of limit and request: both are set, and equal", () => {
    const same = { cpu: "250m", memory: "128Mi" };
    expect(resourcesOf(job(asked), ratio)).toEqual({ limits: same, requests: same });
    // Without a word of the author's all the more.
    expect(resourcesOf(job(undefined), ratio)).toEqual({ limits: same, requests: same });
  });

  it("defaults in a LimitRange beside another that bounds", () => {
    const both = [
      ...range({ type: "Container", default: { cpu: "2" }, defaultRequest: { cpu: "1" } }),
      ...range({ type: "Container", max: { cpu: "200m" } }),
    ];
    expect(resourcesOf(job({ limits: { cpu: "100m" } }), both)).toEqual({
      limits: { cpu: "200m" },
      requests: { cpu: "200m" },
    });
  });

  it("local storage: a request of 0 would break a ratio, and a least amount", () => {
    const storage = { limits: { "ephemeral-storage": "2Gi" } };
    const of = (item: object) => resourcesOf(job(storage), range({ type: "Container", ...item }));
    expect(of({ maxLimitRequestRatio: { "ephemeral-storage": "2" } })?.requests).toEqual({
      "ephemeral-storage": "2Gi",
    });
    expect(of({ min: { "ephemeral-storage": "100Mi" } })?.requests).toEqual({ "ephemeral-storage": "100Mi" });
    expect(of({ max: { "ephemeral-storage": "3Gi" } })?.requests).toEqual({ "ephemeral-storage": "0" });
  });

  it("changes nothing in the template besides: the Pods get their defaults when they are made", () => {
    const { spec } = created(job(undefined), { limitRanges: ratio });
    expect(spec.template.spec.containers[0]).not.toHaveProperty("resources");
  });
});

describe("inj-06: a maximum for the whole Pod", () => {
  const whole = range({ type: "Pod", max: { cpu: "1", memory: "512Mi" } });
  const of = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });

  it("what is added shrinks to what is left", () => {
    const left = { cpu: "100m", memory: "112Mi" };
    expect(resourcesOf(job(of("900m", "400Mi")), whole)).toEqual({ limits: left, requests: left });
    expect(resourcesOf(job(of("1", "400Mi"), input), whole)).toMatchObject({ limits: { cpu: "250m" } });
  });

  it("init containers that need much do not take from what is beside the program", () => {
    const first = { name: "first", image: "busybox", command: ["true"], resources: of("1", "512Mi") };
    const spec = { initContainers: [first] };
    expect(resourcesOf(job(of("100m", "100Mi"), output, spec), whole)).toMatchObject({
      limits: { cpu: "250m" },
    });
    const sidecar = {
      initContainers: [{ ...first, resources: of("850m", "400Mi"), restartPolicy: "Always" }],
    };
    expect(resourcesOf(job(of("100m", "50Mi"), output, sidecar), whole)).toMatchObject({
      limits: { cpu: "50m", memory: "62Mi" },
    });
  });

  it.each(["1e999", "9e400", "99999999999999999999999Ei"])(
    "a default of %s is written as a quantity",
    (much) => {
      const resource = "example.com/licence";
      const bound = range({ type: "Container", default: { [resource]: much }, max: { [resource]: "1" } });
      const own = { limits: { [resource]: "1" } };
      expect(refusal(job(own), bound)).toContain(
        `has ${resource} nothing requested and 8589934592Gi as its limit`,
      );
    },
  );

  it("without room it is said which LimitRange and which amounts stand against it, at once", () => {
    const message = refusal(job(of("1", "400Mi")), whole);
    expect(message).toBe(
      `spec.template.spec.containers: LimitRange "policy" allows at most cpu 1 for a Pod, and the Pod, with the added containers, has cpu 1010m requested and 1010m as its limit. Set the resources of the added containers with the requests-… and limits-… annotations, raise the Pod-level resources, or change the LimitRange. (BeyondLimitRange)`,
    );
    expect(refusal(job(of("1", "512Mi")), whole)).toMatch(/^2 problems:/);
    // What the author's own containers break is the API server's to say.
    expect(refusal(job(of("2", "1Gi")), whole)).toBeUndefined();
  });

  it("amounts of the author's stand, and are judged", () => {
    const said = {
      ...output,
      [annotations["limits-cpu"].key]: "5m",
      [annotations["requests-cpu"].key]: "5m",
    };
    expect(refusal(job(of("995m", "100Mi"), said), whole)).toBeUndefined();
    const much = { ...output, [annotations["limits-memory"].key]: "1Gi" };
    expect(refusal(job(of("100m", "100Mi"), much), whole)).toContain(
      'LimitRange "policy" allows at most memory 512Mi',
    );
  });

  it("sums are exact", () => {
    // 0.1 + 0.2 is more than 0.3 where numbers are binary.
    const exact = range({ type: "Pod", max: { cpu: "0.3" } });
    const said = {
      ...output,
      [annotations["limits-cpu"].key]: "0.2",
      [annotations["requests-cpu"].key]: "0.2",
    };
    expect(refusal(job({ limits: { cpu: "0.1" } }, said), exact)).toBeUndefined();
  });
});

describe("bounds of a container", () => {
  it("that an added one breaks by an annotation are reported with its name", () => {
    const said = { ...output, [annotations["limits-cpu"].key]: "3" };
    const message = refusal(
      job({ limits: { cpu: "1" } }, said),
      range({ type: "Container", max: { cpu: "2" } }),
    );
    expect(message).toContain(
      'a Container, and container "oras-pull" has cpu 3 requested and 3 as its limit',
    );
    expect(message).toContain('container "oras" has cpu 3');
  });

  it.each([
    ["least", { min: { cpu: "0.3" } }, "0.3"],
    ["most", { max: { cpu: "100m" } }, "100m"],
  ])("the %s holds for both amounts", (_, item, expected) => {
    const resources = resourcesOf(job({ limits: { cpu: "1" } }), range({ type: "Container", ...item }));
    expect(resources).toEqual({ limits: { cpu: expected }, requests: { cpu: expected } });
  });
});

describe("resources of the Pod as a whole (KEP-2837)", () => {
  const whole = (cpu: string) => ({ resources: { requests: { cpu }, limits: { cpu } } });

  it("cover what is added, unless a LimitRange would set more", () => {
    expect(resourcesOf(job(undefined, output, whole("1")), [])).toBeUndefined();
    const defaults = range({ type: "Container", default: { cpu: "500m" }, defaultRequest: { cpu: "400m" } });
    expect(resourcesOf(job(undefined, output, whole("500m")), defaults)).toEqual({
      limits: { cpu: "250m" },
      requests: { cpu: "100m" },
    });
  });

  it("that leave no room are named", () => {
    const defaults = range({ type: "Container", default: { cpu: "500m" }, defaultRequest: { cpu: "500m" } });
    expect(refusal(job(undefined, output, whole("500m")), defaults)).toContain(
      "the Pod's own resources.requests.cpu is 500m, and all containers together, the added ones among them, request 510m",
    );
  });
});

describe("inj-20: the share's sizeLimit", () => {
  const pod = (map: Record<string, string>): V1Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", annotations: map },
    spec: { containers: [{ name: "main", image: "busybox", command: ["true"] }] },
  });
  const shareOf = (object: V1Pod) => object.spec?.volumes?.[0];

  it("is what the step says, else the installation, else none", () => {
    const said = { ...output, [annotations["share-size-limit"].key]: "2Gi" };
    expect(shareOf(created(pod(output)))).toEqual({ name: "oras-share", emptyDir: {} });
    expect(shareOf(created(pod(output), { shareSizeLimit: "10Gi" }))?.emptyDir).toEqual({
      sizeLimit: "10Gi",
    });
    expect(shareOf(created(pod(said), { shareSizeLimit: "10Gi" }))?.emptyDir).toEqual({ sizeLimit: "2Gi" });
    // Every emptyDir has one then, as policies demand.
    const all = created(pod({ ...said, [annotations["oras-env"].key]: "login" })).spec?.volumes ?? [];
    expect(all.filter(({ emptyDir }) => emptyDir && !emptyDir.sizeLimit)).toEqual([]);
  });

  it.each(["lots", "-1Gi", ""])("%j is refused", (value) => {
    expect(
      admit(createRequest(pod({ ...output, [annotations["share-size-limit"].key]: value }))),
    ).toMatchObject({
      kind: "denied",
    });
  });
});
