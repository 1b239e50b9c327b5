import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { keepAliveAgent } from "../../src/kube/agent.ts";
import { createClient } from "../../src/kube/client.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { type ControlPlane, kubeconfigFor } from "./control-plane.ts";
import { temporaryFolder } from "./folders.ts";
import { minor, since } from "./kubernetes-version.ts";
import { start } from "./processes.ts";

interface Job extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: { readonly args: string[] }[];
      };
    };
  };
  readonly status?: { readonly conditions?: object[] };
}

/** A Job that ran. */
export interface HookRun {
  readonly name: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the Jobs of Helm's hooks where there is neither kubelet nor Job controller: the operator's program with the Job's
 * arguments and its ServiceAccount's token. What it ends with becomes the Job's status, for which Helm waits.
 *
 * @param plane - whose Jobs
 */
export function runHookJobs(plane: ControlPlane): {
  readonly runs: readonly HookRun[];
  readonly stop: () => Promise<void>;
} {
  const agent = keepAliveAgent({ ca: plane.ca });
  const headers = { authorization: `Bearer ${plane.token}` };
  const client = createClient({
    server: plane.server,
    options: () => Promise.resolve({ agent, headers }),
    close: () => agent.destroy(),
  });
  const stopping = new AbortController();
  const { signal } = stopping;
  const runs: HookRun[] = [];

  const tokenOf = async (namespace: string, name: string) => {
    const path = `${pathOf(resources.serviceAccounts, { namespace, name })}/token`;
    const { status } = await client.request<{ status: { token: string } }>({
      ...{ method: "POST", path, signal },
      body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
    });
    return status.token;
  };

  const run = async ({ metadata, spec }: Job): Promise<void> => {
    const { namespace = "", name = "" } = metadata ?? {};
    const { serviceAccountName, containers } = spec.template.spec;
    const startTime = now();
    const kubeconfig = join(temporaryFolder("hook"), "kubeconfig");
    const token = await tokenOf(namespace, serviceAccountName);
    await writeFile(kubeconfig, kubeconfigFor(plane.server, plane.ca, token), { mode: 0o600 });
    const argv = [process.execPath, "src/cli/main.ts", ...(containers[0]?.args ?? [])];
    const ended = await start(argv, { env: { ...process.env, KUBECONFIG: kubeconfig } }).ended;
    runs.push({ name, code: ended.code ?? -1, stdout: ended.stdout, stderr: ended.stderr });
    const isDone = ended.code === 0;
    // Since 1.31 a Job is first met, then complete; before, the API server refuses that of Jobs without an index.
    const met = minor >= since.jobsAreMet ? ["SuccessCriteriaMet"] : [];
    const types = isDone ? [...met, "Complete"] : ["FailureTarget", "Failed"];
    await client.request({
      ...{ method: "PATCH", contentType: "application/merge-patch+json", signal },
      path: pathOf(resources.jobs, { namespace, name, subresource: "status" }),
      body: {
        status: {
          startTime,
          ...(isDone ? { succeeded: 1, completionTime: now() } : { failed: 1 }),
          conditions: types.map((type) => ({ type, status: "True", lastTransitionTime: now() })),
        },
      },
    });
  };

  const look = async () => {
    const { items } = await client.request<{ items: Job[] }>({ path: pathOf(resources.jobs, {}), signal });
    const due = items.filter(({ metadata, status }) => isHook(metadata) && !status?.conditions);
    for (const job of due) await run(job);
  };
  const watch = async () => {
    while (!signal.aborted) {
      // As a kubelet does, it goes on: Helm may delete what it looks at, and the API server may be busy.
      await look().catch((error: unknown) => {
        if (!signal.aborted) console.warn("a Job of a hook could not be run, and is tried again:", error);
      });
      await delay(200);
    }
  };
  const ended = watch();
  return {
    runs,
    stop: async () => {
      stopping.abort();
      await ended;
      client.close();
    },
  };
}

function isHook(metadata: KubeObject["metadata"]): boolean {
  return metadata?.annotations?.["helm.sh/hook"] !== undefined;
}

/** Seconds, as the API server has them. */
function now(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}
