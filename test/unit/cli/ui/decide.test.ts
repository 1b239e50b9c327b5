import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cookieName, decide, entering, headers } from "../../../../src/cli/ui/decide.ts";
import { eventOf } from "../../../../src/cli/ui/server.ts";

const address = { port: 4711, token: "right-token" };
const host = "127.0.0.1:4711";
const cookie = `${cookieName(address.port)}=${address.token}`;
const ask = (url: string, more: Record<string, string> = {}, method = "GET") =>
  decide({ method, url, headers: { host, ...more } }, address);

describe("a request to the page", () => {
  test.each([
    ["another name", { host: "evil.example:4711" }, 421],
    ["another port", { host: "127.0.0.1:80" }, 421],
    ["a name with ours in it", { host: "127.0.0.1:4711.evil.example" }, 421],
    ["another origin", { origin: "http://evil.example" }, 403],
    ["another port as origin", { origin: "http://127.0.0.1:80" }, 403],
    ["an origin that is hidden", { origin: "null" }, 403],
    ["no cookie", { cookie: "" }, 401],
    ["the cookie of another port", { cookie: `${cookieName(80)}=${address.token}` }, 401],
    ["a wrong token", { cookie: `${cookieName(address.port)}=wrong` }, 401],
  ])("with %s is refused", (_, more, status) => {
    expect(ask("/events", { cookie, ...more })).toMatchObject({ kind: "refuse", status });
  });

  test.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"])(
    "%s changes nothing",
    (method) => {
      expect(ask("/events", { cookie }, method)).toMatchObject({ kind: "refuse", status: 405 });
    },
  );

  test("with the token gets a cookie that no script and no other site sees, and an address without it", () => {
    expect(ask("/?token=right-token")).toEqual({ kind: "enter" });
    expect(ask("/?token=wrong")).toMatchObject({ kind: "refuse", status: 403 });
    expect(entering(address)).toEqual({
      location: "/",
      "set-cookie": `${cookie}; HttpOnly; SameSite=Strict; Path=/`,
    });
  });

  test("gets files of the page without a cookie, and data with it", () => {
    expect(ask("/")).toEqual({ kind: "asset", name: "index.html" });
    expect(ask("/page.js")).toEqual({ kind: "asset", name: "page.js" });
    expect(ask("/events", { cookie: `a=b; ${cookie}` })).toEqual({ kind: "events" });
    expect(ask("/step?id=job/split", { cookie, origin: `http://${host}` })).toEqual({
      kind: "step",
      id: "job/split",
    });
  });

  test.each([
    "/step",
    "/step?id=secret/x",
    "/step?id=job/../../secrets/x",
    "/step?id=job/x/log",
    "/artifact",
  ])("for %s is refused", (url) =>
    expect(ask(url, { cookie })).toMatchObject({ kind: "refuse", status: 400 }),
  );

  test("never gets data without the cookie, whatever it asks for", () => {
    fc.assert(
      fc.property(fc.oneof(fc.webPath(), fc.string()), fc.string(), (url, given) => {
        fc.pre(!given.includes(address.token) && !url.includes(address.token));
        expect(["refuse", "asset"]).toContain(ask(url, { cookie: given }).kind);
      }),
    );
  });

  test("is answered with a policy that loads nothing from elsewhere", () => {
    expect(headers["content-security-policy"]).toMatch(/^default-src 'self';/);
    expect(headers["referrer-policy"]).toBe("no-referrer");
  });
});

test("a message is one event, whatever names it has", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (name) => {
      const message = { type: "reach", reach: { notes: [name] } } as const;
      const event = eventOf(message);
      expect(event.trimEnd().split(/[\r\n]/)).toHaveLength(1);
      expect(JSON.parse(event.slice("data: ".length))).toEqual(JSON.parse(JSON.stringify(message)));
    }),
  );
});
