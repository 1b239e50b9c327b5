import { createHash, randomBytes, randomInt } from "node:crypto";
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { names } from "../../schema/names.ts";
import { passwordOf } from "../../src/cache/access.ts";
import { firstUser } from "../../src/cache/logins.ts";
import { temporaryFolder } from "./folders.ts";
import { start } from "./processes.ts";
import { until } from "./wait.ts";

/** An artifact that a test pushes. */
interface Pushed {
  readonly annotations?: Readonly<Record<string, string>>;
  /** What it holds; as many random bytes where it is a number. */
  readonly content?: string | number;
  readonly subject?: string;
  /** When it was pushed, a time ago. */
  readonly ageMs?: number;
  /** Who pushes, as a header has it. */
  readonly as?: string;
}

/** A registry and its keeper, as processes on an address of their own. */
export type KeptRegistry = Awaited<ReturnType<typeof startKeptRegistry>>;

const manifestType = "application/vnd.oci.image.manifest.v1+json";

/**
 * Starts the real registry, which asks for the password, and the real keeper on the ports that they have in a Pod.
 *
 * @param agent - the program
 * @param key - of the cache
 * @param options - pullsSince: since when the keeper knows of pulls, if before its start; keeper: more options of it; tells: whether it hears
 *   of pushes
 */
