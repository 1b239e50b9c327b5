import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { exits } from "../../src/cli/exits.ts";
import type { Moved } from "../../src/cli/remote/transfer.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { temporaryFolder } from "../support/folders.ts";
import { test as base } from "../support/integration.ts";
import { objectsIn } from "../support/objects-in.ts";
import { stockOras } from "../support/oras.ts";
import { makePlugin, type Plugin } from "../support/plugin.ts";
import { start } from "../support/processes.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { until } from "../support/wait.ts";

/** Two caches, each with a real registry of its own, and the plugin of somebody who may see them. */
const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("from", async ({}, { onCleanup }) => {
    const registry = await startRegistry();
    onCleanup(registry.stop);
    return registry;
  })
  // biome-ignore lint/correctness/noEmptyPattern: as above
  .extend("to", async ({}, { onCleanup }) => {
    const registry = await startRegistry();
    onCleanup(registry.stop);
    return registry;
  })
  .extend("namespace", ({ task, installed }) =>
    objectsIn(installed, `backup-${task.id.replaceAll(/[^a-z0-9]+/g, "-")}x`),
  )
  .extend("plugin", async ({ namespace, plane, from, to }) => {
    await namespace.create(resources.orasCaches, cacheAt("from", from.url));
    await namespace.create(resources.orasCaches, cacheAt("to", to.url));
    return makePlugin(namespace.namespace, plane.kubeconfig);
  })
  .extend("backup", () => join(temporaryFolder("backup"), "oras"));

function cacheAt(name: string, registry: string): KubeObject {
  return { metadata: { name }, spec: { deploy: false, registry } } as KubeObject;
}

async function oras(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await start(["oras", ...args], { env: await stockOras(), cwd: files })
    .ended;
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}
const files = temporaryFolder("files");

async function push({ host }: TestRegistry, artifact: string, content: string): Promise<void> {
  writeFileSync(join(files, "file"), content);
  await oras("push", "--plain-http", `${host}/${artifact}`, "file", "--no-tty");
}

async function moved(plugin: Plugin, ...args: string[]): Promise<Moved> {
  const { code, stdout, stderr } = await plugin.run(...args, "-o", "json");
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
  return JSON.parse(stdout) as Moved;
}

const manifestType = "application/vnd.oci.image.manifest.v1+json";

async function manifestOf(
  { url }: TestRegistry,
  repository: string,
  tag: string,
): Promise<{ readonly digest: string; readonly layers: readonly { readonly digest: string }[] }> {
  const headers = {
    accept: `${manifestType}, application/vnd.oci.image.index.v1+json`,
  };
  const answer = await fetch(`${url}/v2/${repository}/manifests/${tag}`, { headers });
  const { layers } = (await answer.json()) as { layers: { digest: string }[] };
  return { digest: answer.headers.get("docker-content-digest") ?? "", layers };
}

