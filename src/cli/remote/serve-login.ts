import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { names } from "../../../schema/names.ts";
import { caConfigMapName, usesTls } from "../../cache/tls.ts";
import type { OrasCache } from "../../cache/types.ts";
import { exits } from "../exits.ts";
import { dockerConfigPath, dropLogin, keepLogin } from "../oci/docker-config.ts";
import { CliError } from "../output.ts";
import { findCache, nameOf } from "./find-cache.ts";
import { connectTo, loginOf, registryPodOf } from "./open.ts";
import { openSession, type Session, type Where } from "./session.ts";
import { caOf } from "./trust.ts";

/** What `login` is told. */
export interface LoginOptions extends Where {
  readonly cache?: string;
  readonly print?: boolean;
}

/**
 * Opens a port of this machine that leads to the registry of a cache, and tells stock clients its password.
 *
 * @param name - of the cache
 * @param options - of the command
 * @param stop - ends it
 * @param say - told what to type
 */
export async function serveLogin(
  name: string | undefined,
  options: LoginOptions,
  stop: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  const session = await openSession(options);
  try {
    const cache = await findCache(session, name ?? options.cache);
    if (cache.spec?.deploy === false) {
      const message = `The cache ${nameOf(cache)} uses the registry ${cache.spec.registry ?? "of each step"}: log in there with oras login.`;
      throw new CliError(message, exits.usage);
    }
    if (options.print) say(commandsFor(session, cache));
    else await serve(session, cache, stop, say);
  } finally {
    session.close();
  }
}

async function serve(
  session: Session,
  cache: OrasCache,
  stop: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  const login = await loginOf(session, cache);
  const ca = await caOf(session, cache);
  // Whatever is missing is told before anything is written.
  (await connectTo(session, cache)).destroy();
  const relay = createRelay(session, cache);
  const port = await relay.listen();
  const host = `localhost:${port}`;
  // Beside the login, because that is where the port is written down, too.
  const caFile = `${dockerConfigPath()}.${port}.crt`;
  try {
    if (ca !== undefined) await writeFile(caFile, ca, { mode: 0o644 });
    if (login !== undefined) await keepLogin(host, login);
    const tls = ca === undefined ? "" : tlsOptions(caFile);
    const wrote =
      login === undefined ? "It asks for no password." : `Its password is in ${dockerConfigPath()}.`;
    say(
      `The registry of the cache ${nameOf(cache)} answers at ${host} until you press Ctrl-C. ${wrote}\n` +
        `In another terminal:\n  oras repo ls ${tls}${host}\n  oras pull ${tls}${host}/REPOSITORY:TAG`,
    );
    if (!stop.aborted) await once(stop, "abort");
  } finally {
    relay.close();
    // The port is anybody's now, who would be shown the password.
    if (login !== undefined) await dropLogin(host);
    if (ca !== undefined) await rm(caFile, { force: true });
  }
}

/** Of localhost, oras expects no TLS unless it is told. */
function tlsOptions(caFile: string): string {
  return `--plain-http=false --ca-file ${caFile} `;
}

/** A port of this machine whose connections go on to the registry. */
function createRelay(session: Session, cache: OrasCache) {
  const clients = new Set<Socket>();
  const accept = (client: Socket) => {
    clients.add(client);
    client.on("close", () => clients.delete(client));
    void relay(session, cache, client);
  };
  const servers = [
    createServer({ allowHalfOpen: true }, accept),
    createServer({ allowHalfOpen: true }, accept),
  ];
  const [four, six] = servers as [Server, Server];
  return {
    listen: async (): Promise<number> => {
      await listening(four, 0, "127.0.0.1");
      const { port } = four.address() as AddressInfo;
      // Some programs ask for localhost's other address first; some machines have none.
      await listening(six, port, "::1").catch(() => undefined);
      return port;
    },
    close: () => {
      for (const server of servers) server.close();
      for (const client of clients) client.destroy();
    },
  };
}

async function listening(server: Server, port: number, host: string): Promise<void> {
  server.listen(port, host);
  await once(server, "listening");
}

/** A connection that breaks is the client's to make anew. */
async function relay(session: Session, cache: OrasCache, client: Socket): Promise<void> {
  client.on("error", () => client.destroy());
  try {
    const tunnel = await connectTo(session, cache);
    await Promise.race([pipeline(client, tunnel), pipeline(tunnel, client)]);
  } catch (error) {
    if (error instanceof CliError) console.error(error.message);
    client.destroy();
  }
}

/** What does the same without this program. */
function commandsFor({ kubectlOptions, namespace }: Session, cache: OrasCache): string {
  const secret = cache.status?.credentialsSecret;
  const forward = `kubectl ${kubectlOptions} port-forward pod/${registryPodOf(cache)} ${names.registryPort}:${names.registryPort} &`;
  const host = `localhost:${names.registryPort}`;
  const caFile = `${nameOf(cache)}-ca.crt`;
  const published = `kubectl ${kubectlOptions} get configmap ${caConfigMapName(nameOf(cache))} -o jsonpath='{.data.ca\\.crt}' > ${caFile}\n`;
  const [trusts, tls] = usesTls(cache) ? [published, tlsOptions(caFile)] : ["", ""];
  if (secret === undefined) {
    return `# The registry of the cache ${namespace}/${nameOf(cache)} asks for no password.\n${trusts}${forward}\noras repo ls ${tls}${host}`;
  }
  const value = (key: string) =>
    `kubectl ${kubectlOptions} get secret ${secret} -o jsonpath='{.data.${key}}' | base64 -d`;
  return `${trusts}${forward}\n${value("password")} |\n  oras login ${tls}${host} --username "$(${value("username")})" --password-stdin`;
}
