import { Agent, type AgentOptions, type RequestOptions } from "node:https";

/** How to reach the API server and what to show it. */
export interface Connection {
  readonly server: URL;
  /** Options of the next request: an agent that keeps connections open, and credentials that are still good. */
  readonly options: () => Promise<RequestOptions>;
  readonly close: () => void;
}

/**
 * Half-open connections: the kernel asks after this much silence, and an idle connection is not kept for longer,
 * so that after a failure of the network few requests try one that is dead. (A busy one is not cut off by it.)
 */
const agentDefaults: AgentOptions = {
  keepAlive: true,
  keepAliveMsecs: 30_000,
  maxSockets: 64,
  timeout: 30_000,
};

/**
 * An agent with the operator's settings, for the TLS options of a kubeconfig.
 *
 * @param tls - CA, client certificate and key
 */
export function keepAliveAgent(tls: AgentOptions): Agent {
  return new Agent({ ...agentDefaults, ...tls });
}