export async function startKeptRegistry(
  agent: string,
  key: string,
  {
    pullsSince,
    keeper: more = [],
    tells = true,
  }: { pullsSince?: Date; keeper?: readonly string[]; tells?: boolean } = {},
) {
  const folder = temporaryFolder("kept");
  const [data, keys] = [temporaryFolder("data"), temporaryFolder("key")];
  if (pullsSince !== undefined) {
    const records = join(data, ".oras-operator/pulls");
    mkdirSync(records, { recursive: true });
    writeFileSync(join(records, hostname()), `since ${Math.ceil(pullsSince.getTime() / 60_000)}\n`);
  }
  writeFileSync(join(keys, "key"), key);
  writeFileSync(join(folder, "config.yml"), "version: 0.1\nstorage: {filesystem: {}}\nhttp: {}\n");
  const htpasswd = join(folder, "htpasswd");
  const users = [
    `--key=${keys}`,
    `--htpasswd=${htpasswd}`,
    `--user=${firstUser}`,
    `--message-path=${join(folder, "message")}`,
  ];
  await start([agent, "keep-init", ...users]).ended;
  const authorization = `Basic ${btoa(`${firstUser}:${passwordOf(key, firstUser)}`)}`;
  // All of 127/8 is this machine, and a Pod has all ports of its address.
  const address = `127.${randomInt(1, 255)}.${randomInt(255)}.${randomInt(1, 255)}`;
  const registry = start(
    [join(await buildModule("registry"), "registry"), "serve", join(folder, "config.yml")],
    {
      env: {
        REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: data,
        REGISTRY_STORAGE_DELETE_ENABLED: "true",
        REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR: "none",
        REGISTRY_HTTP_ADDR: `${address}:5000`,
        REGISTRY_AUTH: "htpasswd",
        REGISTRY_AUTH_HTPASSWD_REALM: "oras",
        REGISTRY_AUTH_HTPASSWD_PATH: htpasswd,
        OTEL_TRACES_EXPORTER: "none",
        ...(tells && {
          REGISTRY_NOTIFICATIONS_ENDPOINTS: JSON.stringify([
            {
              ...{ name: "keeper", url: `http://${address}:${names.registryEventsPort}/` },
              ...{ timeout: "5s", threshold: 3, backoff: "1s" },
              ignoredmediatypes: ["application/octet-stream"],
            },
          ]),
        }),
      },
    },
  );
  await registry.said("listening on");
  const startKeeper = async () => {
    const started = start([
      ...[agent, "keep", ...users, `--data=${data}`, "--cache-uid=some"],
      ...[`--listen=${address}:5002`, `--metrics=${address}:5001`],
      ...[`--events=${address}:${names.registryEventsPort}`, ...more],
    ]);
    await until(async () => (await fetch(`http://${address}:5002/healthz`)).ok, "the keeper");
    return started;
  };
  let keeper = await startKeeper();

  const host = `${address}:5000`;
  const ask = async (
    method: string,
    path: string,
    body?: string | Buffer,
    type = "application/octet-stream",
    as = authorization,
  ) => {
    const url = new URL(path, `http://${host}`);
    const answer = await fetch(url, {
      method,
      ...(body === undefined ? {} : { body }),
      headers: { "content-type": type, authorization: as },
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const putBlob = async (repository: string, content: Buffer, as?: string) => {
    const begun = await ask("POST", `/v2/${repository}/blobs/uploads/`, undefined, undefined, as);
    const upload = new URL(begun.headers.get("location") ?? "", `http://${host}`);
    upload.searchParams.set("digest", digestOf(content));
    await ask("PUT", upload.pathname + upload.search, content, undefined, as);
    return { mediaType: "application/octet-stream", digest: digestOf(content), size: content.length };
  };

  return {
    address,
    host,
    authorization,
    data,
    /** Pushes an artifact; returns its digest. */
    push: async (
      reference: string,
      { annotations = {}, content = reference, subject, ageMs = 0, as }: Pushed = {},
    ) => {
      const [repository = "", tag] = reference.split(":");
      const bytes = typeof content === "number" ? randomBytes(content) : Buffer.from(content);
      const config = {
        ...(await putBlob(repository, Buffer.from("{}"), as)),
        mediaType: "application/vnd.oci.empty.v1+json",
      };
      const layers = [await putBlob(repository, bytes, as)];
      const about =
        subject === undefined ? {} : { subject: { mediaType: manifestType, digest: subject, size: 1 } };
      const text = JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config,
        layers,
        annotations,
        ...about,
      });
      const digest = digestOf(text);
      await ask("PUT", `/v2/${repository}/manifests/${tag ?? digest}`, text, manifestType, as);
      const below = join(data, "docker/registry/v2/repositories", repository, "_manifests");
      const links = [join(below, "revisions/sha256", digest.slice(7), "link")];
      if (tag !== undefined) links.push(join(below, "tags", tag, "current/link"));
      const time = new Date(Date.now() - ageMs);
      for (const link of links) utimesSync(link, time, time);
      return digest;
    },
    /** Reads a manifest as whoever pulls it does. */
    pull: async (repository: string, version: string, userAgent = "oras/1.3.6") => {
      const headers = { accept: manifestType, authorization, "user-agent": userAgent };
      const answer = await fetch(`http://${host}/v2/${repository}/manifests/${version}`, { headers });
      if (!answer.ok) throw new Error(`${repository} ${version}: ${answer.status}`);
      return (await answer.json()) as { readonly mediaType: string };
    },
    has: async (repository: string, version: string) =>
      (
        await fetch(`http://${host}/v2/${repository}/manifests/${version}`, {
          method: "HEAD",
          headers: { accept: manifestType, authorization },
        })
      ).ok,
    tags: async (repository: string) => {
      const answer = await fetch(`http://${host}/v2/${repository}/tags/list`, { headers: { authorization } });
      return answer.ok ? (((await answer.json()) as { tags: string[] | null }).tags ?? []).sort() : [];
    },
    /** Its keeper takes connections and says nothing, until it goes on. */
    hang: () => keeper.child.kill("SIGSTOP"),
    goOn: () => keeper.child.kill("SIGCONT"),
    restartKeeper: async () => {
      keeper.child.kill("SIGTERM");
      await keeper.ended;
      keeper = await startKeeper();
    },
    /** What its blobs take on the disk, with those in the trash. */
    used: () => bytesIn(data),
    stop: async () => {
      registry.child.kill("SIGTERM");
      keeper.child.kill("SIGCONT");
      keeper.child.kill("SIGTERM");
      await Promise.all([registry.ended, keeper.ended]);
    },
  };
}

function digestOf(content: string | Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** Of files that are no reserve and no state of the keeper's. */
function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith("/pulls"))
    .filter((entry) => !["reserve", "plan", "id", "lock"].includes(entry.name))
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
