import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { temporaryFolder } from "./folders.ts";
import { freePort } from "./ports.ts";
import { start } from "./processes.ts";

/** A registry on a free loopback port. */
export interface TestRegistry {
  readonly host: string;
  readonly url: string;
  /** The folder of its data. */
  readonly data: string;
  /** Waits until its log has a text. */
  readonly said: (text: string) => Promise<unknown>;
  /** Asks it to end; it ends what it has begun first, if it is told to. */
  readonly terminate: () => void;
  /** Ends it at once, in the middle of whatever it does. */
  readonly kill: () => Promise<unknown>;
  readonly stop: () => Promise<void>;
}

/**
 * Starts the real registry.
 *
 * @param options - htpasswd: file with the users; tls: files with certificate and key; port, address: where, chosen before;
 *   blobCache: the cache that the images' configuration switches on; environment: more variables; program: another registry than the cluster's,
 *   which is given the path of distribution's configuration
 */
export async function startRegistry(
  options: {
    htpasswd?: string;
    tls?: { certificate: string; key: string };
    port?: number;
    address?: string;
    blobCache?: boolean;
    environment?: Record<string, string>;
    program?: readonly string[];
  } = {},
): Promise<TestRegistry> {
  const folder = temporaryFolder("registry");
  const port = options.port ?? (await freePort());
  const address = options.address ?? "127.0.0.1";
  const program = options.program ?? [join(await buildModule("registry"), "registry"), "serve"];
  const cache = options.blobCache ? ", cache: {blobdescriptor: inmemory}" : "";
  writeFileSync(join(folder, "config.yml"), `version: 0.1\nstorage: {filesystem: {}${cache}}\nhttp: {}\n`);
  mkdirSync(join(folder, "data"));
  const running = start([...program, join(folder, "config.yml")], {
    env: {
      ...options.environment,
      ...(options.environment?.["REGISTRY_STORAGE"] === undefined
        ? { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: join(folder, "data") }
        : {}),
      REGISTRY_HTTP_ADDR: `${address}:${port}`,
      OTEL_TRACES_EXPORTER: "none",
      ...(options.tls
        ? {
            REGISTRY_HTTP_TLS_CERTIFICATE: options.tls.certificate,
            REGISTRY_HTTP_TLS_KEY: options.tls.key,
          }
        : {}),
      ...(options.htpasswd
        ? {
            REGISTRY_AUTH: "htpasswd",
            REGISTRY_AUTH_HTPASSWD_REALM: "test",
            REGISTRY_AUTH_HTPASSWD_PATH: options.htpasswd,
          }
        : {}),
    },
  });
  await running.said("listening on");
  return {
    host: `${address}:${port}`,
    url: `${options.tls ? "https" : "http"}://${address}:${port}`,
    data: join(folder, "data"),
    said: running.said,
    terminate: () => running.child.kill("SIGTERM"),
    kill: () => {
      running.child.kill("SIGKILL");
      return running.ended;
    },
    stop: async () => {
      running.child.kill("SIGTERM");
      await running.ended;
    },
  };
}
