import { createHash } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renew } from "../../src/certificates/renew.ts";
import { createLookup, type LookupSettings } from "../../src/registry/lookup.ts";
import { sentenceFor } from "../../src/registry/outcome.ts";
import type { Proxies } from "../../src/registry/proxy.ts";
import { temporaryFolder } from "../support/folders.ts";
import { stockOras } from "../support/oras.ts";
import { start } from "../support/processes.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

let registry: TestRegistry;
let ca: string;
let pair: { cert: string; key: string };
/** The certificate is for this name; the address is its. */
const host = () => registry.host.replace("127.0.0.1", "localhost");

beforeAll(async () => {
  const env = await stockOras();
  const folder = temporaryFolder("images");
  const data = await renew("everything", undefined, ["localhost"], new Date());
  ca = data.cas.join("\n");
  pair = { cert: data.certificate, key: data.key };
  const [certificate, key] = [join(folder, "tls.crt"), join(folder, "tls.key")];
  writeFileSync(certificate, data.certificate);
  writeFileSync(key, data.key);
  writeFileSync(join(folder, "ca.crt"), ca);
  registry = await startRegistry({ tls: { certificate, key } });

  const oras = async (...args: string[]) => {
    const { code, stderr } = await start(
      ["oras", ...args, "--plain-http=false", "--ca-file", join(folder, "ca.crt")],
      {
        cwd: folder,
        env,
      },
    ).ended;
    expect(code, stderr).toBe(0);
  };
  const image = async (tag: string, platform: object, config: object) => {
    writeFileSync(join(folder, "config.json"), JSON.stringify({ ...platform, config }));
    const type = "application/vnd.oci.image.config.v1+json";
    await oras("push", `${host()}/a/app:${tag}`, "--config", `config.json:${type}`, "--image-spec", "v1.0");
  };
  await image("arm64", { os: "linux", architecture: "arm64" }, { Entrypoint: ["/arm"] });
  await image(
    "amd64",
    { os: "linux", architecture: "amd64" },
    { Entrypoint: ["/bin/app", "-v"], Cmd: ["x"], WorkingDir: "/work", User: "1000:1000" },
  );
  await image("empty", { os: "linux", architecture: "amd64" }, {});
  await oras("manifest", "index", "create", `${host()}/a/app:1`, "arm64", "amd64");
}, 900_000);
afterAll(() => registry.stop());

/** A lookup that may ask these hosts besides public ones, and what the operator's log says. */
function lookupOf(hosts: readonly string[], settings: LookupSettings = {}) {
  const log: string[] = [];
  const reach = { allowedHosts: new Set(hosts), clusterNetworks: () => [] };
  const lookup = createLookup({ ca, reach, onUnknown: (_image, detail) => log.push(detail), ...settings });
  return { lookup, log };
}

async function program(image: string, architecture = "amd64") {
  const found = await lookupOf([host(), image.split("/")[0] ?? ""]).lookup(image, architecture);
  return "program" in found ? found.program : found.unknown;
}

/** Whose Pods ask, without passwords. */
const of = (number: number) => ({ namespace: `n${number}`, names: [] });

