import { randomBytes } from "node:crypto";
import { Agent, type ServerResponse } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { createRegistry } from "../../../../src/cli/oci/registry.ts";
import { pauseMs } from "../../../../src/cli/oci/retry.ts";
import { parseChallenge } from "../../../../src/common/challenge.ts";
import { descriptorOf, startStandIn } from "../../../support/stand-in.ts";

const content = randomBytes(300_000);
const blob = descriptorOf(content);

async function standIn(...args: Parameters<typeof startStandIn>) {
  const found = await startStandIn(...args);
  onTestFinished(found.stop);
  return found;
}

describe("a blob", () => {
  it.each([true, false])(
    "is read on where the connection broke (the registry knows ranges: %s)",
    async (ranges) => {
      const { registry, requests } = await standIn((request, response, number) => {
        const from = ranges ? Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0) : 0;
        const rest = content.subarray(from);
        response.writeHead(from > 0 ? 206 : 200, { "content-length": rest.length });
        if (number === 4) response.end(rest);
        else response.write(rest.subarray(0, number * 20_000), () => response.destroy());
      });
      const broken: unknown[] = [];
      let told = 0;
      const read = registry.readBlob("a/b", blob, {
        onRetry: (error) => broken.push(error),
        onBytes: (count) => (told += count),
      });
      expect((await buffer(read)).equals(content)).toBe(true);
      expect([requests.length, broken.length, told]).toEqual([4, 3, content.length]);
    },
  );

  it.each([
    ["other bytes", Buffer.from(content).fill(0, 5, 6)],
    ["more bytes", Buffer.concat([content, content])],
  ])("is refused that has %s", async (_, served) => {
    const { registry } = await standIn((_request, response) => response.end(served));
    await expect(buffer(registry.readBlob("a/b", blob))).rejects.toThrow(/digest|longer|names/);
  });

  it("is given up after many breaks with nothing in between", async () => {
    const { registry, requests } = await standIn((_, response) => response.destroy());
    await expect(buffer(registry.readBlob("a/b", blob))).rejects.toThrow(/socket hang up/);
    expect(requests.length).toBeGreaterThan(3);
  });

  it.each([400, 405, 416])("is read anew from a registry that refuses ranges with %i", async (status) => {
    const { registry, requests } = await standIn((request, response, number) => {
      if (request.headers.range !== undefined) response.writeHead(status).end();
      else if (number === 1) response.write(content.subarray(0, 20_000), () => response.destroy());
      else response.end(content);
    });
    expect((await buffer(registry.readBlob("a/b", blob))).equals(content)).toBe(true);
    expect(requests.map(({ headers }) => headers.range)).toEqual([
      undefined,
      expect.stringMatching(/^bytes=\d+-299999$/),
      undefined,
    ]);
  });

  it("is not sent where a registry does not say where to", async () => {
    const { registry, requests } = await standIn((request, response) => {
      response.writeHead(request.method === "HEAD" ? 404 : 202).end();
    });
    const pushed = registry.pushBlob("a/b", { ...blob, open: () => Readable.from([content]) });
    await expect(pushed).rejects.toThrow("without the header Location");
    expect(requests.map(({ method }) => method)).toEqual(["HEAD", "POST"]);
  });

  it("is sent by the scheme and port that the registry was reached by, which it need not know", async () => {
    const { registry, requests } = await standIn((request, response) => {
      if (request.method === "HEAD") response.writeHead(404).end();
      else if (request.method === "PUT") request.resume().on("end", () => response.writeHead(201).end());
      else
        response.writeHead(202, { location: "https://127.0.0.1:1/v2/a/b/blobs/uploads/1?state=a%2Fb" }).end();
    });
    await registry.pushBlob("a/b", { ...blob, open: () => Readable.from([content]) });
    expect(requests[2]?.url).toContain("/v2/a/b/blobs/uploads/1?state=a%2Fb&digest=sha256");
  });

  it("is sent in another session where the first one was lost", async () => {
    const { registry, requests } = await standIn((request, response) => {
      if (request.method === "HEAD") response.writeHead(404).end();
      else if (request.method === "POST") response.writeHead(202, { location: "1" }).end();
      else {
        const isFirst = requests.length === 3;
        const errors = [{ code: "BLOB_UPLOAD_UNKNOWN" }];
        request
          .resume()
          .on("end", () => response.writeHead(isFirst ? 404 : 201).end(JSON.stringify({ errors })));
      }
    });
    await registry.pushBlob("a/b", { ...blob, open: () => Readable.from([content]) });
    expect(requests.map(({ method }) => method)).toEqual(["HEAD", "POST", "PUT", "POST", "PUT"]);
  });

  it("is asked for in vain once", async () => {
    const { registry, requests } = await standIn((_, response) => response.writeHead(404).end());
    await expect(buffer(registry.readBlob("a/b", blob))).rejects.toThrow("404");
    expect(requests).toHaveLength(1);
  });
});

