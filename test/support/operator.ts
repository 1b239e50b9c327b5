import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { freePorts } from "./ports.ts";
import { until } from "./wait.ts";

/** One line of the operator's log. */
interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A process of the operator. */
export interface Operator {
  readonly process: ChildProcess;
  readonly webhookPort: number;
  readonly healthUrl: string;
  readonly metricsUrl: string;
  readonly log: readonly LogLine[];
  readonly said: (message: string) => LogLine | undefined;
  /** Ends it as the kubelet does; settles with its exit code. */
  readonly stop: () => Promise<number | null>;
}

/**
 * Starts the operator as users do.
 *
 * @param kubeconfig - the API server, and the user
 * @param flags - beyond those of its ports
 */
export function startOperator(kubeconfig: string, ...flags: string[]): Promise<Operator> {
  return startOperatorIn({}, kubeconfig, ...flags);
}

/**
 * The same, with more variables in its environment.
 *
 * @param env - the variables
 * @param kubeconfig - the API server, and the user
 * @param flags - beyond those of its ports
 */
export async function startOperatorIn(
  env: Readonly<Record<string, string>>,
  kubeconfig: string,
  ...flags: string[]
): Promise<Operator> {
  const [webhookPort = 0, metricsPort = 0, healthPort = 0] = await freePorts(3);
  const ports = ["--webhook-port", "--metrics-port", "--health-port"].flatMap((flag, i) => [
    flag,
    String([webhookPort, metricsPort, healthPort][i]),
  ]);
  const child = spawn(process.execPath, ["src/cli/main.ts", "manager", ...ports, ...flags], {
    // Its proxies would be those of the Pods in tests.
    env: { ...withoutProxies(process.env), KUBECONFIG: kubeconfig, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const log: LogLine[] = [];
  createInterface(child.stdout).on("line", (line) => log.push(JSON.parse(line) as LogLine));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    process: child,
    webhookPort,
    healthUrl: `http://127.0.0.1:${healthPort}`,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    log,
    said: (message) => log.find((line) => line.message === message),
    stop: () => {
      child.kill("SIGTERM");
      return exited;
    },
  };
}

function withoutProxies(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(https?|no)_proxy$/i.test(name)));
}

/** Flags of an operator that asks no registry anything: tests do not leave this machine. */
export const asksNobody = ["--image-lookup", "false"] as const;

/**
 * Waits until a replica answers reviews. It never does without the webhook configuration, so that is checked first.
 *
 * @param operator - the replica
 * @param client - of the API server
 * @throws KubeError with 404 when the configuration is not installed
 */
export async function ready(operator: Pick<Operator, "healthUrl">, client: KubeClient): Promise<void> {
  const name = names.webhookConfiguration;
  await client.request({ path: pathOf(resources.mutatingWebhookConfigurations, { name }) });
  await until(
    async () => (await fetch(`${operator.healthUrl}/readyz`)).status === 200 || undefined,
    "the operator to be ready",
  );
}

/** The value of a metric whose line begins so; 0 when there is none. */
export async function metric(operator: Pick<Operator, "metricsUrl">, begin: string): Promise<number> {
  const text = await (await fetch(operator.metricsUrl)).text();
  const lines = text.split("\n").filter((line) => line.startsWith(begin));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