/** A proxy of a registry that does not answer for one blob until it is told to. */
async function startHolding({ url }: TestRegistry, digest: string) {
  let isHeld = true;
  const server = createServer((incoming, outgoing) => {
    if (isHeld && incoming.method === "GET" && incoming.url?.endsWith(digest)) return;
    const { method, headers } = incoming;
    const upstream = request(new URL(incoming.url ?? "", url), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    goOn: () => {
      isHeld = false;
    },
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Digests by tag, as a registry answers. */
async function digestsOf(registry: TestRegistry): Promise<Record<string, string>> {
  const { url } = registry;
  const { repositories } = (await (await fetch(`${url}/v2/_catalog`)).json()) as { repositories: string[] };
  const found: Record<string, string> = {};
  for (const repository of repositories) {
    const { tags } = (await (await fetch(`${url}/v2/${repository}/tags/list`)).json()) as { tags: string[] };
    for (const tag of tags)
      found[`${repository}:${tag}`] = (await manifestOf(registry, repository, tag)).digest;
  }
  return found;
}

const blobsIn = (backup: string) => readdirSync(join(backup, "blobs", "sha256"));

describe("backup and restore", () => {
  test("all of a cache is in another one: tags of all repositories, and what refers to them", async ({
    from,
    to,
    plugin,
    backup,
  }) => {
    await push(from, "dinosaur/bones:v1", "one");
    await push(from, "dinosaur/bones:v2", "two");
    await oras("tag", "--plain-http", `${from.host}/dinosaur/bones:v2`, "latest");
    await push(from, "deep/er/notes:v1", "one");
    writeFileSync(join(files, "sbom"), "what is in it");
    const subject = `${from.host}/dinosaur/bones:v1`;
    await oras("attach", "--plain-http", subject, "sbom", "--artifact-type", "example/sbom", "--no-tty");
    const digests = await digestsOf(from);
    expect(Object.keys(digests)).toHaveLength(5);

    const saved = await moved(plugin, "backup", "from", backup);
    expect(saved).toMatchObject({ artifacts: 5, copied: 5, problems: [] });
    expect(await moved(plugin, "restore", "to", backup)).toMatchObject({
      artifacts: 5,
      copied: 5,
      problems: [],
    });
    expect(await digestsOf(to)).toEqual(digests);
    const listed = await oras("discover", "--plain-http", `${to.host}/dinosaur/bones:v1`, "--format", "json");
    expect(listed).toContain("example/sbom");
    await oras(
      "pull",
      "--plain-http",
      `${to.host}/deep/er/notes:v1`,
      "-o",
      join(files, "pulled"),
      "--no-tty",
    );
    expect(readFileSync(join(files, "pulled", "file"), "utf8")).toBe("one");

    // What is there is not pushed again.
    expect(await moved(plugin, "restore", "to", backup)).toMatchObject({ artifacts: 5, copied: 0, bytes: 0 });
  });

  test("stock oras reads it as docs/backup.md shows", async ({ from, to, plugin, backup }) => {
    await push(from, "dinosaur/bones:v1", "one");
    writeFileSync(join(files, "sbom"), "what is in it");
    const subject = `${from.host}/dinosaur/bones:v1`;
    await oras("attach", "--plain-http", subject, "sbom", "--artifact-type", "example/sbom", "--no-tty");
    await moved(plugin, "backup", "from", backup);
    const { digest } = await manifestOf(from, "dinosaur/bones", "v1");
    const copy = ["copy", "--to-plain-http", "--no-tty", "-r"];
    await oras(...copy, "--from-oci-layout", `${backup}@${digest}`, `${to.host}/by/digest:v1`);
    await oras(...copy, "--from-oci-layout-path", backup, "dinosaur/bones:v1", `${to.host}/by/name:v1`);
    const there = await digestsOf(to);
    expect([there["by/digest:v1"], there["by/name:v1"]]).toEqual([digest, digest]);
    const listed = await oras("discover", "--plain-http", `${to.host}/by/name:v1`, "--format", "json");
    expect(listed).toContain("example/sbom");
    expect((await oras("repo", "tags", "--oci-layout", backup)).split("\n")).toContain("dinosaur/bones:v1");
  });

  test("a second backup copies what is new, and forgets nothing", async ({ from, to, plugin, backup }) => {
    await push(from, "a/b:old", "old");
    await push(from, "a/b:moves", "before");
    await moved(plugin, "backup", "from", backup);
    expect(await moved(plugin, "backup", "from", backup)).toMatchObject({
      artifacts: 2,
      copied: 0,
      bytes: 0,
    });

    const old = (await digestsOf(from))["a/b:old"];
    await fetch(`${from.url}/v2/a/b/manifests/old`, { method: "DELETE" });
    await push(from, "a/b:moves", "after");
    await push(from, "a/b:new", "new");
    expect(await moved(plugin, "backup", "from", backup)).toMatchObject({ copied: 2 });
    await moved(plugin, "restore", "to", backup);
    expect(await digestsOf(to)).toEqual({ ...(await digestsOf(from)), "a/b:old": old });
  });

  test("one that is killed leaves nothing half, and the next goes on where it was", async ({
    from,
    to,
    plugin,
    backup,
    namespace,
    onTestFinished,
  }) => {
    const size = 1_000_000;
    for (let i = 0; i < 8; i++) await push(from, `a/b:${i}`, String(i).repeat(size));
    const held = (await manifestOf(from, "a/b", "7")).layers[0]?.digest ?? "";
    const slow = await startHolding(from, held);
    onTestFinished(slow.stop);
    await namespace.create(resources.orasCaches, cacheAt("slow", slow.url));
    const { child, ended } = plugin.start(["backup", "slow", backup]);
    // The blobs and manifests of seven, and the configuration that all have.
    await until(
      () => existsSync(join(backup, "oci-layout")) && blobsIn(backup).length === 15,
      "all but one artifact",
    );
    child.kill("SIGKILL");
    await ended;
    slow.goOn();
    const next = await moved(plugin, "backup", "slow", backup);
    expect(next).toMatchObject({ artifacts: 8, copied: 8, problems: [] });
    expect(next.bytes).toBeLessThan(2 * size);
    await moved(plugin, "restore", "to", backup);
    expect(await digestsOf(to)).toEqual(await digestsOf(from));
  });

  test("one artifact is said in the singular", async ({ from, plugin, backup }) => {
    await push(from, "a/b:1", "one");
    expect((await plugin.run("backup", "from", backup)).stdout).toMatch(/^1 artifact, 1 of them new in /);
  });

  test("a tag that names something else in the cache stays, and the others are restored", async ({
    from,
    to,
    plugin,
    backup,
  }) => {
    await push(from, "a/b:1", "one");
    await push(from, "a/b:2", "two");
    await moved(plugin, "backup", "from", backup);
    await push(to, "a/b:1", "newer");
    const newer = (await digestsOf(to))["a/b:1"];
    const { code, stderr, stdout } = await plugin.run("restore", "to", backup);
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: expect.stringMatching(/^2 artifacts, 1 of them new/),
    });
    expect(stderr).toMatch(/^a\/b:1: the cache has another artifact of that name, sha256:.* rm a\/b:1\n$/);
    expect((await digestsOf(to))["a/b:1"]).toBe(newer);
    expect(Object.keys(await digestsOf(to))).toEqual(["a/b:1", "a/b:2"]);
  });

  test("a blob of the backup that is damaged is named, pushed nowhere, and copied again", async ({
    from,
    to,
    plugin,
    backup,
  }) => {
    await push(from, "a/b:1", "one");
    await push(from, "a/b:2", "x".repeat(200_000));
    await moved(plugin, "backup", "from", backup);
    const { layers } = await manifestOf(from, "a/b", "2");
    const file = join(backup, "blobs", "sha256", layers[0]?.digest.slice(7) ?? "");
    writeFileSync(file, "y".repeat(200_000));
    const { code, stderr } = await plugin.run("restore", "to", backup);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`The file ${file} is missing, or`),
    });
    expect(Object.keys(await digestsOf(to))).toEqual(["a/b:1"]);
    rmSync(file);
    expect(await moved(plugin, "backup", "from", backup)).toMatchObject({
      artifacts: 2,
      copied: 0,
      bytes: 200_000,
    });
    expect(await moved(plugin, "restore", "to", backup)).toMatchObject({ copied: 1 });
  });

  test("a manifest that the backup lacks is told, and the others are restored", async ({
    from,
    to,
    plugin,
    backup,
  }) => {
    await push(from, "a/b:1", "one");
    await push(from, "a/b:2", "two");
    await moved(plugin, "backup", "from", backup);
    const { digest } = await manifestOf(from, "a/b", "1");
    rmSync(join(backup, "blobs", "sha256", digest.slice(7)));
    const { code, stderr } = await plugin.run("restore", "to", backup);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `a/b:1: the backup has no manifest a/b@${digest}. Run the backup again\n`,
    });
    expect(Object.keys(await digestsOf(to))).toEqual(["a/b:2"]);
    expect(await moved(plugin, "backup", "from", backup)).toMatchObject({ copied: 0 });
    expect(await moved(plugin, "restore", "to", backup)).toMatchObject({ copied: 1 });
  });

  test("an artifact that the registry has lost a blob of is a problem beside the others", async ({
    from,
    plugin,
    backup,
  }) => {
    await push(from, "a/b:1", "one");
    await push(from, "a/b:2", "two");
    const { layers } = await manifestOf(from, "a/b", "2");
    const link = layers[0]?.digest.replace(":", "/") ?? "";
    rmSync(join(from.data, "docker/registry/v2/repositories/a/b/_layers", link), { recursive: true });
    const { code, stderr } = await plugin.run("backup", "from", backup);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^a\/b:2: .*404/) });
    const { manifests } = JSON.parse(readFileSync(join(backup, "index.json"), "utf8"));
    expect(manifests).toHaveLength(1);
  });

  test.for([1, -1])(
    "a manifest with a false size keeps no other from being copied: %i byte",
    async (more, { from, plugin, backup }) => {
      await push(from, "a/b:1", "one");
      const headers = { accept: manifestType, "content-type": manifestType };
      const honest = await (await fetch(`${from.url}/v2/a/b/manifests/1`, { headers })).json();
      const [layer] = (honest as { layers: { size: number }[] }).layers;
      const body = JSON.stringify({
        ...(honest as object),
        layers: [{ ...layer, size: (layer?.size ?? 0) + more }],
      });
      const put = await fetch(`${from.url}/v2/a/b/manifests/false`, { method: "PUT", headers, body });
      expect(put.status).toBe(201);
      await push(from, "a/c:1", "two");
      const { code, stderr } = await plugin.run("backup", "from", backup);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(
          /^a\/b:false: the blob sha256:\w+ has 3 bytes, and the manifest names \d\n$/,
        ),
      });
      expect(JSON.parse(readFileSync(join(backup, "index.json"), "utf8")).manifests).toHaveLength(2);
    },
  );

  test.for([
    { what: "a folder of something else", file: "thesis.tex", text: "" },
    { what: "a layout of another version", file: "oci-layout", text: '{"imageLayoutVersion":"9"}' },
  ])("$what is left alone", async ({ file, text }, { plugin }) => {
    const folder = temporaryFolder("other");
    writeFileSync(join(folder, file), text);
    const before = readdirSync(folder);
    for (const command of ["backup", "restore"]) {
      const { code, stderr } = await plugin.run(command, "from", folder);
      expect({ command, code, stderr }).toEqual({
        command,
        code: exits.usage,
        stderr: expect.stringContaining(folder),
      });
    }
    expect(readdirSync(folder)).toEqual(before);
  });

  test("entries that name no artifact of a cache are told, and lead nowhere", async ({
    to,
    plugin,
    backup,
    from,
  }) => {
    await push(from, "a/b:1", "one");
    await moved(plugin, "backup", "from", backup);
    const index = JSON.parse(readFileSync(join(backup, "index.json"), "utf8"));
    const [{ annotations: _, ...entry }] = index.manifests;
    const named = (name: string, more = {}) => ({
      ...entry,
      annotations: { "org.opencontainers.image.ref.name": name },
      ...more,
    });
    const digest = `sha256:${"../".repeat(20)}etc/passwd`;
    index.manifests.push(
      entry,
      named("v1"),
      named("../x:1"),
      named("localhost:5000/a/b:1"),
      named("a/c:1", { digest }),
      named("a/d:1", { mediaType: "a/b\r\nx-evil: 1" }),
      named(`${names.stateRepository}:owner`),
    );
    writeFileSync(join(backup, "index.json"), JSON.stringify(index));
    const { code, stderr } = await plugin.run("restore", "to", backup);
    expect(code).toBe(exits.failed);
    expect(stderr.trim().split("\n")).toHaveLength(7);
    expect(Object.keys(await digestsOf(to))).toEqual(["a/b:1"]);
    // What others wrote into it stays.
    await moved(plugin, "backup", "from", backup);
    expect(JSON.parse(readFileSync(join(backup, "index.json"), "utf8")).manifests).toHaveLength(8);
  });

  test("a disk that cannot be written is told in words", async ({ plugin }) => {
    const file = join(temporaryFolder("disk"), "file");
    writeFileSync(file, "");
    const { code, stderr } = await plugin.run("backup", "from", file);
    expect({ code, stderr }).toEqual({
      code: exits.usage,
      stderr: `The folder ${file} cannot be made: it is a file, not a folder. Name another one.\n`,
    });
  });

  test("a cache that is not there is named", async ({ plugin, backup }) => {
    const { code, stderr } = await plugin.run("backup", "form", backup);
    expect({ code, stderr }).toEqual({
      code: exits.notFound,
      stderr: expect.stringContaining(`There is no ${names.kind} "form"`),
    });
  });
});
