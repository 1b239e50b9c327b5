import { quoted } from "../../annotations/problems.ts";
import { basic } from "../../common/basic.ts";
import { type Challenge, parseChallenge } from "../../common/challenge.ts";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";

/** A login to a registry. */
export interface Login {
  readonly username: string;
  readonly password: string;
  /** In the place of a password: what docker calls an identity token. */
  readonly refreshToken?: string | undefined;
}

/** What a request is about: a repository, or the list of them. */
export type Scope = `repository:${string}:${"pull" | "pull,push" | "delete"}` | "registry:catalog:*";

/**
 * What to answer a challenge with.
 *
 * @param header - the challenge
 * @param scope - what the request is about
 * @param login - of the person, if there is one
 * @returns the header `Authorization`; undefined where nothing can be answered
 */
export async function answerTo(
  header: string,
  scope: Scope,
  login: Login | undefined,
): Promise<string | undefined> {
  const challenge = parseChallenge(header);
  if (challenge?.scheme === "basic") return login && basic(login.username, login.password);
  if (challenge?.scheme === "bearer") return `Bearer ${await fetchToken(challenge, scope, login)}`;
  return undefined;
}

/** Whether a host, with or without a port, is this machine: it is spoken to in plain HTTP, as docker and oras do. */
export function isLocal(host: string): boolean {
  return /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(host);
}

/**
 * Gets a token where the registry says.
 *
 * @see https://distribution.github.io/distribution/spec/auth/token
 */
async function fetchToken(
  { parameters }: Challenge,
  scope: Scope,
  login: Login | undefined,
): Promise<string> {
  const { realm = "", service } = parameters;
  const url = URL.parse(realm);
  if (url === null || (url.protocol !== "https:" && !isLocal(url.host))) {
    const message = `The registry sends to ${quoted(realm)} for a token, which is no URL with https.`;
    throw new CliError(message, exits.denied);
  }
  const fields = new URLSearchParams({ scope: parameters["scope"] ?? scope });
  if (service !== undefined) fields.set("service", service);
  const response = login?.refreshToken
    ? await post(url, fields, login.refreshToken)
    : await ask(url, fields, login);
  if (!response.ok) {
    const message = `${url.host} gives no token for ${scope} (${response.status}): log in with docker login or oras login.`;
    throw new CliError(message, exits.denied);
  }
  const { token, access_token } = (await response.json()) as { token?: string; access_token?: string };
  return token ?? access_token ?? "";
}

function ask(url: URL, fields: URLSearchParams, login: Login | undefined): Promise<Response> {
  const asked = new URL(url);
  for (const [key, value] of fields) asked.searchParams.set(key, value);
  return fetch(asked, { headers: login ? { authorization: basic(login.username, login.password) } : {} });
}

function post(url: URL, fields: URLSearchParams, refreshToken: string): Promise<Response> {
  fields.set("grant_type", "refresh_token");
  fields.set("client_id", "oras-operator");
  fields.set("refresh_token", refreshToken);
  return fetch(url, { method: "POST", body: fields });
}