describe("a login", () => {
  const login = { username: "u", password: "p" };
  it("is shown to the registry, and not to where it redirects", async () => {
    const store = await standIn((_, response) => response.end(content));
    const { registry, requests } = await standIn((_, response) => {
      response.writeHead(307, { location: new URL("/x", store.base).href }).end();
    }, login);
    await buffer(registry.readBlob("a/b", blob));
    expect(requests[0]?.headers.authorization).toBe("Basic dTpw");
    expect(store.requests[0]?.headers.authorization).toBeUndefined();
  });

  it.each(["Bearer", "Basic"])(
    "is not given to who stands where the registry redirects, whatever it asks for (%s)",
    async (scheme) => {
      const store = await standIn((request, response) => {
        const realm = `http://127.0.0.1:${store.base.port}/token`;
        if (request.url?.startsWith("/token")) response.end(JSON.stringify({ token: "t" }));
        else response.writeHead(401, { "www-authenticate": `${scheme} realm="${realm}"` }).end();
      });
      const { registry, requests } = await standIn((request, response) => {
        if (request.headers.authorization === undefined)
          response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
        else response.writeHead(307, { location: new URL("/x", store.base).href }).end();
      }, login);
      await expect(buffer(registry.readBlob("a/b", blob))).rejects.toThrow("401");
      expect(store.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
      await expect(registry.tags("a/b")).rejects.toThrow("401");
      expect(requests.at(-1)?.headers.authorization).toBe("Basic dTpw");
    },
  );

  it("is told to be wrong after one try", async () => {
    const { registry, requests } = await standIn((_, response) => {
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    }, login);
    await expect(registry.tags("a/b")).rejects.toThrow("401");
    expect(requests).toHaveLength(1);
  });

  it("gets a token where the registry says, for what is to be done", async () => {
    const { registry, requests, base } = await standIn((request, response) => {
      if (request.url?.startsWith("/token")) response.end(JSON.stringify({ token: "t" }));
      else if (request.headers.authorization === "Bearer t") response.end(JSON.stringify({ tags: ["1"] }));
      else {
        const realm = `http://127.0.0.1:${base.port}/token`;
        response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="s"` }).end();
      }
    });
    expect(await registry.tags("a/b")).toEqual(["1"]);
    expect(requests[1]?.url).toBe("/token?scope=repository%3Aa%2Fb%3Apull&service=s");
  });

  it.each(["", "x", "http://tokens.example.com/t", "file:///t"])(
    "is not sent to what is no https: %s",
    async (realm) => {
      const { registry } = await standIn((_, response) => {
        response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}"` }).end();
      });
      await expect(registry.tags("a/b")).rejects.toThrow(`sends to "${realm}" for a token`);
    },
  );

  it("is asked for in the header's grammar", () => {
    expect(parseChallenge('Bearer realm="https://a/t",service="r",scope="repository:a:pull,push"')).toEqual({
      scheme: "bearer",
      parameters: { realm: "https://a/t", service: "r", scope: "repository:a:pull,push" },
    });
    expect(parseChallenge('bearer Realm = "https://a/t" ,\t service=r,scope="a,b=\\"c\\""')).toEqual({
      scheme: "bearer",
      parameters: { realm: "https://a/t", service: "r", scope: 'a,b="c"' },
    });
    expect(parseChallenge("Basic")).toEqual({ scheme: "basic", parameters: {} });
    expect(parseChallenge("")).toBeUndefined();
  });
});

describe("lists", () => {
  it("are read page by page", async () => {
    const { registry } = await standIn((request, response) => {
      const isLast = request.url?.includes("last=b");
      if (!isLast) response.setHeader("link", '</v2/_catalog?n=2&last=b>; rel="next"');
      response.end(JSON.stringify({ repositories: isLast ? ["c"] : ["a", "b"] }));
    });
    expect(await registry.repositories()).toEqual(["a", "b", "c"]);
  });

  it.each([
    "</v2/a/tags/list?last=1>; rel=first, <list?last=b>; rel=next",
    '<list?last=x>; title="a, b; rel=next"; rel="prev", <list?last=b>;title="x>";REL = "next"',
  ])("have their next page in any form of a link: %s", async (link) => {
    const { registry, requests } = await standIn((request, response) => {
      const isLast = request.url?.includes("last=b");
      if (!isLast) response.setHeader("link", link);
      response.end(JSON.stringify({ tags: isLast ? ["c"] : ["a", "b"] }));
    });
    expect(await registry.tags("a")).toEqual(["a", "b", "c"]);
    expect(requests[1]?.url).toBe("/v2/a/tags/list?last=b");
  });

  it("may be null", async () => {
    const { registry } = await standIn((_, response) => response.end('{"tags":null}'));
    expect(await registry.tags("a")).toEqual([]);
  });
});

