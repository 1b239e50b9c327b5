import { Agent as PlainAgent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { V1Secret } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { parseRegistry, type Registry as Where } from "../../annotations/reference.ts";
import { conditionOf } from "../../cache/status.ts";
import type { OrasCache } from "../../cache/types.ts";
import { isStatus, KubeError } from "../../kube/errors.ts";
import { pathOf, resources } from "../../kube/resources.ts";
import { type Trust, tlsOptionsOf } from "../../registry/peer.ts";
import { exits } from "../exits.ts";
import { isLocal, type Login } from "../oci/authorize.ts";
import { findLogin } from "../oci/docker-config.ts";
import { createRegistry } from "../oci/registry.ts";
import type { Registry } from "../oci/types.ts";
import { CliError } from "../output.ts";
import { nameOf } from "./find-cache.ts";
import { asCliError, missing, withRight } from "./rights.ts";
import type { Session } from "./session.ts";
import { trustOf } from "./trust.ts";
import { openTunnel } from "./tunnel.ts";

/** A registry that is open for a command. */
export interface OpenRegistry {
  readonly registry: Registry;
  /** For messages, such as `cache oras in the namespace default`. */
  readonly shown: string;
  /** What all repositories of it begin with, with a slash at the end: `acme/` of `ghcr.io/acme`. */
  readonly prefix: string;
  /** The cache whose registry it is, and the session in its namespace. */
  readonly of?: { readonly session: Session; readonly cache: OrasCache };
  readonly close: () => void;
}

/** Connections at once, each of them a stream through the API server. */
const mostConnections = 8;

/**
 * Opens the registry of a cache.
 *
 * @param session - of the person
 * @param cache - which
 */
export async function openCache(session: Session, cache: OrasCache): Promise<OpenRegistry> {
  const name = nameOf(cache);
  const namespace = cache.metadata?.namespace ?? session.namespace;
  const shown = `cache ${name} in the namespace ${namespace}`;
  const at: Session = { ...session, namespace };
  if (cache.spec?.deploy === false) {
    if (cache.spec.registry !== undefined)
      return { ...(await openHost(parseRegistry(cache.spec.registry))), of: { session: at, cache } };
    const message = `The ${shown} runs no registry and names none: name the artifact with its registry, oci://HOST/REPOSITORY:TAG.`;
    throw new CliError(message, exits.usage);
  }
  const login = await loginOf(at, cache);
  const trust = await trustOf(at, cache);
  const agent = tunnelAgent(() => connectTo(at, cache), trust);
  const closing = new AbortController();
  return {
    registry: createRegistry({
      // The name stands for the Pod itself, as `kubectl port-forward` reaches it.
      base: new URL(`${trust === undefined ? "http" : "https"}://localhost:${names.registryPort}`),
      agent,
      agentFor: agentByScheme(),
      login,
      closing: closing.signal,
    }),
    shown,
    prefix: "",
    of: { session: at, cache },
    close: () => {
      closing.abort();
      agent.destroy();
    },
  };
}

/**
 * Opens a registry by its host, with the login that docker and oras have for it.
 *
 * @param where - its host; without a scheme, localhost is spoken to in plain HTTP, as docker and oras do
 */
export async function openHost({ host, plainHttp, prefix }: Where): Promise<OpenRegistry> {
  const name = host.replace(/^(index\.)?docker\.io$/, "registry-1.docker.io");
  const base = new URL(`${plainHttp || isLocal(host) ? "http" : "https"}://${name}`);
  const agentFor = agentByScheme();
  const agent = agentFor(base);
  const closing = new AbortController();
  const login = await findLogin(name);
  // An OrasCache names the scheme, and others may have written that: whoever lists all caches would show them the login.
  const isOpen = base.protocol === "http:" && !isLocal(host);
  if (isOpen && login !== undefined)
    console.error(
      `The login for ${host} is not shown to it, because spec.registry names it with http://, and whoever is on the way could read it.`,
    );
  return {
    registry: createRegistry({
      ...{ base, agent, agentFor, closing: closing.signal },
      login: isOpen ? undefined : login,
    }),
    shown: `registry ${host}`,
    prefix: prefix === undefined ? "" : `${prefix}/`,
    close: () => {
      closing.abort();
      agent.destroy();
    },
  };
}

function agentByScheme(): (url: URL) => PlainAgent {
  const options = { keepAlive: true, maxSockets: mostConnections };
  const proxied = { ...options, proxyEnv: process.env };
  const [plain, tls] = [new PlainAgent(proxied), new TlsAgent(proxied)];
  // A proxy would look for it on its own machine, and be shown the login: programs in Go ask none for it, either.
  const [localPlain, localTls] = [new PlainAgent(options), new TlsAgent(options)];
  return ({ protocol, host }) => {
    if (isLocal(host)) return protocol === "http:" ? localPlain : localTls;
    return protocol === "http:" ? plain : tls;
  };
}

/** The login in the Secret that the cache names; undefined where it needs none. */
export async function loginOf(session: Session, cache: OrasCache): Promise<Login | undefined> {
  const secret = cache.status?.credentialsSecret;
  if (secret === undefined) return undefined;
  const { namespace, client } = session;
  const need = { verbs: ["get"], resource: "secrets", name: secret, namespace, cache: nameOf(cache) };
  const { data } = await withRight(need, () =>
    client.request<V1Secret>({ path: pathOf(resources.secrets, { namespace, name: secret }) }),
  );
  const [username = "", password = ""] = [data?.["username"], data?.["password"]].map((text = "") =>
    Buffer.from(text, "base64").toString(),
  );
  return { username, password };
}

/** Connects to the registry's Pod, and says in words why it cannot. */
export async function connectTo(
  session: Session,
  cache: OrasCache,
  port: number = names.registryPort,
): Promise<Duplex> {
  const { namespace, connection } = session;
  const pod = registryPodOf(cache);
  try {
    return await openTunnel(connection, { namespace, pod, port });
  } catch (error) {
    if (isStatus(error, 403)) {
      throw missing(
        {
          verbs: ["get", "create"],
          resource: "pods/portforward",
          name: pod,
          namespace,
          cache: nameOf(cache),
        },
        error,
      );
    }
    if (!(error instanceof KubeError) || error.status === 401) throw asCliError(error);
    const why = conditionOf(cache.status, "Available")?.message ?? "";
    const message = `The registry of the cache ${nameOf(cache)} in the namespace ${namespace} does not run: ${error.body.message ?? error.reason}. ${why}`;
    throw new CliError(message.trim(), exits.unreachable, { cause: error });
  }
}

/** The first replica's Pod: there is always one of that name. */
export function registryPodOf(cache: OrasCache): string {
  return `${nameOf(cache)}-0`;
}

type Done = (error: Error | null, stream: Duplex) => void;

/** Connections that are made by tunnels, with TLS inside of them where the registry and its keeper serve it. */
export function tunnelAgent(connect: () => Promise<Duplex>, trust: Trust | undefined): PlainAgent {
  const options = { keepAlive: true, maxSockets: mostConnections };
  const agent = trust === undefined ? new PlainAgent(options) : new TlsAgent(options);
  let connected = false;
  const open = async (): Promise<Duplex> => {
    const stream = await connect();
    connected = true;
    return trust === undefined ? stream : secured(stream, trust);
  };
  agent.createConnection = (_: unknown, done?: Done): undefined => {
    open().then(
      (stream) => done?.(null, stream),
      (error: Error) => {
        // A registry that was there a moment ago is restarted, and comes again.
        const isGone = error instanceof CliError && error.exitCode === exits.unreachable;
        const again = isGone && connected ? Object.assign(error, { code: "ECONNREFUSED" }) : error;
        done?.(again, undefined as unknown as Duplex);
      },
    );
  };
  return agent;
}

async function secured(stream: Duplex, trust: Trust): Promise<Duplex> {
  const socket = connectTls({ ...tlsOptionsOf(trust), socket: stream });
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  socket.once("secureConnect", () => resolve(socket));
  socket.once("error", reject);
  return promise;
}
