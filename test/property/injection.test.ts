import { isDeepStrictEqual } from "node:util";
import type { V1Container, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import fc from "fast-check";
import { applyPatch } from "rfc6902";
import { describe, expect, it } from "vitest";
import { names } from "../../schema/names.ts";
import type { Answers, Verdict } from "../../src/injection/admission-types.ts";
import { defaultContainerKey } from "../../src/injection/launcher.ts";
import { recordedInjection } from "../../src/injection/marker.ts";
import { patchBetween } from "../../src/injection/patch.ts";
import { stripInjection } from "../../src/injection/strip.ts";
import { readWorkload, workloadKinds } from "../../src/workload/read.ts";
import { cacheOf } from "../support/builders.ts";
import { created, updated } from "../support/patched.ts";
import {
  admit,
  createRequest,
  plainAnnotations,
  plainSpec,
  pod,
  podSpec,
  stepAnnotations,
  withoutAmounts,
} from "../support/pods.ts";

function annotate(p: V1Pod, map: Record<string, string>): V1Pod {
  return { ...p, metadata: { ...p.metadata, annotations: { other: "annotation", ...map } } };
}

/** Pods with an init container, or without one: what is drawn, and where the wrapped container and the added ones stand. */
interface Shape {
  readonly name: string;
  readonly shape: "init" | "hook";
  readonly around: Answers;
  readonly specs: fc.Arbitrary<V1PodSpec>;
  readonly annotations: fc.Arbitrary<Record<string, string>>;
  /** How many containers are added in front of the Pod's own. */
  readonly inFront: number;
}

const cacheLogin = "oras-credentials-0123456789";
const s3 = {
  ...{ endpoint: "https://s3.example.com", bucket: "artifacts", secretRef: { name: "s3-keys" } },
  ...{ redirect: true, caSecretRef: { name: "s3-ca" } },
};
/** Whose registry sends steps to an object storage with a private CA. */
const cache = cacheOf("oras", { storage: { s3 } });
const init = { shape: "init", specs: podSpec, annotations: stepAnnotations, inFront: 0 } as const;
const hook = { shape: "hook", specs: plainSpec, annotations: plainAnnotations, inFront: 1 } as const;
const shapes: readonly Shape[] = [
  { ...init, name: "init", around: {} },
  { ...init, name: "init, with a password", around: { cacheLogin } },
  { ...init, name: "init, with the CA of a redirect", around: { cache } },
  { ...init, name: "init, with a password and the CA of a redirect", around: { cache, cacheLogin } },
  { ...hook, name: "hook", around: { hookShape: true } },
  { ...hook, name: "hook, with a password", around: { hookShape: true, cacheLogin } },
  { ...hook, name: "hook, with the CA of a redirect", around: { hookShape: true, cache } },
  {
    ...{ ...hook, name: "hook, with a password and the CA of a redirect" },
    around: { hookShape: true, cache, cacheLogin },
  },
];

describe.each(shapes)("the shape $name", ({ shape, around, specs, annotations, inFront }) => {
  const annotatedPod = fc
    .tuple(pod, specs, annotations)
    .map(([p, spec, map]) => annotate({ ...p, spec }, map));
  const launcherOf = ({ spec }: V1Pod) => spec?.containers[inFront];

  function inject<T extends object>(object: T): T {
    const verdict = admit(createRequest(object), around);
    if (verdict.kind === "denied") throw new Error(verdict.message);
    const copy = structuredClone(object);
    const errors = applyPatch(copy, structuredClone([...(verdict.patch ?? [])])).filter((e) => e !== null);
    expect(errors).toEqual([]);
    return copy;
  }

  it("is what these Pods get", () => {
    fc.assert(
      fc.property(annotatedPod, (p) => {
        const [first] = inject(p).spec?.containers ?? [];
        expect(first?.command?.[1] === "serve" ? "hook" : "init").toBe(shape);
      }),
    );
  });

  describe("injection", () => {
    it("patch, applied to what was submitted, gives the injected object", () => {
      fc.assert(
        fc.property(pod, pod, annotatedPod, (before, other, annotated) => {
          const apply = (from: object, to: object) => {
            const copy = structuredClone(from);
            expect(
              applyPatch(copy, structuredClone(patchBetween(from, to))).filter((e) => e !== null),
            ).toEqual([]);
            return copy;
          };
          // Whatever changed, and where almost everything is shared.
          expect(apply(before, other)).toEqual(other);
          const { spec } = annotated as { spec: V1PodSpec };
          const [launcher, ...others] = spec.containers;
          const after = {
            ...annotated,
            spec: {
              ...spec,
              containers: [{ ...launcher, args: ["x"] }, ...others, ...(other.spec?.containers ?? [])],
            },
          };
          expect(apply(annotated, after)).toEqual(after);
        }),
      );
    });

    it("leaves un-annotated objects alone", () => {
      fc.assert(
        fc.property(pod, (p) => {
          const job = {
            apiVersion: "batch/v1",
            kind: "Job",
            metadata: { name: "j" },
            spec: { template: { spec: p.spec } },
          };
          const untouched: Verdict = { kind: "allowed", warnings: [], outcome: "untouched" };
          expect(admit(createRequest(p), around)).toEqual(untouched);
          expect(admit(createRequest(job), around)).toEqual(untouched);
        }),
      );
    });

    it("is idempotent", () => {
      fc.assert(
        fc.property(annotatedPod, (p) => {
          const once = inject(p);
          expect(inject(once)).toEqual(once);
        }),
      );
    });

    it("does the same twice", () => {
      fc.assert(
        fc.property(annotatedPod, (p) => {
          expect(inject(p)).toEqual(inject(structuredClone(p)));
        }),
      );
    });

    it("does not change the submitted object", () => {
      fc.assert(
        fc.property(annotatedPod, (p) => {
          const before = structuredClone(p);
          admit(createRequest(p), around);
          expect(p).toEqual(before);
        }),
      );
    });

    it("keeps the program's argument vector to the byte", () => {
      fc.assert(
        fc.property(annotatedPod, (p) => {
          const program = [...(p.spec?.containers[0]?.command ?? []), ...(p.spec?.containers[0]?.args ?? [])];
          const wrapped = launcherOf(inject(p));
          expect(wrapped?.args?.slice(-program.length)).toEqual(program);
          expect(program).not.toHaveLength(0);
        }),
      );
    });

    it("touches only what it owns", () => {
      fc.assert(
        fc.property(annotatedPod, (p) => {
          const injected = inject(p);
          const { containers, initContainers, volumes, ...spec } = specOf(p);
          const after = specOf(injected);
          expect(after).toMatchObject(spec);
          expectStart(after.volumes, volumes);
          expectStart(after.initContainers, initContainers);
          expect(after.containers.slice(inFront + 1, inFront + containers.length)).toEqual(
            containers.slice(1),
          );
          const wrapped = launcherOf(injected);
          if (wrapped === undefined || containers[0] === undefined) throw new Error("no container");
          expectWrapped(wrapped, containers[0]);
          expect(injected.metadata?.annotations).toMatchObject(p.metadata?.annotations ?? {});
          expect(injected.metadata?.labels).toMatchObject(p.metadata?.labels ?? {});
        }),
      );
    });

    function expectWrapped(after: V1Container, before: V1Container) {
      const { command, args, env, volumeMounts, startupProbe, ...rest } = before;
      expect(after).toMatchObject(rest);
      expect(Object.keys(after).sort()).toEqual(
        [
          ...new Set([...Object.keys(rest), ...Object.keys(after).filter((key) => mayChange.has(key))]),
        ].sort(),
      );
      if (startupProbe) expect(after.startupProbe).toEqual(startupProbe);
      // Variables in paths are expanded from the environment, under the operator's names.
      expectStart(after.env, env);
      const added = (after.env ?? []).slice(env?.length ?? 0).map(({ name }) => name);
      const others = added.filter((name) => !name.startsWith(names.variablePrefix));
      expect(others).toEqual(shape === "hook" ? [names.readyVariable] : []);
      expectStart(after.volumeMounts, volumeMounts);
      expect([after.command, after.args]).not.toEqual([command, args]);
    }

    it("uses no name twice, and mounts nothing over another mount", () => {
      fc.assert(
        fc.property(annotatedPod, (p) => {
          const after = inject(p).spec as NonNullable<V1Pod["spec"]>;
          const all = [...after.containers, ...(after.initContainers ?? [])];
          expect(new Set(all.map((c) => c.name)).size).toBe(all.length);
          expect(new Set(after.volumes?.map((v) => v.name)).size).toBe(after.volumes?.length);
          const own =
            p.spec?.containers[0]?.volumeMounts?.map((m) => `${m.mountPath.replace(/\/+$/, "")}/`) ?? [];
          const added = `${after.containers[inFront]?.volumeMounts?.at(-1)?.mountPath}/`;
          for (const path of own) expect(path.startsWith(added) || added.startsWith(path)).toBe(false);
        }),
      );
    });

    it("does not change the QoS class", () => {
      fc.assert(
        fc.property(pod, specs, annotations.map(withoutAmounts), (bare, spec, map) => {
          const p = annotate({ ...bare, spec }, map);
          expect(qosClass(inject(p))).toBe(qosClass(p));
        }),
      );
    });

    it("does to a Job's template what it does to a Pod", () => {
      fc.assert(
        fc.property(specs, annotations, (spec, map) => {
          const job = {
            apiVersion: "batch/v1",
            kind: "Job",
            metadata: { name: "j", annotations: map },
            spec: { template: { metadata: {}, spec } },
          };
          const bare = { apiVersion: "v1", kind: "Pod", metadata: { name: "j", annotations: map }, spec };
          const injectedJob = inject(job);
          const injectedPod = inject(bare) as { spec?: V1PodSpec };
          // A Pod that waits has a gate, a Job may be suspended.
          const { schedulingGates: _, ...ofPod } = injectedPod.spec ?? {};
          const { schedulingGates: __, ...ofJob } = injectedJob.spec.template.spec as V1PodSpec;
          expect(ofJob).toEqual(ofPod);
          // The Pods of an injected Job do not reach the webhook again.
          expect(
            Object.keys((injectedJob.spec.template.metadata as V1Pod["metadata"])?.annotations ?? {}).filter(
              (key) => key !== names.gateAnnotation,
            ),
          ).toEqual(shape === "hook" ? [defaultContainerKey] : []);
          expect(injectedJob.metadata.annotations).toHaveProperty([names.markerAnnotation]);
        }),
      );
    });

    it("restores what kubectl apply of the same manifest sets back, and nothing else", () => {
      fc.assert(
        fc.property(annotatedPod, fc.boolean(), (p, otherProgram) => {
          const stored = inject(p);
          const applied = appliedAgain(p, stored, inFront, otherProgram ? ["another", "program"] : undefined);
          const request = { ...createRequest(applied), operation: "UPDATE" as const, oldObject: stored };
          const verdict = admit(request, around);
          if (verdict.kind === "denied") throw new Error(verdict.message);
          applyPatch(applied, structuredClone([...(verdict.patch ?? [])]));
          expect(isDeepStrictEqual(applied, stored)).toBe(!otherProgram);
        }),
      );
    });
  });

  describe("an injection can be taken out and put back", () => {
    const annotated = fc.oneof(
      annotatedPod,
      fc.tuple(specs, annotations, fc.boolean()).map(([spec, map, both]) => ({
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name: "j", annotations: map },
        spec: { template: { metadata: both ? { annotations: { ...map } } : {}, spec } },
      })),
    );
    const workload = (object: { kind?: string }) => {
      const kind = workloadKinds.find((known) => known.kind === object.kind);
      const read = kind && readWorkload(kind, object);
      if (!read || "expected" in read) throw new Error("malformed");
      return read;
    };

    it("taking it out gives what was submitted", () => {
      fc.assert(
        fc.property(annotated, (object) => {
          const injected = workload(inject(object));
          const stripped = stripInjection(injected, recordedInjection(injected.template.spec));
          expect(stripped).toMatchObject({ ok: true });
          if (stripped.ok) expect(withoutEmpty(stripped.value.object)).toEqual(withoutEmpty(object));
        }),
      );
    });

    /** The same programs, with all their words in command, and the annotation that nobody knows to be added. */
    function undivided<T extends object>(object: T): T {
      const copy = structuredClone(object);
      const { containers } = workload(copy).template.spec;
      const wrapped = Object.keys(recordedInjection(workload(inject(object)).template.spec)?.wrapped ?? {});
      for (const container of containers.filter(({ name }) => wrapped.includes(name))) {
        container.command = [...(container.command ?? []), ...(container.args ?? [])];
        delete container.args;
      }
      const { metadata } = workload(inject(object)).template;
      const added = metadata?.annotations?.[defaultContainerKey];
      if (added !== undefined) {
        const below = workload(copy).template.metadata ?? {};
        below.annotations = { ...below.annotations, [defaultContainerKey]: added };
      }
      return copy;
    }

    it("it changes nothing a second time, and is made again where a part of it is gone", () => {
      fc.assert(
        fc.property(annotated, (object) => {
          const injected = inject(object);
          expect(admit(createRequest(injected), around)).toEqual({
            kind: "allowed",
            warnings: [],
            outcome: "untouched",
          });
          const broken = structuredClone(injected);
          const { initContainers: init = [], containers } = workload(broken).template.spec;
          const lost = shape === "hook" ? containers.shift() : init.pop();
          const hadRecord = lost?.env?.some(({ name }) => name === names.injectionVariable);
          // Without the record, what the program was is known, but not how it was divided.
          const expected = hadRecord ? inject(undivided(object)) : injected;
          expect(withoutEmpty(inject(broken))).toEqual(withoutEmpty(expected));
        }),
      );
    });

    it("nothing changes where another webhook puts programs in front", () => {
      fc.assert(
        fc.property(annotated, fc.array(fc.string(), { minLength: 1 }), (object, inFront) => {
          const injected = inject(object);
          const { initContainers = [], containers } = workload(injected).template.spec;
          for (const container of [...initContainers, ...containers]) {
            const { command = [], args = [] } = container;
            Object.assign(container, { command: inFront, args: [...command, ...args] });
          }
          expect(admit(createRequest(injected), around)).toMatchObject({
            outcome: "untouched",
            warnings: [],
          });
        }),
      );
    });

    it("it is found without record and marker, and runs the same when it is made again", () => {
      fc.assert(
        fc.property(annotatedPod, (p) => {
          const injected = inject(p);
          const lost = structuredClone(injected);
          delete lost.metadata?.annotations?.[names.markerAnnotation];
          for (const container of lost.spec?.initContainers ?? []) {
            container.env = container.env?.filter(({ name }) => name !== names.injectionVariable) ?? [];
          }
          const programs = ({ spec }: V1Pod) =>
            [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((c) => [
              c.name,
              c.command,
              c.args,
            ]);
          const again = inject(lost);
          expect(programs(again)).toEqual(programs(injected));
          expect(again.spec?.volumes).toEqual(injected.spec?.volumes);
        }),
      );
    });

    it("a PUT of what was submitted gives what is stored", () => {
      fc.assert(
        fc.property(annotated, (object) => {
          const stored = inject(object);
          expect(updated(stored, structuredClone(object))).toEqual(stored);
        }),
      );
    });

    it("nothing is touched of what nobody annotated", () => {
      fc.assert(
        fc.property(pod, fc.boolean(), (p, marked) => {
          const bare = marked ? annotate(p, { [names.markerAnnotation]: "x" }) : p;
          expect(created(bare, around)).toEqual(marked ? annotate(p, {}) : p);
        }),
      );
    });
  });
});

/** What an injection may set in a container that it wraps. */
const mayChange = new Set(["command", "args", "env", "volumeMounts", "startupProbe"]);

function specOf({ spec }: V1Pod): V1PodSpec {
  if (spec === undefined) throw new Error("no spec");
  return spec;
}

/** Expects a list to begin with all of another one. */
function expectStart(list: readonly unknown[] | undefined, start: readonly unknown[] = []): void {
  expect(list?.slice(0, start.length) ?? []).toEqual(start);
}

/** What is empty is absent for Kubernetes. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).map(([key, below]) => [key, withoutEmpty(below)] as const);
  return Object.fromEntries(
    kept.filter(
      ([key, below]) =>
        key === "emptyDir" || typeof below !== "object" || below === null || Object.keys(below).length > 0,
    ),
  );
}

/** The stored Pod with the launcher's command and args set back to the manifest's, as `kubectl apply` does. */
function appliedAgain(
  manifest: V1Pod,
  stored: V1Pod,
  inFront: number,
  otherCommand: string[] | undefined,
): V1Pod {
  const applied = structuredClone(stored);
  const launcher = applied.spec?.containers[inFront];
  const [written] = manifest.spec?.containers ?? [];
  if (!launcher || !written) throw new Error("no container");
  launcher.command = otherCommand ?? written.command ?? [];
  if (written.args) launcher.args = written.args;
  return applied;
}

/** @see https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
function qosClass(p: V1Pod): string {
  const all = [...(p.spec?.containers ?? []), ...(p.spec?.initContainers ?? [])];
  const amounts = all.flatMap((c) =>
    ["cpu", "memory"].map((kind) => ({
      limit: c.resources?.limits?.[kind],
      request: c.resources?.requests?.[kind] ?? c.resources?.limits?.[kind],
    })),
  );
  if (amounts.every((a) => a.limit === undefined && a.request === undefined)) return "BestEffort";
  return amounts.every((a) => a.limit !== undefined && a.limit === a.request) ? "Guaranteed" : "Burstable";
}
