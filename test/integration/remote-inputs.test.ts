import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer as createPlainServer } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renew } from "../../src/certificates/renew.ts";
import { createAskHead } from "../../src/controllers/ask-head.ts";
import { createAskRemote } from "../../src/controllers/ask-remote.ts";
import type { Granted } from "../../src/controllers/granted-secrets.ts";
import { readStepSecret, type StepSecret } from "../../src/controllers/step-logins.ts";
import { digestOf } from "../../src/registry/blobs.ts";
import { remoteHead, remoteManifest } from "../../src/registry/remote-head.ts";
import { stockOras } from "../support/oras.ts";
import { start } from "../support/processes.ts";
import { type Front, registries, startFront, startOneOf } from "../support/registries.ts";
import type { TestRegistry } from "../support/registry.ts";

let ca: string;
let pair: { cert: string; key: string };
beforeAll(async () => {
  const data = await renew("everything", undefined, ["localhost"], new Date());
  ca = data.cas.join("\n");
  pair = { cert: data.certificate, key: data.key };
});

const settingsFor = (...hosts: string[]) => ({
  ca,
  reach: { allowedHosts: new Set(hosts), clusterNetworks: () => [] },
  proxies: {},
});
const never = new AbortController().signal;
const ask = (url: string, reference = "1", hosts = [new URL(url).host]) =>
  remoteHead(url, "a/b", reference, settingsFor(...hosts), never);
const askBy = (url: string, ...logins: string[]) =>
  remoteHead(url, "a/b", "1", settingsFor(new URL(url).host), never, logins);
const digest = `sha256:${"a".repeat(64)}`;
const there = { "docker-content-digest": digest };

