import { createHash } from "node:crypto";
import { Agent, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createRegistry } from "../../src/cli/oci/registry.ts";
import type { Registry } from "../../src/cli/oci/types.ts";

/** A server that stands in for a registry, and what was asked of it. */
export interface StandIn {
  readonly registry: Registry;
  readonly base: URL;
  readonly requests: IncomingMessage[];
  readonly stop: () => void;
}

/**
 * Starts a server that answers as a test wants.
 *
 * @param answer - to each request
 * @param login - that its client has
 */
export async function startStandIn(
  answer: (request: IncomingMessage, response: ServerResponse, number: number) => void,
  login?: { username: string; password: string },
): Promise<StandIn> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const agent = new Agent();
  return {
    base,
    requests,
    registry: createRegistry({ base, agent, agentFor: () => agent, login }, 1),
    stop: () => {
      agent.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The descriptor of a blob. */
export function descriptorOf(content: Buffer) {
  const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
  return { mediaType: "application/octet-stream", digest, size: content.length };
}
