import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { type Connection, keepAliveAgent } from "./agent.ts";

/** What the library takes where there is no kubeconfig: a port that API servers have not had since 1.20. */
const libraryFallback = "http://localhost:8080";

/** A context of a kubeconfig, and how to reach its cluster. */
export interface KubeContext {
  readonly connection: Connection;
  /** Name of the context. */
  readonly name: string;
  /** The one that the context names. */
  readonly namespace: string | undefined;
}

/**
 * The connection of a context of the kubeconfig, with whatever way of authentication it asks for.
 * In a separate file, loaded only where there is a kubeconfig: the client library takes a third of a second to
 * load, and a Pod of the operator should answer its first review before that.
 *
 * @param context - its name; the current one without
 * @throws when there is no kubeconfig, no such context, or it names no cluster
 */
export function connectByKubeconfig(context?: string): KubeContext {
  const config = new KubeConfig();
  config.loadFromDefault();
  if (context !== undefined) useContext(config, context);
  const cluster = config.getCurrentCluster();
  if (!cluster || cluster.server === libraryFallback) {
    throw new Error("found no kubeconfig with a current context; set one with kubectl config, or KUBECONFIG");
  }
  const name = config.getCurrentContext();
  return {
    connection: connectionOf(config, cluster),
    name,
    namespace: config.getContextObject(name)?.namespace,
  };
}

/** The names of the contexts of the kubeconfig. */
export function contextNames(): string[] {
  const config = new KubeConfig();
  config.loadFromDefault();
  return config.getContexts().map(({ name }) => name);
}

function useContext(config: KubeConfig, wanted: string): void {
  const known = config.getContexts().map(({ name }) => name);
  if (!known.includes(wanted)) {
    throw new Error(`the kubeconfig has no context "${wanted}"; it has ${known.join(", ") || "none"}`);
  }
  config.setCurrentContext(wanted);
}

function connectionOf(
  config: KubeConfig,
  { server, proxyUrl }: { readonly server: string; readonly proxyUrl?: string | undefined },
): Connection {
  const proxied = proxyUrl !== undefined;
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
  return { server: new URL(server), options, close: () => agent?.destroy() };
}

function dropUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