/** An HTTPS server for as long as a test runs. */
async function serving<T>(listener: RequestListener, test: (host: string) => Promise<T>): Promise<T> {
  const server = createServer(pair, listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await test(`localhost:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const sha256 = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;
/** Answers as a registry does that has one image under every name, with this configuration. */
function imageServer(config: string, asked: (url: string) => void = () => {}): RequestListener {
  return (request, response) => {
    asked(request.url ?? "");
    response.end(
      request.url?.includes("/blobs/") ? config : JSON.stringify({ config: { digest: sha256(config) } }),
    );
  };
}

describe("what an image runs", () => {
  it("is in its configuration, for the architecture that the Pod asks for", async () => {
    const digest = expect.stringMatching(/^sha256:[a-f0-9]{64}$/);
    // Of the index, of the manifest for the architecture, and of its configuration.
    const digests = [digest, digest, digest];
    expect(await program(`${host()}/a/app:1`)).toEqual({
      digests,
      entrypoint: ["/bin/app", "-v"],
      cmd: ["x"],
      workingDir: "/work",
      user: "1000:1000",
    });
    expect(await program(`${host()}/a/app:1`, "arm64")).toEqual({
      digests,
      entrypoint: ["/arm"],
      cmd: [],
      workingDir: "",
      user: "",
    });
    expect(await program(`${host()}/a/app:empty`)).toMatchObject({ entrypoint: [], cmd: [] });
  });

  it("needs a token of some registries, which is shown to them alone", async () => {
    const seen: (string | undefined)[] = [];
    const config = JSON.stringify({});
    await serving(
      (_request, response) => response.end(config),
      (store) =>
        serving(
          (request, response) => {
            const url = new URL(request.url ?? "", "https://localhost");
            if (url.pathname === "/token") {
              return response.end(JSON.stringify({ token: `for-${url.searchParams.get("scope")}` }));
            }
            seen.push(request.headers.authorization);
            if (request.headers.authorization === undefined) {
              const realm = `https://${request.headers.host}/token`;
              response.setHeader("www-authenticate", `Bearer realm="${realm}",service="s",scope="pull"`);
              return response.writeHead(401).end();
            }
            if (url.pathname.includes("/manifests/")) {
              return response.end(JSON.stringify({ config: { digest: sha256(config) } }));
            }
            // Blobs lie elsewhere: at the other server, which must not see the token.
            return response.writeHead(307, { location: `https://${store}/blob` }).end();
          },
          async (registryHost) => {
            const { lookup } = lookupOf([registryHost, store]);
            expect(await lookup(`${registryHost}/private/app:1`, "amd64")).toMatchObject({
              program: { entrypoint: [], cmd: [] },
            });
          },
        ),
    );
    expect(seen).toEqual([undefined, "Bearer for-pull", "Bearer for-pull"]);
  });

  it("is remembered, and asked once by all who ask at the same time", async () => {
    const asked: string[] = [];
    await serving(
      imageServer(JSON.stringify({ config: { Cmd: ["x"] } }), (url) => asked.push(url)),
      async (server) => {
        const { lookup } = lookupOf([server]);
        const ask = () => lookup(`${server}/a/app:1`, "amd64");
        const found = await Promise.all([ask(), ask(), ask()]);
        expect(await ask()).toEqual(found[0]);
      },
    );
    expect(asked).toHaveLength(2);
  });
});

