import type { V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { leftBehind, notPushed } from "../../schema/share.ts";
import { fallbackTagOf } from "../../src/common/fallback-tag.ts";
import { resources } from "../../src/kube/resources.ts";
import { readManifest } from "../../src/registry/manifests.ts";
import { type Referrer, referrersIn } from "../../src/registry/referrers.ts";
import type { KeptRegistry } from "./kept-registry.ts";
import type { ObjectsIn } from "./objects-in.ts";
import { until } from "./wait.ts";

/** Of what ran in it. */
export const digestOfImage = `sha256:${"e".repeat(64)}`;

/** A Pod of a step that the webhook has injected. */
export async function stepNamed(
  ns: ObjectsIn,
  name: string,
  output: string,
  failure?: string,
): Promise<V1Pod> {
  const annotations = {
    [`${names.prefix}input-uri`]: "read/data:v1",
    [`${names.prefix}output-uri`]: output,
    [`${names.prefix}output-path`]: "out",
    ...(failure !== undefined && { [`${names.prefix}failure-uri`]: failure }),
  };
  const env = [{ name: "TOKEN", value: "hunter2" }];
  const containers = [{ name: "main", image: "busybox", command: ["make"], env }];
  const pod = await ns.create(resources.pods, {
    metadata: { name, annotations },
    ...({ spec: { restartPolicy: "Never", containers } } as object),
  });
  return pod as V1Pod;
}

/** Ends it after a failure, of which something was left. */
export async function fail(ns: ObjectsIn, name: string, artifact: string, digest: string): Promise<void> {
  const message = `${notPushed}the program ended with exit code 7${leftBehind}${hostOf(ns)}/${artifact} (${digest})`;
  await endWith(ns, name, message, new Date(), 7);
}

/** Ends it after a push, as the kubelet does. */
export async function end(
  ns: ObjectsIn,
  name: string,
  artifact: string,
  digest: string,
  at = new Date(),
): Promise<void> {
  const message = JSON.stringify({ artifact: `${hostOf(ns)}/${artifact}`, digest, bytes: 10, seconds: 1 });
  await endWith(ns, name, message, at, 0);
}

function hostOf({ namespace }: ObjectsIn): string {
  return `oras-0.oras.${namespace}.svc.cluster.local:5000`;
}

async function endWith(
  ns: ObjectsIn,
  name: string,
  message: string,
  at: Date,
  exitCode: number,
): Promise<void> {
  const status = { image: "x", imageID: `x@${digestOfImage}`, ready: false, restartCount: 0 };
  const terminated = { exitCode: 0, startedAt: at.toISOString(), finishedAt: at.toISOString() };
  await ns.patchStatus(resources.pods, name, {
    phase: exitCode === 0 ? "Succeeded" : "Failed",
    containerStatuses: [
      {
        ...status,
        name: "main",
        containerID: `c://${name}-main`,
        state: { terminated: { ...terminated, exitCode } },
      },
      {
        ...status,
        name: names.pushContainer,
        containerID: `c://${name}`,
        state: { terminated: { ...terminated, message } },
      },
    ],
  });
}

/** How a registry is asked. */
export function asked({ host, authorization }: KeptRegistry) {
  return { peer: { host }, authorization, signal: AbortSignal.timeout(120_000) };
}

/** What is about a manifest. */
export async function referrersOf(
  registry: KeptRegistry,
  repository: string,
  digest: string,
): Promise<Referrer[]> {
  const index = await readManifest(asked(registry), repository, fallbackTagOf(digest));
  return index === undefined ? [] : referrersIn(index);
}

/** The same, once there are as many. */
export const statementsAbout = (registry: KeptRegistry, repository: string, digest: string, count: number) =>
  until(async () => {
    const found = await referrersOf(registry, repository, digest);
    return found.length >= count && found;
  }, `${count} statements about ${digest}`);

/** The text of a blob, as anybody reads it who may pull. */
export async function statementIn(
  registry: KeptRegistry,
  repository: string,
  manifest: string,
): Promise<string> {
  const found = await readManifest(asked(registry), repository, manifest);
  const { layers } = JSON.parse(found?.bytes.toString() ?? "{}") as { layers: [{ digest: string }] };
  const headers = { authorization: registry.authorization };
  const url = `http://${registry.host}/v2/${repository}/blobs/${layers[0].digest}`;
  return (await fetch(url, { headers })).text();
}
