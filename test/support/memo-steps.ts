import type { V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { podOf } from "./builders.ts";
import type { KeptRegistry } from "./kept-registry.ts";
import type { ObjectsIn } from "./objects-in.ts";
import { until } from "./wait.ts";

const image = `docker.io/library/busybox@sha256:${"e".repeat(64)}`;

/** Steps that are memoized by the operator, without a kubelet: this is what one would do. */
export function memoSteps(ns: ObjectsIn, registry: Pick<KeptRegistry, "push">) {
  const read = async (name: string) => (await ns.read<V1Pod & KubeObject>(resources.pods, name)) as V1Pod;
  const memoKey = async (name: string) => (await read(name)).metadata?.annotations?.[names.memoKeyAnnotation];
  /** Makes a step; equal commands are equal steps. */
  const make = async (name: string, command: string, more: Readonly<Record<string, string>> = {}) => {
    const asks = { "output-uri": `of/${name}:v1`, memoize: "on", ...more };
    const pod = podOf(name, asks, command, { image });
    await ns.create(resources.pods, pod as KubeObject);
  };
  return {
    make,
    read,
    memoKey,
    /** Waits until a step may run; returns its key. */
    opened: (name: string) => until(() => memoKey(name), `${name} is opened`),
    /** Waits until it has its result without having run. */
    memoized: (name: string) =>
      until(async () => (await read(name)).status?.reason === "Memoized", `${name} is memoized`),
    /** Runs a step that may run: pushes some content and ends. Returns the digest. */
    run: async (name: string, content: string) => {
      await until(() => memoKey(name), `${name} is opened`);
      const digest = await registry.push(`of/${name}:v1`, { content });
      await ns.patchStatus(resources.pods, name, endOf(ns, name, digest));
      await until(async () => (await memoKey(name))?.endsWith(" written"), `${name} is remembered`);
      return digest;
    },
  };
}

/** As the kubelet ends it after a push. */
function endOf(ns: ObjectsIn, name: string, digest: string) {
  const at = new Date().toISOString();
  const host = `oras-0.oras.${ns.namespace}.svc.cluster.local:5000`;
  const message = JSON.stringify({ artifact: `${host}/of/${name}:v1`, digest, bytes: 10, seconds: 1 });
  const terminated = { exitCode: 0, startedAt: at, finishedAt: at };
  const status = { image, imageID: image, ready: false, restartCount: 0 };
  return {
    phase: "Succeeded",
    containerStatuses: [
      { ...status, name: "main", containerID: `c://${name}-main`, state: { terminated } },
      {
        ...{ ...status, name: names.pushContainer, containerID: `c://${name}` },
        state: { terminated: { ...terminated, message } },
      },
    ],
  };
}