describe("a push", () => {
  it("goes where the registry says, with what it says of the upload", async () => {
    const received: Buffer[] = [];
    const { registry, requests } = await standIn((request, response) => {
      if (request.method === "HEAD") response.writeHead(404).end();
      else if (request.method === "POST") response.writeHead(202, { location: "/up/1?state=s" }).end();
      else
        request
          .on("data", (chunk: Buffer) => received.push(chunk))
          .on("end", () => response.writeHead(201).end());
    });
    await registry.pushBlob("a/b", { ...blob, open: () => Readable.from([content]) });
    expect(Buffer.concat(received).equals(content)).toBe(true);
    expect(requests[2]?.url).toBe(`/up/1?state=s&digest=${encodeURIComponent(blob.digest)}`);
    expect(requests[2]?.headers["content-length"]).toBe(String(content.length));
  });

  it("sends nothing that is there", async () => {
    const { registry, requests } = await standIn((_, response) => response.writeHead(200).end());
    await registry.pushBlob("a/b", { ...blob, open: () => Readable.from([content]) });
    expect(requests.map(({ method }) => method)).toEqual(["HEAD"]);
  });
});

describe("the digest of a tag", () => {
  const manifest = Buffer.from("{}");
  const { digest } = descriptorOf(manifest);
  it.each([undefined, "", `sha256:${"../".repeat(20)}etc/passwd`, "sha512:00", digest.toUpperCase()])(
    "is that of its manifest where the registry says %j",
    async (said) => {
      const { registry } = await standIn((_, response) => {
        response.writeHead(200, said === undefined ? {} : { "docker-content-digest": said }).end(manifest);
      });
      expect(await registry.resolve("a/b", "v1")).toBe(digest);
    },
  );

  it("is asked for once where the registry says it", async () => {
    const { registry, requests } = await standIn((_, response) => {
      response.writeHead(200, { "docker-content-digest": digest }).end();
    });
    expect(await registry.resolve("a/b", "v1")).toBe(digest);
    expect(requests.map(({ method }) => method)).toEqual(["HEAD"]);
  });
});

it("a registry that takes a request and says nothing is not asked again and again", async () => {
  const { base, requests } = await standIn(() => {});
  const agent = new Agent();
  onTestFinished(() => agent.destroy());
  const registry = createRegistry({ base, agent, agentFor: () => agent, login: undefined, silentMs: 50 });
  await expect(registry.repositories()).rejects.toThrow("GET /v2/_catalog: no answer within 0.05 seconds");
  // On a busy machine, the time is over before the registry has it.
  expect(requests.length).toBeLessThanOrEqual(1);
});

describe("a registry that wants a pause", () => {
  it.each([
    ["7", 7000],
    ["100000", 60_000],
    ["Wed, 21 Oct 2099 07:28:00 GMT", 60_000],
    ["Wed, 21 Oct 2015 07:28:00 GMT", 1],
    ["-1", 1],
    ["soon", 1],
    [undefined, 1],
  ])("is given it, a minute at most: %s", async (retryAfter, ms) => {
    const { registry } = await standIn((_, response) => {
      response.writeHead(404, retryAfter === undefined ? {} : { "retry-after": retryAfter }).end();
    });
    const error: unknown = await registry.tags("a/b").catch((thrown: unknown) => thrown);
    expect(pauseMs(error, 1, 1)).toBe(ms);
    expect(pauseMs(error, 20, 1)).toBe(2 ** 19);
  });
});

it("requests that begin together and are all asked for the login are all answered", async () => {
  const asked: ServerResponse[] = [];
  const { base } = await standIn(({ headers }, response) => {
    if (headers.authorization !== undefined) return response.end('{"tags":["v1"]}');
    asked.push(response);
    if (asked.length === 2)
      for (const each of asked) each.writeHead(401, { "www-authenticate": 'Basic realm="OrasCache"' }).end();
    return undefined;
  });
  // To a registry with TLS a login is shown once it is asked for. Its connections are tunnels; what is inside is tested elsewhere.
  const agent = Object.assign(new TlsAgent(), {
    createConnection: () => connect(Number(base.port), base.hostname),
  });
  onTestFinished(() => agent.destroy());
  const login = { username: "oras-1", password: "secret" };
  const url = new URL(`https://localhost:${base.port}`);
  const registry = createRegistry({ base: url, agent, agentFor: () => agent, login }, 1);
  expect(await Promise.all([registry.tags("a/b"), registry.tags("a/b")])).toEqual([["v1"], ["v1"]]);
});

it("nothing is tried again once the registry is closed", async () => {
  const closing = new AbortController();
  const { base, requests } = await standIn((_, response) => {
    response.writeHead(500).end();
    closing.abort();
  });
  const agent = new Agent();
  onTestFinished(() => agent.destroy());
  const endpoint = { base, agent, agentFor: () => agent, login: undefined, closing: closing.signal };
  await expect(createRegistry(endpoint, 60_000).tags("a/b")).rejects.toThrow();
  expect(requests).toHaveLength(1);
});
