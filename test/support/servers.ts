import { names } from "../../schema/names.ts";
import { renew } from "../../src/certificates/renew.ts";
import { start } from "./processes.ts";
import type { Workspace } from "./workspace.ts";

/** Servers in the cluster whose certificates a CA of the test has signed. */
export interface Servers {
  /** A registry that asks for `user` and `password`, as host:port. */
  readonly registry: string;
  readonly user: string;
  readonly password: string;
  /** Where scripts are served, as a URL without a final slash. */
  readonly scripts: string;
  /** The CA, PEM. */
  readonly ca: string;
}

const listing = `
const { readFileSync } = require("node:fs");
const tls = { key: readFileSync("/tls/tls.key"), cert: readFileSync("/tls/tls.crt") };
require("node:https").createServer(tls, (request, response) => {
  try { response.end(readFileSync("/scripts" + request.url)); } catch { response.writeHead(404).end(); }
}).listen(8443);
process.on("SIGTERM", () => process.exit());
`;

/** Mounts of volumes by their names, for a server that runs as nobody in particular. */
export const mounts = (...all: string[]) => ({
  volumeMounts: all.map((name) => ({ name, mountPath: `/${name}` })),
  securityContext: { runAsUser: 65532 },
});

/** A server's Pod with the Secret `server` as the volume `tls`, and its Service on port 443. */
export const server = (name: string, port: number, container: object, volumes: object[] = []) => [
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { server: name } },
    spec: {
      containers: [
        { name: "server", readinessProbe: { tcpSocket: { port }, periodSeconds: 1 }, ...container },
      ],
      volumes: [{ name: "tls", secret: { secretName: "server" } }, ...volumes],
      terminationGracePeriodSeconds: 1,
    },
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { selector: { server: name }, ports: [{ port: 443, targetPort: port }] },
  },
];

/**
 * Starts a TLS registry with htpasswd, and an HTTPS server of scripts, in the workspace's namespace.
 *
 * @param ws - where
 * @param scripts - by their names
 */
export async function startServers(ws: Workspace, scripts: Record<string, string>): Promise<Servers> {
  const host = (name: string) => `${name}.${ws.namespace}.svc.cluster.local`;
  const { certificate, key, cas } = await renew(
    "everything",
    undefined,
    [host("guarded"), host("scripts")],
    new Date(),
  );
  const [user, password] = ["somebody", "s3cret-word"];
  const { stdout: htpasswd } = await start(["htpasswd", "-nbB", user, password]).ended;
  const objects = [
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "server" },
      stringData: { "tls.crt": certificate, "tls.key": key, htpasswd },
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "scripts" }, data: scripts },
    ...server(
      "guarded",
      5000,
      {
        image: "registry:3.1.2",
        env: Object.entries({
          REGISTRY_HTTP_ADDR: ":5000",
          REGISTRY_HTTP_TLS_CERTIFICATE: "/tls/tls.crt",
          REGISTRY_HTTP_TLS_KEY: "/tls/tls.key",
          REGISTRY_AUTH: "htpasswd",
          REGISTRY_AUTH_HTPASSWD_REALM: "test",
          REGISTRY_AUTH_HTPASSWD_PATH: "/tls/htpasswd",
          REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: "/data",
        }).map(([name, value]) => ({ name, value })),
        ...mounts("tls", "data"),
      },
      [{ name: "data", emptyDir: {} }],
    ),
    ...server(
      "scripts",
      8443,
      {
        image: names.operatorImage,
        command: ["/usr/local/bin/node", "-e", listing],
        ...mounts("tls", "scripts"),
      },
      [{ name: "scripts", configMap: { name: "scripts" } }],
    ),
  ];
  await ws.apply({ apiVersion: "v1", kind: "List", items: objects });
  await ws.kubectl("wait", "pod/guarded", "pod/scripts", "--for=condition=Ready", "--timeout=120s");
  return {
    registry: `${host("guarded")}:443`,
    user,
    password,
    scripts: `https://${host("scripts")}`,
    ca: cas.join("\n"),
  };
}
