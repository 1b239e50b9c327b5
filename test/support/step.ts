import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Container, V1Job, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { type AnnotationName, annotations } from "../../src/annotations/table.ts";
import { start, temporaryFolder } from "./sidecar.ts";
import { until } from "./wait.ts";

/** What kubectl said. */
export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kubectl against the cluster under test, whatever it says. */
export async function tryKubectl(args: readonly string[], input?: string): Promise<Answer> {
  return start(["kubectl", ...args], { env: process.env, ...(input === undefined ? {} : { input }) }).ended;
}

/** Runs kubectl against the cluster under test. */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await tryKubectl(args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}

/** A namespace of the test's own, with a cache called as the annotations' default. */
export interface Workspace {
  readonly namespace: string;
  readonly apply: (object: object) => Promise<string>;
  readonly tryApply: (object: object) => Promise<Answer>;
  readonly kubectl: (...args: string[]) => Promise<string>;
  readonly pod: (name: string) => Promise<V1Pod>;
  /** The Pod of a Job, when it is there. */
  readonly podOf: (job: string) => Promise<V1Pod>;
  /** Waits until a Pod has ended. */
  readonly ended: (name: string) => Promise<V1Pod>;
  /** Waits until a Job is complete or failed; returns its condition. */
  readonly verdict: (job: string) => Promise<string>;
  readonly log: (pod: string, container?: string) => Promise<string>;
  /** Runs the stock oras CLI with `{registry}` replaced by the cache's address. */
  readonly oras: (...args: string[]) => Promise<Answer>;
  /** The text of a file of an artifact in the cache. */
  readonly content: (artifact: string, file: string) => Promise<string>;
  readonly remove: () => Promise<void>;
}

let number = 0;

/**
 * Makes a namespace with a cache that is ready.
 *
 * @param labels - of the namespace
 */
export async function workspace(labels: Record<string, string> = {}): Promise<Workspace> {
  const namespace = `e2e-${process.pid}-${Date.now().toString(36)}-${++number}`;
  const within = ["--namespace", namespace];
  await kubectl(
    ["apply", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } }),
  );
  const cache = annotations["oras-cache"].default ?? "";
  await kubectl(
    [...within, "apply", "-f", "-"],
    JSON.stringify({ apiVersion: names.apiVersion, kind: names.kind, metadata: { name: cache }, spec: {} }),
  );
  await kubectl([
    ...within,
    "wait",
    `${names.plural}/${cache}`,
    "--for=condition=Available",
    "--timeout=120s",
  ]);
  const forward = await portForward(namespace, cache);

  const get = async <T>(...args: string[]) =>
    JSON.parse(await kubectl([...within, "get", ...args, "-o", "json"])) as T;
  const pod = (name: string) => get<V1Pod>("pod", name);
  const podOf = (job: string) =>
    until(
      async () => (await get<{ items: V1Pod[] }>("pods", "-l", `job-name=${job}`)).items[0],
      `a Pod of the Job ${job}`,
    );
  const stillThere = async <T>(wait: () => Promise<T>, describe: string[]) =>
    wait().catch(async (error: unknown) => {
      throw new Error(`${error}\n${await kubectl([...within, "describe", ...describe])}`);
    });
  const oras = (...args: string[]) =>
    start(["oras", ...args.map((a) => a.replace("{registry}", forward.address))], {
      env: { ...process.env, HOME: "/nonexistent" },
    }).ended;
  return {
    namespace,
    apply: (object) => kubectl([...within, "apply", "-f", "-"], JSON.stringify(object)),
    tryApply: (object) => tryKubectl([...within, "apply", "-f", "-"], JSON.stringify(object)),
    kubectl: (...args) => kubectl([...within, ...args]),
    pod,
    podOf,
    ended: (name) =>
      stillThere(
        () =>
          until(
            async () => {
              const found = await pod(name);
              return ["Succeeded", "Failed"].includes(found.status?.phase ?? "") ? found : undefined;
            },
            `the end of the Pod ${name}`,
            240_000,
          ),
        ["pod", name],
      ),
    verdict: (job) =>
      stillThere(
        () =>
          until(
            async () =>
              (await get<V1Job>("job", job)).status?.conditions?.find(
                (c) => c.status === "True" && ["Complete", "Failed"].includes(c.type),
              )?.type,
            `the end of the Job ${job}`,
            240_000,
          ),
        ["pods"],
      ),
    log: (name, container) =>
      kubectl([...within, "logs", name, ...(container ? ["-c", container] : ["--all-containers"])]),
    oras,
    content: async (artifact, file) => {
      const folder = temporaryFolder("pulled");
      const { code, stderr } = await oras("pull", "--plain-http", `{registry}/${artifact}`, "-o", folder);
      if (code !== 0) throw new Error(`oras pull ${artifact}: ${stderr}`);
      return readFileSync(join(folder, file), "utf8");
    },
    remove: async () => {
      forward.stop();
      await kubectl(["delete", "namespace", namespace, "--wait=false"]);
    },
  };
}

async function portForward(namespace: string, cache: string): Promise<{ address: string; stop: () => void }> {
  const child = spawn(
    "kubectl",
    ["--namespace", namespace, "port-forward", `pod/${cache}-0`, `:${names.registryPort}`],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (data: Buffer) => {
      const found = /127\.0\.0\.1:([0-9]+)/.exec(data.toString())?.[1];
      if (found) resolve(found);
    });
    child.on("exit", (code) => reject(new Error(`kubectl port-forward ended with ${code}`)));
  });
  return { address: `127.0.0.1:${port}`, stop: () => child.kill() };
}

/** Annotations by their names without the prefix, lists by name_1 and so on. */
export type StepAnnotations = Partial<Record<AnnotationName | `${AnnotationName}_${number}`, string>>;

function keyed(map: StepAnnotations): Record<string, string> {
  const prefix = names.prefix;
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [prefix + name, value ?? ""]));
}

/** An annotated Pod with one container, which runs `script` in sh unless it says something else. */
export function stepPod(
  name: string,
  map: StepAnnotations,
  script: string,
  container: Partial<V1Container> = {},
  spec: Partial<V1PodSpec> = {},
): V1Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, annotations: keyed(map) },
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 20,
      containers: [
        {
          name: "main",
          image: "busybox:1.36",
          command: ["sh", "-c", script],
          workingDir: "/tmp",
          ...container,
        },
      ],
      ...spec,
    },
  };
}

/** The same as a Job with its annotations on the Job. */
export function stepJob(
  name: string,
  map: StepAnnotations,
  script: string,
  spec: object = {},
  pod: Partial<V1PodSpec> = {},
): V1Job {
  const { spec: podSpec } = stepPod(name, {}, script, {}, pod);
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, annotations: keyed(map) },
    spec: { backoffLimit: 0, ...spec, template: { spec: podSpec as V1PodSpec } },
  };
}

/** The state in which a container of a Pod ended. */
export function endOf(pod: V1Pod, container: string) {
  const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  return all.find((status) => status.name === container)?.state?.terminated;
}