/** A server for as long as a test runs, over TLS unless it says otherwise. */
async function serving<T>(
  listener: RequestListener,
  test: (url: string, seen: readonly string[]) => Promise<T>,
  isPlain = false,
): Promise<T> {
  const seen: string[] = [];
  const listen: RequestListener = (asked, answer) => {
    seen.push(`${asked.method} ${asked.url} ${asked.headers.authorization ?? "nobody"}`);
    listener(asked, answer);
  };
  const server = (isPlain ? createPlainServer(listen) : createServer(pair, listen)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    return await test(`${isPlain ? "http" : "https"}://localhost:${port}`, seen);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

describe.each(registries)("%s", (name) => {
  let server: TestRegistry;
  let front: Front;
  beforeAll(async () => {
    server = await startOneOf(name);
    front = await startFront(server.host, pair, name === "strict");
  }, 300_000);
  afterAll(async () => {
    front.stop();
    await server.stop();
  });

  it("says what it has, what it has not, and what it shows to nobody", async () => {
    const urls = [`https://${front.host}`, server.url];
    if (name === "strict") {
      for (const url of urls) expect(await ask(url)).toEqual({ refused: expect.any(String) });
      return;
    }
    for (const url of urls) expect(await ask(url)).toEqual({ missing: true });
    const { code, stderr } = await start(
      ["oras", "push", "--plain-http", `${server.host}/a/b:1`, "--artifact-type", "a/b"],
      { env: await stockOras() },
    ).ended;
    expect(code, stderr).toBe(0);
    for (const url of urls) {
      const found = await ask(url);
      expect(found).toEqual({ digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
      const digest = "digest" in found ? found.digest : "";
      expect(await ask(url, digest)).toEqual(found);
      const read = (which: string) =>
        remoteManifest(url, "a/b", which, settingsFor(new URL(url).host), never);
      const manifest = await read(digest);
      expect("bytes" in manifest && digestOf(manifest.bytes)).toBe(digest);
      expect(await read(`sha256:${"0".repeat(64)}`)).toEqual({ missing: true });
    }
  });
});

/** The Secret of a step for a server, which changes when it is told. */
function asking(url: string, others: Readonly<Record<string, string>> = {}) {
  const { host } = new URL(url);
  const state = { version: 0, password: "" };
  const secrets = {
    of: (): Promise<Granted<StepSecret | undefined>> => {
      const more = Object.entries(others).map(([path, password]) => [
        `${host}/${path}`,
        { username: "u", password },
      ]);
      const auths = { [host]: { username: "u", password: state.password }, ...Object.fromEntries(more) };
      const data = { "config.json": Buffer.from(JSON.stringify({ auths })).toString("base64") };
      return Promise.resolve({ found: readStepSecret(data), version: `${state.version}` });
    },
    forget: () => {},
  };
  const { ask, refusalOf } = createAskRemote(
    { ...settingsFor(host), secrets, clusterDomain: "cluster.local" },
    never,
  );
  const by = { namespace: "ns", name: "login", passwordFor: undefined };
  return {
    ask: (repository = "a/b") => ask(url, repository, "1", by),
    refusal: () => refusalOf(url, "a/b", by),
    change: (password: string) => Object.assign(state, { password, version: state.version + 1 }),
  };
}

const rightOnes = Buffer.from("u:right").toString("base64");

describe("a login of a step", () => {
  const asksFor =
    (password: string): RequestListener =>
    (asked, answer) => {
      const right = `Basic ${Buffer.from(`u:${password}`).toString("base64")}`;
      if (asked.headers.authorization === right) return void answer.writeHead(200, there).end();
      answer.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    };

  it("that is refused is shown once, whatever is asked for, until the Secret changes", () =>
    serving(asksFor("right"), async (url, seen) => {
      const shown = () => seen.filter((line) => !line.endsWith(" nobody")).length;
      const step = asking(url);
      step.change("wrong");
      const refused = { unknown: "its registry refuses the login of the Secret login" };
      for (const repository of ["a/b", "a/b", "c/d"]) expect(await step.ask(repository)).toEqual(refused);
      expect(shown()).toBe(1);
      step.change("right");
      expect(await step.ask()).toEqual({ digest });
      expect(await step.refusal()).toBeUndefined();
      expect(shown()).toBe(2);
    }));

  it.each([
    ["another repository", "c/d"],
    ["the same one, too, and nearer to it", "a/b"],
  ])("that is refused keeps none back that is for %s, and is not shown with it either", (_, path) =>
    serving(asksFor("right"), async (url, seen) => {
      const step = asking(url, { [path]: "right" });
      step.change("wrong");
      const wrong = Buffer.from("u:wrong").toString("base64");
      const refused = { unknown: "its registry refuses the login of the Secret login" };
      for (let i = 0; i < 2; i++) {
        expect(await step.ask("e/f")).toEqual(refused);
        expect(await step.ask(path)).toEqual({ digest });
      }
      expect(seen.filter((line) => line.endsWith(wrong))).toHaveLength(1);
    }),
  );

  it("that is refused is not shown again where another one of the repository is let in", () =>
    serving(asksFor("right"), async (url, seen) => {
      const step = asking(url, { "a/b": "wrong" });
      step.change("right");
      const wrong = Buffer.from("u:wrong").toString("base64");
      for (let i = 0; i < 3; i++) expect(await step.ask("a/b")).toEqual({ digest });
      expect(seen.filter((line) => line.endsWith(wrong))).toHaveLength(1);
    }));

  it("that may not see an artifact is asked with again, although another one is refused", () =>
    serving(
      (asked, answer) =>
        asked.url?.startsWith("/v2/a/b/") && asked.headers.authorization?.endsWith(rightOnes)
          ? void answer.writeHead(403).end()
          : asksFor("right")(asked, answer as never),
      async (url) => {
        const step = asking(url, { a: "right" });
        step.change("wrong");
        const denied = { unknown: "its registry does not show it to the login of the Secret login" };
        expect(await step.ask("a/b")).toEqual(denied);
        expect(await step.ask("a/c")).toEqual({ digest });
        expect(await step.ask("a/b")).toEqual(denied);
      },
    ));

  it("by user and password is for the remote registry of its OrasCache, else for the first that it names", () =>
    serving(asksFor("right"), async (url) => {
      const { host } = new URL(url);
      const caches = new Map<string, object>([
        ["ns/far", { spec: { deploy: false, registry: `${host}/team` } }],
        ["ns/near", { spec: { deploy: true } }],
      ]);
      const data = { ORAS_USER: "u", ORAS_PULL_PASS: "right" };
      const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]);
      const found = readStepSecret(Object.fromEntries(encoded) as Record<string, string>);
      const { ask: asked } = createAskHead({
        caches: { store: caches as never },
        access: {} as never,
        signal: never,
        countHead: () => {},
        remote: {
          ...settingsFor(host),
          secrets: { of: () => Promise.resolve({ found, version: "1" }), forget: () => {} },
          clusterDomain: "cluster.local",
        },
      });
      const by = (registry: string, ...registries: string[]) =>
        asked("ns", { registry, repository: "a/b", version: ":1", login: { secret: "login", registries } });
      expect(await by("cache far", "cache far", "https://ghcr.io")).toEqual({ digest });
      expect(await by(url, "cache near", url)).toEqual({ digest });
      expect(await by(url, url)).toEqual({ digest });
      // It is for another one.
      expect(await by(url, "https://ghcr.io", url)).toEqual({ refused: expect.any(String) });
      expect(await by(url, "cache near")).toEqual({ refused: expect.any(String) });
    }));

  it("is not sent over plain HTTP to a host that is no Service, which is not asked either", () =>
    serving(
      asksFor("right"),
      async (url, seen) => {
        const step = asking(url);
        step.change("right");
        expect(await step.refusal()).toEqual({ refused: expect.any(String) });
        expect(await step.ask()).toEqual({ refused: expect.any(String) });
        expect(seen).toEqual([]);
      },
      true,
    ));

  it("that may not see an artifact may see another", () =>
    serving(
      (asked, answer) =>
        asked.headers.authorization && asked.url?.startsWith("/v2/a/b/")
          ? void answer.writeHead(403).end()
          : asksFor("right")(asked, answer as never),
      async (url) => {
        const step = asking(url);
        step.change("right");
        expect(await step.ask()).toEqual({
          unknown: "its registry does not show it to the login of the Secret login",
        });
        expect(await step.ask("c/d")).toEqual({ digest });
      },
    ));
});

describe("a remote registry", () => {
  it("is asked with the token that it gives to anybody", () =>
    serving(
      (asked, answer) => {
        if (asked.url?.startsWith("/token")) return void answer.end(JSON.stringify({ token: "t" }));
        if (asked.headers.authorization === "Bearer t") return void answer.writeHead(200, there).end();
        const realm = `Bearer realm="https://${asked.headers.host}/token",service="s",scope="repository:a/b:pull"`;
        answer.writeHead(401, { "www-authenticate": realm }).end();
      },
      async (url, seen) => {
        expect(await ask(url)).toEqual({ digest });
        expect(seen).toEqual([
          "HEAD /v2/a/b/manifests/1 nobody",
          "GET /token?service=s&scope=repository%3Aa%2Fb%3Apull nobody",
          "HEAD /v2/a/b/manifests/1 Bearer t",
        ]);
      },
    ));

  it("is asked with the token that it gives to a login, which nobody else is shown", () =>
    serving(
      (asked, answer) => {
        const { authorization } = asked.headers;
        if (asked.url?.startsWith("/token"))
          return void (authorization === "Basic right"
            ? answer.end(JSON.stringify({ token: "t" }))
            : answer.writeHead(401).end());
        if (authorization === "Bearer t") return void answer.writeHead(200, there).end();
        const realm = `Bearer realm="https://${asked.headers.host}/token",service="s"`;
        answer.writeHead(401, { "www-authenticate": realm }).end();
      },
      async (url, seen) => {
        expect(await askBy(url, "Basic wrong", "Basic right")).toEqual({ digest });
        expect(seen).toEqual([
          "HEAD /v2/a/b/manifests/1 nobody",
          "GET /token?service=s Basic wrong",
          "GET /token?service=s Basic right",
          "HEAD /v2/a/b/manifests/1 Bearer t",
        ]);
        expect(await askBy(url, "Basic wrong")).toEqual({ denied: "login" });
        expect(await askBy(url, "Bearer other")).toEqual({ denied: "login" });
        expect(await askBy(url, "Bearer t")).toEqual({ digest });
      },
    ));

  it.each([
    ["a token", 'Bearer realm="https://HOST/token"', 401, "artifact"],
    ["a token", 'Bearer realm="https://HOST/token"', 403, "artifact"],
    ["a password", 'Basic realm="x"', 401, "login"],
    ["a password", 'Basic realm="x"', 403, "artifact"],
  ])("that is shown %s by %s, and answers %i, denies the %s", (_, challenge, status, denied) =>
    serving(
      (asked, answer) => {
        if (asked.url?.startsWith("/token")) return void answer.end(JSON.stringify({ token: "t" }));
        const header = { "www-authenticate": challenge.replace("HOST", asked.headers.host ?? "") };
        answer.writeHead(asked.headers.authorization ? status : 401, header).end();
      },
      async (url) => expect(await askBy(url, "Basic x")).toEqual({ denied }),
    ),
  );

  it.each<[string, string | Buffer, object]>([
    ["another manifest", "{}", { refused: expect.any(String) }],
    ["a very long one", Buffer.alloc(2 ** 21), { tooLong: true }],
  ])("whose manifest is read and that answers with %s has none", (_, body, found) =>
    serving(
      (_asked, answer) => void answer.writeHead(200, there).end(body),
      async (url) =>
        expect(await remoteManifest(url, "a/b", digest, settingsFor(new URL(url).host), never)).toEqual(
          found,
        ),
    ),
  );

  it("that shows an artifact to anybody is shown no login", () =>
    serving(
      (_asked, answer) => void answer.writeHead(200, there).end(),
      async (url, seen) => {
        expect(await askBy(url, "Basic x")).toEqual({ digest });
        expect(seen).toEqual(["HEAD /v2/a/b/manifests/1 nobody"]);
      },
    ));

  it.each([
    ["the registry", "/v2/"],
    ["who gives the tokens", "/token"],
  ])("whose login leads elsewhere by a redirect of %s is not shown there", (_, from) =>
    serving(
      (_asked, answer) => void answer.writeHead(401).end(),
      async (elsewhere, seen) =>
        serving(
          (asked, answer) => {
            const isShown = asked.headers.authorization !== undefined;
            if (isShown && asked.url?.startsWith(from))
              return void answer.writeHead(302, { location: `${elsewhere}/x` }).end();
            if (asked.url?.startsWith("/token")) return void answer.end(JSON.stringify({ token: "t" }));
            const realm = `Bearer realm="https://${asked.headers.host}/token"`;
            answer.writeHead(401, { "www-authenticate": realm }).end();
          },
          async (url) => {
            const hosts = settingsFor(new URL(url).host, new URL(elsewhere).host);
            await remoteHead(url, "a/b", "1", hosts, never, ["Basic x"]);
            expect(seen.map((line) => line.split(" ").at(-1))).toEqual(["nobody"]);
          },
        ),
    ),
  );

  it.each([
    ["wants a password", 401, { "www-authenticate": 'Basic realm="x"' }],
    ["shows it to nobody", 403, {}],
    ["is none", 418, {}],
    ["gives tokens without TLS", 401, { "www-authenticate": 'Bearer realm="http://localhost/token"' }],
    ["names no digest", 200, {}],
    [
      "names one of another kind than pins have",
      200,
      { "docker-content-digest": `sha512:${"a".repeat(128)}` },
    ],
  ])("that %s is left to the Pod", (_, status, headers) =>
    serving(
      (_asked, answer) => void answer.writeHead(status, headers).end(),
      async (url) => expect(await ask(url)).toEqual({ refused: expect.any(String) }),
    ),
  );

  it.each([
    [429, {}, 60_000],
    [429, { "retry-after": "7" }, 7_000],
    [429, { "retry-after": "100000000" }, 3_600_000],
    [429, { "retry-after": "soon" }, 60_000],
    [429, { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }, 1_000],
    [503, { "retry-after": "30" }, 30_000],
    [503, {}, undefined],
    [500, {}, undefined],
  ])("that answers %i %j is not asked for %s ms", (status, headers, stopMs) =>
    serving(
      (_asked, answer) => void answer.writeHead(status, headers).end(),
      async (url) =>
        expect(await ask(url)).toEqual({
          unknown: "its registry is busy",
          ...(stopMs && { stopMs }),
        }),
    ),
  );

  it("at an address that is not public is not asked, neither directly nor by a redirect", async () => {
    await serving(
      (_asked, answer) => void answer.writeHead(200, there).end(),
      async (url, seen) => {
        expect(await ask(url, "1", [])).toEqual({ refused: "the operator cannot ask its registry" });
        await serving(
          (_asked, answer) => void answer.writeHead(302, { location: `${url}/x` }).end(),
          async (first) => expect(await ask(first)).toHaveProperty("refused"),
        );
        expect(seen).toEqual([]);
      },
    );
  });

  it("over plain HTTP is asked where the installation names it, and redirects nowhere without TLS", async () => {
    await serving(
      (_asked, answer) => void answer.writeHead(200, there).end(),
      async (url) => {
        expect(await ask(url)).toEqual({ digest });
        expect(await ask(url, "1", [])).toHaveProperty("refused");
        await serving(
          (_asked, answer) => void answer.writeHead(302, { location: `${url}/x` }).end(),
          async (first) =>
            expect(
              await ask(
                first,
                "1",
                [first, url].map((one) => new URL(one).host),
              ),
            ).toHaveProperty("refused"),
        );
      },
      true,
    );
  });

  it("that nobody answers for is left to the Pod", async () => {
    const url = await serving(
      () => {},
      async (at) => at,
    );
    expect(await ask(url)).toEqual({ refused: "the operator cannot ask its registry" });
  });

  it.each([
    [500, { unknown: "its registry is busy" }],
    [429, { unknown: "its registry is busy", stopMs: 60_000 }],
    [401, { refused: expect.stringContaining("logs in") }],
  ])("whose tokens are answered with %i is asked again, unless it wants a login", (status, found) =>
    serving(
      (asked, answer) => {
        if (asked.url?.startsWith("/token")) return void answer.writeHead(status).end();
        const realm = `Bearer realm="https://${asked.headers.host}/token"`;
        answer.writeHead(401, { "www-authenticate": realm }).end();
      },
      async (url) => expect(await ask(url)).toEqual(found),
    ),
  );
});
