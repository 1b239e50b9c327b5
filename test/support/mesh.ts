import type { V1Container } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";

/** Passes connections on: a sidecar that the Pod's network depends on. */
const program = (port: number, host: string) => `
const { connect, createServer } = require("node:net");
createServer((near) => {
  const far = connect(${names.registryPort}, ${JSON.stringify(host)});
  near.on("error", () => far.destroy());
  far.on("error", () => near.destroy());
  near.pipe(far).pipe(near);
}).listen(${port});
process.on("SIGTERM", () => process.exit());
`;

/**
 * A native sidecar like a mesh's, through which a Pod reaches the cache of a namespace.
 *
 * @param namespace - with the cache `oras`
 * @param port - on 127.0.0.1
 */
export function meshSidecar(namespace: string, port: number): V1Container {
  return {
    name: "proxy",
    image: names.operatorImage,
    command: ["/usr/local/bin/node", "-e", program(port, `oras.${namespace}.svc.cluster.local`)],
    restartPolicy: "Always",
    startupProbe: { tcpSocket: { port }, periodSeconds: 1, failureThreshold: 60 },
  };
}

const waits = (port: number) => `
const { connect } = require("node:net");
const look = () => connect(${port}).on("connect", () => process.exit()).on("error", () => setTimeout(look, 50));
look();
`;

/**
 * The same as meshes had it before there were native sidecars: a container like the program's, which does not end by itself.
 *
 * @param namespace - with the cache `oras`
 * @param port - on 127.0.0.1
 * @param isFirst - whether the containers after it are started when it listens
 */
export function classicSidecar(namespace: string, port: number, isFirst: boolean): V1Container {
  const { name, image, command } = meshSidecar(namespace, port);
  const postStart = { exec: { command: ["/usr/local/bin/node", "-e", waits(port)] } };
  return { name, image, command, ...(isFirst && { lifecycle: { postStart } }) } as V1Container;
}
