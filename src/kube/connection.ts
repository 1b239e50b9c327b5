import { readFile } from "node:fs/promises";
import type { RequestOptions } from "node:https";
import { performance } from "node:perf_hooks";
import { type Connection, keepAliveAgent } from "./agent.ts";

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";
/** The kubelet replaces a token when a fifth of its hour is left: once a minute is often enough. */
const rereadMs = 60_000;
/**
 * Finds the API server: the one of `KUBECONFIG`, else the one that this Pod's ServiceAccount belongs to, else
 * the default kubeconfig.
 *
 * @param env - the process's environment
 * @throws when there is neither
 */
export async function connect(env: NodeJS.ProcessEnv = process.env): Promise<Connection> {
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (!env["KUBECONFIG"] && host) {
    return connectInCluster(host, env["KUBERNETES_SERVICE_PORT"] ?? "443", serviceAccount);
  }
  const { connectByKubeconfig } = await import("./kubeconfig.ts");
  return connectByKubeconfig().connection;
}

/**
 * The connection of a Pod, by the files of its ServiceAccount, which are read again when they may have changed.
 *
 * @param host - of the API server
 * @param port - of the API server
 * @param directory - where token and CA are
 */
export async function connectInCluster(host: string, port: string, directory: string): Promise<Connection> {
  const read = async () => ({
    token: (await readFile(`${directory}/token`, "utf8")).trim(),
    ca: await readFile(`${directory}/ca.crt`, "utf8"),
  });
  let current = await read();
  let agent = keepAliveAgent({ ca: current.ca });
  let readAt = performance.now();
  const options = async (): Promise<RequestOptions> => {
    if (performance.now() - readAt > rereadMs) {
      readAt = performance.now();
      const next = await read();
      if (next.ca !== current.ca) {
        agent.destroy();
        agent = keepAliveAgent({ ca: next.ca });
      }
      current = next;
    }
    return { agent, headers: { authorization: `Bearer ${current.token}` } };
  };
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return { server: new URL(`https://${authority}`), options, close: () => agent.destroy() };
}
