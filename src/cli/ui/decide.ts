import { createHash, timingSafeEqual } from "node:crypto";

/** What is looked at of a request. */
export interface Asked {
  readonly method: string;
  /** Path and query, as the client wrote them. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** How this page is reached. */
export interface Address {
  readonly port: number;
  readonly token: string;
}

/** What is done with a request. */
export type Decision =
  | { readonly kind: "refuse"; readonly status: number; readonly text: string }
  /** The browser is given the cookie, and the address without the token. */
  | { readonly kind: "enter" }
  | { readonly kind: "asset"; readonly name: AssetName }
  | { readonly kind: "events" }
  | { readonly kind: "step"; readonly id: string }
  | { readonly kind: "artifact"; readonly id: string };

/** Files of the page. They are the same for everybody and hold nothing of a cluster. */
export const assetNames = ["index.html", "page.js", "page.css", "icon.svg"] as const;
export type AssetName = (typeof assetNames)[number];

/** Longer ones are of no artifact: the annotations of an object have 256 KiB together. */
const longestUrl = 8_192;
const stepPattern = /^(?:job|pod)\/[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * Decides about a request: nothing of the cluster goes to whom the command did not tell its token, and nothing at all to a
 * page of another origin.
 *
 * @param asked - the request
 * @param address - of this page
 */
export function decide(asked: Asked, address: Address): Decision {
  const hosts = [`127.0.0.1:${address.port}`, `localhost:${address.port}`];
  const host = single(asked.headers["host"]);
  // A name that somebody else made lead here (DNS rebinding) would make this page one of theirs.
  if (host === undefined || !hosts.includes(host)) {
    return refuse(421, `Open this page as http://${hosts[0]}/: it answers to no other name.`);
  }
  const { origin } = asked.headers;
  if (origin !== undefined && single(origin) !== `http://${host}`) {
    return refuse(403, "Pages of another origin may not ask here.");
  }
  if (asked.method !== "GET") return refuse(405, "Nothing can be changed here: allowed is GET.");
  if (asked.url.length > longestUrl) return refuse(414, "The address is too long.");
  const url = pathOf(asked.url, host);
  if (url === undefined) return refuse(400, "The path is none.");
  const given = url.searchParams.get("token");
  if (url.pathname === "/" && given !== null) {
    return isSame(given, address.token) ? { kind: "enter" } : refuse(403, unknownToken);
  }
  const asset = url.pathname === "/" ? "index.html" : url.pathname.slice(1);
  if (isAsset(asset)) return { kind: "asset", name: asset };
  if (!["/events", "/step", "/artifact"].includes(url.pathname)) return refuse(404, "There is no such page.");
  if (
    !cookiesOf(asked.headers["cookie"], cookieName(address.port)).some((each) => isSame(each, address.token))
  ) {
    return refuse(401, "Open the address that the command has printed, with its token.");
  }
  return ofData(url);
}

const unknownToken =
  "The token is not the one that the command has printed: each start has another. Open the address that it printed last.";

function ofData({ pathname, searchParams }: URL): Decision {
  if (pathname === "/events") return { kind: "events" };
  const id = searchParams.get("id") ?? "";
  if (pathname === "/artifact")
    return id === ""
      ? refuse(400, "id is missing: allowed is that of an artifact.")
      : { kind: "artifact", id };
  return stepPattern.test(id)
    ? { kind: "step", id }
    : refuse(400, "id is that of no step: allowed is job/NAME or pod/NAME.");
}

function pathOf(url: string, host: string): URL | undefined {
  // Else //evil.example/ would be another host.
  if (!url.startsWith("/") || url.startsWith("//")) return undefined;
  const parsed = URL.parse(url, `http://${host}`);
  return parsed ?? undefined;
}

function refuse(status: number, text: string): Decision {
  return { kind: "refuse", status, text };
}

function isAsset(name: string): name is AssetName {
  return (assetNames as readonly string[]).includes(name);
}

/** A header that is there twice is none. */
function single(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === "string" ? header : undefined;
}

/**
 * The name of the cookie. Browsers show the cookies of one port to all others of the host.
 *
 * @param port - of this page
 */
export function cookieName(port: number): string {
  return `oras-cache-ui-${port}`;
}

/** Every one of that name: which comes first says nothing. */
function cookiesOf(header: string | readonly string[] | undefined, name: string): string[] {
  return (single(header) ?? "").split(";").flatMap((pair) => {
    const [key = "", value = ""] = pair.trim().split("=", 2);
    return key === name ? [value] : [];
  });
}

/** Takes the same time for each wrong one. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Headers of every answer. */
export const headers = {
  "content-security-policy":
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
} as const;

/**
 * Headers that let a browser in: it keeps the token where no script sees it, and goes on to an address without it.
 *
 * @param address - of this page
 */
export function entering({ port, token }: Address): Readonly<Record<string, string>> {
  return {
    location: "/",
    "set-cookie": `${cookieName(port)}=${token}; HttpOnly; SameSite=Strict; Path=/`,
  };
}