describe("art-48, lif-27: behind a proxy", () => {
  it("registries are asked by way of it, also those whose names are not known here; NO_PROXY is heeded", async () => {
    const config = JSON.stringify({ config: { Cmd: ["x"] } });
    const asked: string[] = [];
    await serving(imageServer(config), async (server) => {
      const proxy = createHttpServer().listen(0, "127.0.0.1");
      await once(proxy, "listening");
      proxy.on("connect", (request, client: Socket, head) => {
        asked.push(request.url ?? "");
        const upstream = connect(Number(server.split(":")[1]), "127.0.0.1", () => {
          client.write("HTTP/1.1 200 OK\r\n\r\n");
          upstream.write(head);
          upstream.pipe(client).pipe(upstream);
        });
        for (const socket of [client, upstream]) socket.on("error", () => {});
      });
      let proxies: Proxies = { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
      const ask = async (image: string, ...hosts: string[]) =>
        lookupOf(hosts, { proxies }).lookup(image, "amd64");
      const found = { program: expect.objectContaining({ cmd: ["x"] }) };
      const unknown = { unknown: sentenceFor("noAnswer") };
      try {
        expect(await ask("localhost:7/a/b:1", "localhost:7")).toEqual(found);
        expect(asked).toEqual(["localhost:7"]);
        // The certificate is for another name: the proxy was asked, and what answers is checked as ever.
        expect(await ask("registry.invalid/a/b:1")).toEqual(unknown);
        expect(asked).toEqual(["localhost:7", "registry.invalid:443"]);
        // What is known not to be public is not asked by way of a proxy either.
        expect(await ask("localhost:7/a/b:1")).toEqual(unknown);
        expect(await ask("10.0.0.1/a/b:1")).toEqual(unknown);
        proxies = { ...proxies, NO_PROXY: "localhost" };
        expect(await ask(`${server}/a/b:1`, server)).toEqual(found);
        expect(asked).toHaveLength(2);
      } finally {
        proxy.close();
        proxy.closeAllConnections();
      }
    });
  });
});

describe("sec-05: what an author learns of a registry", () => {
  const told = (reason: Parameters<typeof sentenceFor>[0]) => ({ unknown: sentenceFor(reason) });

  it("is that it has no such image, if it is a registry that says so", async () => {
    const { lookup, log } = lookupOf([host()]);
    expect(await lookup(`${host()}/a/app:none`, "amd64")).toEqual(told("notShown"));
    expect(log).toEqual([`${host()} answers with status 404`]);
  });

  it("is the same sentence whatever else happens, and the log says what", async () => {
    const answers: [RequestListener, RegExp][] = [
      [(_, response) => response.writeHead(404).end("no such page"), /status 404/],
      [(_, response) => response.writeHead(401).end(), /status 401/],
      [(_, response) => response.writeHead(500).end("{}"), /status 500/],
      [(_, response) => response.end("root:x:0:0:secret"), /not JSON/],
      [(_, response) => response.end("null"), /no JSON object/],
      [(_, response) => response.writeHead(302, { location: "http://localhost/" }).end(), /redirects to/],
      [(_, response) => response.writeHead(302, { location: "/again" }).end(), /redirects more/],
      [(_, response) => response.writeHead(302, { location: `https://${host()}/v2/` }).end(), /not public/],
      [(request) => request.socket.destroy(), /hang up|ECONNRESET/],
    ];
    for (const [listener, why] of answers) {
      await serving(listener, async (server) => {
        const { lookup, log } = lookupOf([server]);
        expect(await lookup(`${server}/a/b:c`, "amd64")).toEqual(told("noAnswer"));
        expect(log).toEqual([expect.stringMatching(why)]);
      });
    }
    const { lookup, log } = lookupOf(["localhost:1", "nowhere.invalid"]);
    expect(await lookup("localhost:1/a/b:c", "amd64")).toEqual(told("noAnswer"));
    expect(await lookup("nowhere.invalid/a/b:c", "amd64")).toEqual(told("noAnswer"));
    const untrusting = lookupOf([host()], { ca: pair.cert });
    expect(await untrusting.lookup(`${host()}/a/app:1`, "amd64")).toEqual(told("noAnswer"));
    expect([...log, ...untrusting.log]).toEqual([
      expect.stringContaining("ECONNREFUSED"),
      expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
      expect.stringContaining("certificate"),
    ]);
  });

  it("nobody is asked at an address that is not public, by name, number or other spelling", async () => {
    let connections = 0;
    const server = createTcpServer(() => connections++).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    for (const name of ["localhost", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0.0.0.0", "[::1]"]) {
      const { lookup } = lookupOf([]);
      const image = `${name}${name.includes(".") || name.startsWith("[") || name === "localhost" ? "" : "."}:${port}`;
      const looked = await lookup(`${image}/a/b:c`, "amd64");
      expect([told("noAnswer"), told("notAName")]).toContainEqual(looked);
    }
    expect(connections).toBe(0);
    server.close();
  });
});

describe("sec-05: what a registry can do to the operator", () => {
  it("a manifest or configuration whose digest is another one is not believed", async () => {
    const config = JSON.stringify({ config: { Cmd: ["x"] } });
    await serving(
      (request, response) =>
        response.end(
          request.url?.includes("/blobs/")
            ? `${config} `
            : JSON.stringify({ config: { digest: sha256(config) } }),
        ),
      async (server) => {
        const { lookup, log } = lookupOf([server]);
        expect(await lookup(`${server}/a/b:c`, "amd64")).toEqual({ unknown: sentenceFor("noAnswer") });
        expect(await lookup(`${server}/a/b@${sha256("other")}`, "amd64")).toEqual({
          unknown: sentenceFor("noAnswer"),
        });
        expect(log).toEqual([expect.stringContaining("digest"), expect.stringContaining("digest")]);
      },
    );
  });

  it("digests and other fields that are something else than they should be", async () => {
    for (const manifest of [
      {},
      { config: null },
      { config: { digest: 7 } },
      { config: { digest: "sha256:../../../v2/secret" } },
      { config: { digest: `sha256:${"a".repeat(63)}` } },
      { manifests: [{ platform: { os: "linux" }, digest: "../x" }] },
    ]) {
      await serving(
        (_, response) => response.end(JSON.stringify(manifest)),
        async (server) => {
          expect(await program(`${server}/a/b:c`)).toBe(sentenceFor("notAnImage"));
        },
      );
    }
    await serving(
      (_, response) => response.end(JSON.stringify({ manifests: [null, { platform: null }, {}] })),
      async (server) => expect(await program(`${server}/a/b:c`)).toBe(sentenceFor("notForLinux")),
    );
  });

  it("a configuration that is large, and words that are long, have a sentence each", async () => {
    const large = JSON.stringify({ config: { Cmd: ["x"] }, history: "y".repeat(2 ** 20) });
    await serving(imageServer(large), async (server) => {
      expect(await program(`${server}/a/b:c`)).toBe(sentenceFor("tooLong"));
    });
    // Without a length in front.
    await serving(
      (_, response) => {
        response.write("x".repeat(2 ** 20));
        response.end("y");
      },
      async (server) => expect(await program(`${server}/a/b:c`)).toBe(sentenceFor("tooLong")),
    );
    for (const config of [
      { Entrypoint: ["y".repeat(9_000)] },
      { Cmd: Array(600).fill("") },
      { User: "u".repeat(9_000) },
    ]) {
      await serving(imageServer(JSON.stringify({ config })), async (server) => {
        expect(await program(`${server}/a/b:c`)).toBe(sentenceFor("tooManyWords"));
      });
    }
  });

  it("16 are asked at once, 4 of them for one namespace; others wait their turn", async () => {
    const config = JSON.stringify({ config: { Cmd: ["x"] } });
    const answer = imageServer(config);
    const held: (() => void)[] = [];
    let most = 0;
    await serving(
      (request, response) => {
        if (request.url?.includes("/blobs/")) return answer(request, response);
        held.push(() => answer(request, response));
        most = Math.max(most, held.length);
        if (held.length === 16) for (const send of held.splice(0)) send();
      },
      async (server) => {
        const { lookup } = lookupOf([server]);
        const all = await Promise.all(
          Array.from({ length: 48 }, (_, i) => lookup(`${server}/a/b:${i}`, "amd64", of(i % 4))),
        );
        expect(all).toEqual(Array(48).fill({ program: expect.objectContaining({ cmd: ["x"] }) }));
      },
    );
    expect(most).toBe(16);
  });

  it("one that never answers holds its place for the time of a lookup; a review that waits longer is refused with a request to retry", async () => {
    await serving(
      () => {},
      async (server) => {
        const { lookup } = lookupOf([server]);
        const all = await Promise.all(
          Array.from({ length: 300 }, (_, i) => lookup(`${server}/a/b:${i}`, "amd64", of(i % 4))),
        );
        const count = (reason: Parameters<typeof sentenceFor>[0]) =>
          all.filter((looked) => "unknown" in looked && looked.unknown === sentenceFor(reason)).length;
        expect([count("noAnswer"), count("busy")]).toEqual([16, 284]);
      },
    );
  });

  it("a namespace whose registry never answers keeps no other from asking, even for the same image", async () => {
    const answer = imageServer(JSON.stringify({ config: { Cmd: ["x"] } }));
    const others: Promise<unknown>[] = [];
    let greedy = 0;
    await serving(
      () => {},
      async (silent) => {
        await serving(answer, async (server) => {
          const { lookup } = lookupOf([silent, server]);
          const asked = Array.from({ length: 300 }, (_, i) =>
            lookup(i < 290 ? `${silent}/a/b:${i}` : `${server}/a/b:same`, "amd64", of(0)),
          );
          for (let i = 0; i < 12; i++) {
            others.push(lookup(`${server}/a/b:${i % 2 ? i : "same"}`, "amd64", of(1 + (i % 3))));
          }
          expect(await Promise.all(others)).toEqual(
            Array(12).fill({ program: expect.objectContaining({ cmd: ["x"] }) }),
          );
          greedy = (await Promise.all(asked)).filter((looked) => "unknown" in looked).length;
        });
      },
    );
    expect(greedy).toBeGreaterThanOrEqual(290);
  });
});
