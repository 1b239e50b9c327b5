import { randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renew } from "../../src/certificates/renew.ts";
import { copyArtifact } from "../../src/cli/artifacts/copy.ts";
import { createRegistry, digestOf } from "../../src/cli/oci/registry.ts";
import type { Descriptor, RawManifest, Registry } from "../../src/cli/oci/types.ts";
import { basic } from "../../src/common/basic.ts";
import { readBlob, writeBlob } from "../../src/registry/blobs.ts";
import { deleteManifest } from "../../src/registry/delete.ts";
import { createLookup } from "../../src/registry/lookup.ts";
import { readManifest, writeManifest } from "../../src/registry/manifests.ts";
import { claimStorage } from "../../src/registry/owner.ts";
import { type Front, registries, startFront, startOneOf } from "../support/registries.ts";
import type { TestRegistry } from "../support/registry.ts";

// What the clients of the command line and of the operator do works with each registry. The agent's tests do the same.
const login = { username: "somebody", password: "secret" };
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";

describe.each(registries)("%s", (name) => {
  let server: TestRegistry;
  let front: Front;
  let ca: string;
  let plain: Registry;
  let secure: Registry;
  const agents: Agent[] = [];

  beforeAll(async () => {
    const data = await renew("everything", undefined, ["localhost"], new Date());
    ca = data.cas.join("\n");
    // Tokens are asked for as the person's system trusts.
    setDefaultCACertificates([...getCACertificates(), ca]);
    server = await startOneOf(name);
    front = await startFront(server.host, { cert: data.certificate, key: data.key }, name === "strict");
    const clientOf = (base: string) => {
      const [http, https] = [new Agent({ keepAlive: true }), new TlsAgent({ keepAlive: true })];
      agents.push(http, https);
      const agentFor = ({ protocol }: URL) => (protocol === "http:" ? http : https);
      const url = new URL(base);
      return createRegistry({ base: url, agent: agentFor(url), agentFor, login }, 1);
    };
    plain = clientOf(server.url);
    secure = clientOf(`https://${front.host}`);
  });
  afterAll(async () => {
    for (const agent of agents) agent.destroy();
    front.stop();
    await server.stop();
  });

  describe.each([
    ["asked in plain HTTP", () => plain],
    ["behind a proxy that ends TLS", () => secure],
  ])("%s", (way, client) => {
    const in_ = (repository: string) => `${way.startsWith("behind") ? "tls" : "plain"}/${repository}`;

    it("takes blobs and manifests, and gives them back", async () => {
      const repository = in_("push");
      const content = randomBytes(3_000_000);
      const artifact = await push(client(), repository, "v1", [
        content,
        Buffer.from("small"),
        Buffer.alloc(0),
      ]);
      // What is there is not sent again.
      await push(client(), repository, "v1", [content]);
      const { digest } = await push(client(), repository, "v1", [
        content,
        Buffer.from("small"),
        Buffer.alloc(0),
      ]);
      expect(digest).toBe(artifact.digest);
      expect(await client().resolve(repository, "v1")).toBe(digest);
      for (const reference of ["v1", digest])
        expect(await client().manifest(repository, reference)).toEqual(artifact);
      const blob = descriptorOf(content);
      expect((await buffer(client().readBlob(repository, blob))).equals(content)).toBe(true);
    });

    it("lists all tags and repositories", async () => {
      const wanted = ["t1", "t2", "t3", "t4", "t5"];
      for (const tag of wanted) await push(client(), in_("tags"), tag, [Buffer.from(tag)]);
      expect((await client().tags(in_("tags"))).toSorted()).toEqual(wanted);
      for (const other of ["other1", "other2"]) await push(client(), in_(other), "v1", []);
      expect(await client().repositories()).toEqual(
        expect.arrayContaining([in_("tags"), in_("other1"), in_("other2")]),
      );
    });

    it("deletes by digest, and says what is not there", async () => {
      const repository = in_("delete");
      const { digest } = await push(client(), repository, "v1", [Buffer.from("deleted")]);
      await client().deleteManifest(repository, digest);
      expect(await client().resolve(repository, digest)).toBeUndefined();
      expect(await client().resolve(in_("nowhere"), "v1")).toBeUndefined();
      await expect(client().manifest(repository, digest)).rejects.toMatchObject({ status: 404 });
      const gone = client().readBlob(repository, { ...descriptorOf(Buffer.from("never")) });
      await expect(buffer(gone)).rejects.toMatchObject({ status: 404 });
    });

    it("gives and takes what is copied, an index too", async () => {
      const a = await push(client(), in_("from"), "a", [Buffer.from("a")]);
      const b = await push(client(), in_("from"), "b", [Buffer.from("b")]);
      const index = await pushIndex(client(), in_("from"), "all", [a, b]);
      const end = (name: string) => ({ registry: client(), repository: in_(name) });
      await copyArtifact(end("from"), end("to"), index, { reference: "all", shown: "all" }, {});
      expect(await client().resolve(in_("to"), "all")).toBe(index.digest);
      expect(await client().manifest(in_("to"), b.digest)).toEqual(b);
    });
  });

  it("is read on where the connection broke", async () => {
    const content = randomBytes(3_000_001);
    await push(plain, "resume", "v1", [content]);
    front.cut(3);
    const read = await buffer(secure.readBlob("resume", descriptorOf(content)));
    expect(read.equals(content)).toBe(true);
    expect(front.cuts()).toBe(3);
  });

  it("says what an image runs", async () => {
    const config = { architecture: "amd64", os: "linux", config: { Entrypoint: ["/bin/app"], User: "1000" } };
    const image = await push(
      plain,
      "app",
      "amd64",
      [Buffer.from("layer")],
      Buffer.from(JSON.stringify(config)),
    );
    await pushIndex(plain, "app", "v1", [{ ...image, platform: { os: "linux", architecture: "amd64" } }]);
    await plain.manifest("app", "v1");
    const auths = { [front.host]: { auth: Buffer.from("somebody:secret").toString("base64") } };
    const details: string[] = [];
    const lookup = createLookup({
      ca,
      onUnknown: (_, detail) => details.push(detail),
      reach: { allowedHosts: new Set([front.host]), clusterNetworks: () => [] },
      readSecrets: () => Promise.resolve({ configs: [JSON.stringify({ auths })], forbidden: [] }),
    });
    const found = await lookup(`${front.host}/app:v1`, "amd64", { namespace: "n", names: ["s"] });
    expect(found, details.join()).toMatchObject({ program: { entrypoint: ["/bin/app"], user: "1000" } });
  });

  // The operator's own requests go to the registries that it runs, which ask for no tokens.
  it.skipIf(name === "strict")("can be claimed, and is emptied by the operator", async () => {
    const asked = {
      peer: { host: server.host },
      authorization: basic(login.username, login.password),
      signal: AbortSignal.timeout(60_000),
    };
    const own = { installation: "i", cache: "n/c" };
    expect(await claimStorage(asked, own)).toEqual(own);
    expect(await claimStorage(asked, { installation: "j", cache: "n/c" })).toEqual(own);
    const { digest } = await push(plain, "own/deleted", "v1", [Buffer.from("own")]);
    for (let times = 0; times < 2; times++)
      await deleteManifest({ ...asked, repository: "own/deleted", reference: digest });
    expect(await plain.resolve("own/deleted", digest)).toBeUndefined();
  });

  it.skipIf(name === "strict")("takes what the operator writes, and gives it back", async () => {
    const asked = {
      peer: { host: front.host, trust: { ca, servername: "localhost" } },
      authorization: basic(login.username, login.password),
      signal: AbortSignal.timeout(60_000),
    };
    const repository = "own/written";
    expect(await readManifest(asked, repository, "v1")).toBeUndefined();
    const text = JSON.stringify({ long: "é".repeat(100_000) });
    const blob = await writeBlob(asked, repository, "application/json", text);
    expect(await writeBlob(asked, repository, "application/json", text)).toEqual(blob);
    expect((await readBlob(asked, repository, blob.digest, blob.size))?.toString()).toBe(text);
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config: blob, layers: [blob] }),
    );
    await writeManifest(asked, repository, "v1", { mediaType: manifestType, bytes });
    for (const reference of ["v1", digestOf(bytes)])
      expect(await readManifest(asked, repository, reference)).toEqual({
        ...{ digest: digestOf(bytes), mediaType: manifestType, bytes },
      });
    expect(await readBlob(asked, repository, digestOf("never"), 5)).toBeUndefined();
  });
});

function descriptorOf(content: Buffer, mediaType = "application/octet-stream"): Descriptor {
  return { mediaType, digest: digestOf(content), size: content.length };
}

async function push(
  registry: Registry,
  repository: string,
  tag: string,
  files: readonly Buffer[],
  config = Buffer.from("{}"),
): Promise<RawManifest> {
  for (const content of [...files, config])
    await registry.pushBlob(repository, { ...descriptorOf(content), open: () => Readable.from([content]) });
  return put(registry, repository, tag, manifestType, {
    config: descriptorOf(config, "application/vnd.oci.image.config.v1+json"),
    layers: files.map((content) => descriptorOf(content)),
  });
}

function pushIndex(
  registry: Registry,
  repository: string,
  tag: string,
  parts: readonly (Descriptor & { platform?: object; bytes?: Buffer })[],
): Promise<RawManifest> {
  const manifests = parts.map(({ bytes: _, ...descriptor }) => descriptor);
  return put(registry, repository, tag, indexType, { manifests });
}

async function put(registry: Registry, repository: string, tag: string, mediaType: string, fields: object) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  await registry.pushManifest(repository, tag, { bytes, mediaType });
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}
