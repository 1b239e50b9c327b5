import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { type Connection, keepAliveAgent } from "./agent.ts";

/** What the library takes where there is no kubeconfig: a port that API servers have not had since 1.20. */
const libraryFallback = "http://localhost:8080";

/**
 * The connection of the current context of the kubeconfig, with whatever way of authentication it asks for.
 * In a separate file, loaded only where there is a kubeconfig: the client library takes a third of a second to
 * load, and a Pod of the operator should answer its first review before that.
 *
 * @throws when there is no kubeconfig or it has no current cluster
 */
export function connectByKubeconfig(): Connection {
  const config = new KubeConfig();
  config.loadFromDefault();
  const cluster = config.getCurrentCluster();
  if (!cluster || cluster.server === libraryFallback) {
    throw new Error("found no kubeconfig with a current context; set one with kubectl config, or KUBECONFIG");
  }
  const proxied = cluster.proxyUrl !== undefined;
  let agent: ReturnType<typeof keepAliveAgent> | undefined;
  let shown = "";
  let last: { at: number; options: Promise<RequestOptions> } | undefined;
  // The library runs through all of its ways to log in each time; credentials do not change within a second.
  const options = (): Promise<RequestOptions> => {
    const now = performance.now();
    if (last === undefined || now - last.at > 1_000) last = { at: now, options: find() };
    return last.options;
  };
  const find = async (): Promise<RequestOptions> => {
    const found: RequestOptions = {};
    await config.applyToHTTPSOptions(found);
    if (!proxied) {
      // The library's agents do not keep connections open; this one lives until the credentials change.
      const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = found;
      const tls = dropUndefined({ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername });
      const now = JSON.stringify(tls);
      if (agent === undefined || now !== shown) {
        agent?.destroy();
        agent = keepAliveAgent(tls);
        shown = now;
      }
      found.agent = agent;
    }
    return dropUndefined({
      agent: found.agent,
      headers: found.headers,
      ...(found.auth ? { auth: found.auth } : {}),
    });
  };
  return { server: new URL(cluster.server), options, close: () => agent?.destroy() };
}

function dropUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
