import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ControlPlane } from "../support/control-plane.ts";
import { freePorts } from "../support/ports.ts";

/** The operator as it runs in a Pod. */
export interface PodLike {
  readonly pid: number;
  readonly webhookPort: number;
  readonly healthUrl: string;
  readonly metricsUrl: string;
  /** Where it answers a debugger, once it is asked to by SIGUSR1. */
  readonly inspectorPort: number;
  readonly stop: () => Promise<void>;
}

/** Mounts the files of a ServiceAccount where Pods have them, in another mount namespace. */
const asInPod = `mount -t tmpfs tmpfs /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
mount --bind "$1" /run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"`;

/**
 * Starts what `npm run build` made, as in the operator's image: it finds the API server by the files of its
 * ServiceAccount, and its log goes to a file. Takes root.
 *
 * @param plane - its API server
 */
export async function startAsInPod(plane: ControlPlane): Promise<PodLike> {
  const [webhookPort = 0, metricsPort = 0, healthPort = 0, inspectorPort = 0] = await freePorts(4);
  const folder = await mkdtemp(join(tmpdir(), "oras-operator-service-account-"));
  await writeFile(join(folder, "token"), plane.operatorToken, { mode: 0o600 });
  await writeFile(join(folder, "ca.crt"), plane.ca);
  const log = openSync(join(folder, "log"), "w");
  const node = [process.execPath, ...(await nodeFlags()), `--inspect-port=${inspectorPort}`];
  const operator = [...node, "dist/oras-operator.js", "manager"];
  const child = spawn("unshare", ["--mount", "sh", "-euc", asInPod, "sh", folder, ...operator], {
    env: {
      PATH: process.env["PATH"],
      NODE_ENV: "production",
      KUBERNETES_SERVICE_HOST: plane.server.hostname,
      KUBERNETES_SERVICE_PORT: plane.server.port,
      ORAS_OPERATOR_WEBHOOK_PORT: String(webhookPort),
      ORAS_OPERATOR_METRICS_PORT: String(metricsPort),
      ORAS_OPERATOR_HEALTH_PORT: String(healthPort),
    },
    stdio: ["ignore", log, "inherit"],
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    pid: child.pid ?? 0,
    webhookPort,
    inspectorPort,
    healthUrl: `http://127.0.0.1:${healthPort}`,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

/** What the operator's image gives Node; the other images of the Dockerfile have other programs. */
async function nodeFlags(): Promise<string[]> {
  const entrypoints = (await readFile("Dockerfile", "utf8")).matchAll(/^ENTRYPOINT (.*)$/gm);
  const words = [...entrypoints].map(([, json = "[]"]) => JSON.parse(json) as string[]);
  const operator = words.find(([program]) => program?.endsWith("/node"));
  if (operator === undefined) throw new Error("no image of the Dockerfile starts Node");
  return operator.filter((word) => word.startsWith("--"));
}
