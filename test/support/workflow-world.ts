import { createHash, randomInt } from "node:crypto";
import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { annotations } from "../../src/annotations/table.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { objectsIn } from "./objects-in.ts";
import { startRegistry } from "./registry.ts";
import { readyPod, registryPod } from "./registry-pod.ts";
import { type Hold, startRegistryProxy } from "./registry-proxy.ts";
import { type Ran, standInKubelet } from "./stand-in-kubelet.ts";

/** A Pod that ran, by the name of its Job. */
export interface Run {
  readonly namespace: string;
  readonly job: string;
  readonly uid: string;
  /** Of a Pod of an Indexed Job. */
  readonly index?: string | undefined;
  /** As it was given them. */
  readonly pins: readonly string[];
  /** The digest of what it pushed. */
  readonly pushed?: string;
}

/** The imageID of a container, in which of the Job's tries, from 0. */
type ReportImage = (container: string, attempt: number) => string;

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const digestOf = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;

/**
 * Namespaces whose caches have one real registry, and what Pods of steps do in them: they say which inputs they were given, and
 * push something new.
 *
 * @param client - with every right, of an API server where the operator and the controllers of Jobs run
 * @param hold - may keep back what the registry is asked and answers
 */
export async function startWorkflowWorld(client: KubeClient, hold?: Hold) {
  const address = `127.${randomInt(1, 255)}.${randomInt(255)}.${randomInt(1, 255)}`;
  const registry = await startRegistry({
    ...(hold ? {} : { address, port: names.registryPort }),
    environment: { REGISTRY_STORAGE_DELETE_ENABLED: "true" },
  });
  const stopProxy = hold && (await startRegistryProxy(address, names.registryPort, registry.url, hold));
  const runs: Run[] = [];
  const fails = new Set<string>();
  const holds = new Map<string, Promise<void>>();
  const images = new Map<string, ReportImage>();

  const put = async (reference: string, content: string): Promise<string> => {
    const [repository = "", tag = ""] = reference.split(":");
    const config = await blob(repository, "{}");
    const text = JSON.stringify({
      ...{ schemaVersion: 2, mediaType: manifestType },
      config: { ...config, mediaType: "application/vnd.oci.empty.v1+json" },
      layers: [await blob(repository, content)],
    });
    const url = `${registry.url}/v2/${repository}/manifests/${tag}`;
    const answer = await fetch(url, { method: "PUT", body: text, headers: { "content-type": manifestType } });
    if (!answer.ok) throw new Error(`PUT ${url}: ${answer.status}`);
    return digestOf(text);
  };
  const blob = async (repository: string, content: string) => {
    const begun = await fetch(`${registry.url}/v2/${repository}/blobs/uploads/`, { method: "POST" });
    const upload = new URL(begun.headers.get("location") ?? "", registry.url);
    upload.searchParams.set("digest", digestOf(content));
    const headers = { "content-type": "application/octet-stream" };
    const answer = await fetch(upload, { method: "PUT", body: content, headers });
    if (!answer.ok) throw new Error(`PUT ${upload}: ${answer.status}`);
    return { mediaType: "application/octet-stream", digest: digestOf(content), size: content.length };
  };

  const runStep = async (pod: V1Pod): Promise<Ran> => {
    const { namespace = "", uid = "", labels = {} } = pod.metadata ?? {};
    const job = labels["batch.kubernetes.io/job-name"] ?? pod.metadata?.name ?? "";
    const pins = (pod.metadata?.annotations?.[names.inputDigestsAnnotation] ?? "").split(",").filter(Boolean);
    await holds.get(namespace);
    if (fails.has(`${namespace}/${job}`)) {
      runs.push({ namespace, job, uid, pins });
      return { exitCode: 1 };
    }
    const path = `/apis/batch/v1/namespaces/${namespace}/jobs/${job}`;
    const isOfJob = job !== pod.metadata?.name;
    const { metadata } = isOfJob ? await client.request<V1Job>({ path }) : pod;
    // The Pods of a Job whose template alone is annotated are injected one by one.
    const asks = { ...pod.metadata?.annotations, ...metadata?.annotations };
    const index = labels["batch.kubernetes.io/job-completion-index"];
    const values = {
      "$(JOB_COMPLETION_INDEX)": index ?? "",
      "$(RUN)": asks[annotations.run.key] ?? "",
    };
    const output = Object.entries(values).reduce<string | undefined>(
      (uri, [variable, value]) => uri?.replaceAll(variable, value),
      asks[annotations["output-uri"].key],
    );
    if (output === undefined) {
      runs.push({ namespace, job, uid, pins });
      return { exitCode: 0 };
    }
    const pushed = await put(output, `${job} ${uid} ${pins.join(" ")}`);
    runs.push({ namespace, job, uid, index, pins, pushed });
    const artifact = `oras-0.oras.${namespace}.svc.${names.clusterDomain}:5000/${output}`;
    return { exitCode: 0, message: JSON.stringify({ artifact, digest: pushed, bytes: 1, seconds: 1 }) };
  };
  const stopKubelet = standInKubelet(client, async (pod) => {
    const ran = await runStep(pod);
    const run = runs.find(({ uid }) => uid === pod.metadata?.uid);
    const report = images.get(`${run?.namespace}/${run?.job}`);
    if (run === undefined || report === undefined) return ran;
    const attempt = runs.filter(({ namespace, job }) => namespace === run.namespace && job === run.job);
    return { ...ran, imageID: (container) => report(container, attempt.indexOf(run)) };
  });

  return {
    put,
    /** Of the registry of all caches. */
    url: registry.url,
    address,
    /** What ran in a namespace, in that order. */
    runsIn: (namespace: string) => runs.filter((run) => run.namespace === namespace),
    /** Pods of a Job fail from now on. */
    break: (namespace: string, job: string) => fails.add(`${namespace}/${job}`),
    /** The digest that a tag has, if it is there. */
    tagged: async (repository: string, tag: string) => {
      const url = `${registry.url}/v2/${repository}/manifests/${tag}`;
      const answer = await fetch(url, { method: "HEAD", headers: { accept: manifestType } });
      return answer.headers.get("docker-content-digest") ?? undefined;
    },
    /** Pods of a namespace end no sooner than what is returned is called. */
    hold: (namespace: string) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      holds.set(namespace, promise);
      return resolve;
    },
    /** Which images the kubelet says that Pods of a Job ran. */
    reportImages: (namespace: string, job: string, report: ReportImage) =>
      images.set(`${namespace}/${job}`, report),
    /** They succeed again. */
    mend: (namespace: string, job: string) => fails.delete(`${namespace}/${job}`),
    /** A namespace with a cache whose registry answers. */
    namespace: async (name: string, spec: object = {}) => {
      const ns = await objectsIn(client, name);
      await ns.createCache("oras", { auth: { type: "none" }, ...spec } as object);
      const status = { ...readyPod(new Date().toISOString()), podIP: address, podIPs: [{ ip: address }] };
      await registryPod(ns, "oras", status);
      await ns.rollOut();
      return ns;
    },
    stop: async () => {
      await stopKubelet();
      stopProxy?.();
      await registry.stop();
    },
  };
}

/** How a Job has ended, if it has. */
export function endOfJob(job: V1Job | undefined): string | undefined {
  return job?.status?.conditions?.find(
    ({ type, status }) => status === "True" && (type === "Complete" || type === "Failed"),
  )?.type;
}
