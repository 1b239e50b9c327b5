import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { get as httpGet } from "node:http";
import { get as httpsGet } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { TestProject } from "vitest/node";
import { stringify } from "yaml";
import { controlPlaneProgram } from "../../dev/cluster/binaries.ts";
import { freePorts } from "./ports.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Path of a kubeconfig for the API server that the integration tests share. */
    kubeconfig: string;
  }
}

/** A kube-apiserver and its etcd, on loopback. */
export interface ControlPlane {
  readonly kubeconfig: string;
  readonly server: URL;
  readonly ca: string;
  /** Of a user with every right. */
  readonly token: string;
  /** A kubeconfig for the user that the operator is in tests: it may do nothing until it is given roles. */
  readonly operatorKubeconfig: string;
  /** Of that user. */
  readonly operatorToken: string;
  /** What the operator's user asked for so far, as `verb resource[/subresource]`, from the audit log. */
  readonly operatorRequests: () => Promise<string[]>;
  /** The API server's process; another one after startApiServer. */
  readonly apiServer: () => ChildProcess;
  /** Kills the API server as a crash does. */
  readonly killApiServer: () => Promise<void>;
  readonly startApiServer: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** The user that the operator is in tests. */
export const operatorUser = "test-operator";

const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived", "ResponseStarted"],
  rules: [{ level: "Metadata", users: [operatorUser] }, { level: "None" }],
};

/** vitest's globalSetup: one control plane for all integration tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const plane = await startControlPlane();
  project.provide("kubeconfig", plane.kubeconfig);
  return plane.stop;
}

/** Starts a control plane; it answers when this returns. */
export async function startControlPlane(): Promise<ControlPlane> {
  const programs = {
    etcd: await controlPlaneProgram("etcd"),
    apiServer: await controlPlaneProgram("kube-apiserver"),
  };
  const home = await mkdtemp(join(tmpdir(), "oras-operator-control-plane-"));
  const [etcdPort, peerPort, apiPort] = await freePorts(3);
  const token = randomBytes(16).toString("hex");
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  await writeFile(join(home, "service-account.key"), privateKey, { mode: 0o600 });
  const operatorToken = randomBytes(16).toString("hex");
  const tokens = `${token},test-admin,test-admin,"system:masters"\n${operatorToken},${operatorUser},${operatorUser}\n`;
  await writeFile(join(home, "tokens.csv"), tokens, { mode: 0o600 });
  await writeFile(join(home, "audit-policy.yaml"), stringify(auditPolicy));

  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const etcd = launch(home, programs.etcd, [
    `--data-dir=${join(home, "etcd")}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    "--unsafe-no-fsync",
    "--log-level=error",
  ]);
  const server = new URL(`https://127.0.0.1:${apiPort}`);
  const launchApiServer = () =>
    launch(home, programs.apiServer, [
      `--etcd-servers=${etcdUrl}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      "--allow-privileged=true",
      `--secure-port=${apiPort}`,
      `--cert-dir=${join(home, "certificates")}`,
      `--token-auth-file=${join(home, "tokens.csv")}`,
      "--authorization-mode=RBAC",
      "--service-cluster-ip-range=10.0.0.0/24",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${join(home, "service-account.key")}`,
      `--service-account-signing-key-file=${join(home, "service-account.key")}`,
      // No controller manager runs here that would make the ServiceAccounts.
      "--disable-admission-plugins=ServiceAccount",
      `--audit-policy-file=${join(home, "audit-policy.yaml")}`,
      `--audit-log-path=${join(home, "audit.log")}`,
      "--max-requests-inflight=0",
      "--max-mutating-requests-inflight=0",
      "--enable-priority-and-fairness=false",
    ]);
  let apiServer = launchApiServer();
  const caFile = join(home, "certificates", "apiserver.crt");
  const ready = async () => {
    let found = "";
    await answers(async () => {
      // The API server writes it, and there is a moment at which it is empty.
      found = await readFile(caFile, "utf8");
      await probe(server, found, token);
    }, apiServer);
    return found;
  };
  const stop = async () => {
    await end(apiServer, "SIGKILL");
    await end(etcd, "SIGKILL");
    await rm(home, { recursive: true, force: true });
  };
  let ca: string;
  try {
    ca = await ready();
  } catch (error) {
    const log = await readFile(join(home, "kube-apiserver.log"), "utf8").catch(() => "");
    await stop();
    throw new Error(`the control plane did not start: ${error}\n${log.slice(-2000)}`);
  }
  const kubeconfig = join(home, "kubeconfig");
  await writeFile(kubeconfig, kubeconfigFor(server, ca, token), { mode: 0o600 });
  const operatorKubeconfig = join(home, "operator-kubeconfig");
  await writeFile(operatorKubeconfig, kubeconfigFor(server, ca, operatorToken), { mode: 0o600 });
  return {
    kubeconfig,
    server,
    ca,
    token,
    operatorKubeconfig,
    operatorToken,
    operatorRequests: async () => requestsIn(await readFile(join(home, "audit.log"), "utf8")),
    apiServer: () => apiServer,
    killApiServer: () => end(apiServer, "SIGKILL"),
    startApiServer: async () => {
      apiServer = launchApiServer();
      await ready();
    },
    stop,
  };
}

/**
 * A kubeconfig with one cluster and one user.
 *
 * @param server - where
 * @param ca - PEM
 * @param token - of the user
 */
export function kubeconfigFor(server: URL, ca: string, token: string): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "test",
        cluster: {
          server: server.href.replace(/\/$/, ""),
          "certificate-authority-data": Buffer.from(ca).toString("base64"),
        },
      },
    ],
    users: [{ name: "test", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test",
  });
}

interface AuditEvent {
  readonly verb: string;
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string };
}

function requestsIn(auditLog: string): string[] {
  return auditLog
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter((event) => event.objectRef?.resource)
    .map(({ verb, objectRef }) => {
      const { resource, subresource } = objectRef ?? {};
      return `${verb} ${resource}${subresource ? `/${subresource}` : ""}`;
    });
}

function launch(home: string, binary: string, args: string[]): ChildProcess {
  const log = openSync(
    join(home, `${binary.endsWith("kube-apiserver") ? "kube-apiserver" : "etcd"}.log`),
    "a",
  );
  const child = spawn(binary, args, { stdio: ["ignore", log, log] });
  closeSync(log);
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once("exit", () => resolve());
  child.kill(signal);
  await promise;
}

async function answers(attempt: () => Promise<unknown>, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}`);
      if (Date.now() > deadline) throw error;
      await delay(50);
    }
  }
}

function probe(server: URL, ca: string, token: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const get = server.protocol === "https:" ? httpsGet : httpGet;
  get(
    new URL("/readyz", server),
    { ca, agent: false, headers: { authorization: `Bearer ${token}` } },
    (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`/readyz answered ${response.statusCode}`));
    },
  ).on("error", reject);
  return promise;
}
