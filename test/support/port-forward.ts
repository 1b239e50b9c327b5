import { writeFileSync } from "node:fs";
import { createServer, request } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import { stringify } from "yaml";
import { issueCa } from "../../src/certificates/issue.ts";
import type { ControlPlane } from "./control-plane.ts";
import { temporaryFolder } from "./folders.ts";

/** The real API server, with a kubelet's part of `kubectl port-forward` before it: every Pod is at one address of this machine. */
export interface Forwarding {
  readonly kubeconfig: string;
  readonly stop: () => void;
}

/**
 * Starts it.
 *
 * @param plane - the API server
 * @param address - of the Pods
 */
export async function startForwarding(plane: ControlPlane, address: string): Promise<Forwarding> {
  const { certificate, key } = await issueCa("forwarding", 1, new Date());
  const server = createServer({ cert: certificate, key }, (incoming, outgoing) => {
    const { method, headers, url = "" } = incoming;
    const to = { method, headers: { ...headers, host: plane.server.host }, ca: plane.ca };
    const sent = request(new URL(url, plane.server), to, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(outgoing);
    });
    sent.on("error", () => outgoing.destroy());
    incoming.pipe(sent);
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (incoming, socket, head) => {
    const port = Number(new URL(incoming.url ?? "", plane.server).searchParams.get("ports"));
    sockets.handleUpgrade(incoming, socket, head, (forwarded) => {
      const pod = connect(port, address);
      const says = (channel: number, bytes: Buffer) =>
        forwarded.send(Buffer.concat([Buffer.of(channel), bytes]), () => {});
      // Each channel begins with the port: see src/cli/remote/tunnel.ts.
      for (const channel of [0, 1]) says(channel, Buffer.of(port % 256, port >> 8));
      pod.on("data", (bytes: Buffer) => says(0, bytes));
      pod.on("error", (error) => says(1, Buffer.from(error.message)));
      pod.on("close", () => forwarded.close());
      forwarded.on("message", (message: Buffer) => pod.write(message.subarray(1)));
      forwarded.on("close", () => pod.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const kubeconfig = join(temporaryFolder("forwarding"), "kubeconfig");
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "x", cluster: { server: url, "insecure-skip-tls-verify": true } }],
    users: [{ name: "x", user: { token: plane.token } }],
    contexts: [{ name: "x", context: { cluster: "x", user: "x" } }],
    "current-context": "x",
  };
  writeFileSync(kubeconfig, stringify(config), { mode: 0o600 });
  return {
    kubeconfig,
    stop: () => {
      sockets.close();
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      server.close();
    },
  };
}
