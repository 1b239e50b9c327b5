import { formats } from "../../generated/annotations.ts";
import { hostOf, parseRegistry, type Registry } from "../annotations/reference.ts";
import { basic } from "../common/basic.ts";
import { apiHost, fits, inOrder, type Key, type Place, parseKey } from "../registry/credentials.ts";

/** The Secret of a step, with the logins that its author gives it. */
export interface StepSecret {
  /** The entries of each of its docker configurations, by their keys. */
  readonly configs: readonly (readonly (readonly [key: string, entry: unknown])[])[];
  /** Places for which programs of the Pod's image are asked for the login. */
  readonly helpers: readonly string[];
  /** A program is asked for those that no entry is for. */
  readonly hasStore: boolean;
  /** User and password, for one registry. */
  readonly pair: string | undefined;
  /** The only registry that it is for, where it says so, with its prefix. */
  readonly only: Registry | undefined;
  /** CAs besides the well-known ones, PEM. */
  readonly ca: string | undefined;
}

/** What a Secret has for a registry: headers, the first of them that is let in counts; or that the Pod alone can use it. */
export type StepLogins =
  | { readonly logins: readonly string[]; readonly ca: string | undefined }
  | { readonly unusable: true };

/** No login is longer, and many may be remembered. */
const longest = 64 * 2 ** 10;

/**
 * Takes the logins out of a Secret, as containers that pull do: see agent/internal/credentials.
 *
 * @param data - of the Secret
 * @returns undefined where the Pod says better what is wrong with it
 */
export function readStepSecret(data: Readonly<Record<string, string>> | undefined): StepSecret | undefined {
  const texts = keys.map((key) => data?.[key]);
  if (texts.join("").length > longest) return undefined;
  const [user, pullPassword, only, ca, ...configs] = texts.map((text) =>
    text === undefined ? undefined : Buffer.from(text, "base64").toString(),
  );
  const found = configs.map((text, i) => (text === undefined ? {} : configIn(text, i === legacy)));
  if (found.includes(undefined)) return undefined;
  const registry = only?.trim() ?? "";
  if (registry.length > formats.Registry.maxLength || (registry && !registryForm.test(registry)))
    return undefined;
  const password = lineIn(pullPassword ?? "");
  return {
    configs: found.map((config) => Object.entries(objectIn(config?.["auths"]))),
    helpers: found.flatMap((config) => Object.keys(objectIn(config?.["credHelpers"]))),
    hasStore: found.some((config) => Boolean(config?.["credsStore"])),
    pair: password ? basic(lineIn(user ?? ""), password) : undefined,
    only: registry ? parseRegistry(registry) : undefined,
    ca: ca || undefined,
  };
}

const keys = [
  "ORAS_USER",
  "ORAS_PULL_PASS",
  "registry",
  "ca.crt",
  ".dockerconfigjson",
  ".dockercfg",
  "config.json",
];
/** Where `.dockercfg` is among the configurations: it has the entries alone. */
const legacy = 1;

const registryForm = new RegExp(formats.Registry.pattern, "u");

/**
 * The logins of a Secret for a repository.
 *
 * @param secret - as it was read
 * @param url - of the registry, without a path
 * @param repository - in it
 * @param passwordFor - the host that user and password are for, unless the Secret names another
 */
export function loginsFor(
  { configs, helpers, hasStore, pair, only, ca }: StepSecret,
  url: string,
  repository: string,
  passwordFor: string | undefined,
): StepLogins {
  const place = placeAt(url, repository);
  const isAt = (host: string) => fits({ host: apiHost(host), path: "" }, place);
  if (only !== undefined && !(isAt(only.host) && isUnder(repository, only.prefix))) return { logins: [], ca };
  const keyOf = (text: string): Key[] => [parseKey(text) ?? []].flat().filter((key) => fits(key, place));
  const fitting = configs.flatMap((entries) =>
    inOrder(entries.flatMap(([text, entry]) => keyOf(text).map((key) => ({ key, text, entry })))).map(
      ({ entry }) => loginIn(entry),
    ),
  );
  const read = fitting.flatMap((login) => login ?? []);
  const isOwn = only !== undefined || (passwordFor !== undefined && isAt(passwordFor));
  const logins = [...read.filter((login) => login !== ""), ...(pair !== undefined && isOwn ? [pair] : [])];
  const onlyPodKnows =
    [...configs.flat().map(([text]) => text), ...helpers].some((text) => unlikeOthers.test(text)) ||
    helpers.some((text) => keyOf(text).length > 0) ||
    fitting.includes(undefined) ||
    (hasStore && logins.length === 0);
  return onlyPodKnows ? { unusable: true } : { logins, ca };
}

/** A key with what URLs may have, too, or with a set of characters: the Pod alone reads it. */
const unlikeOthers = /[%?#@\\]|[^/]\[/;

/** The port that the scheme has anyway does not count: it is the same server. */
function placeAt(url: string, repository: string): Place {
  const registry = parseRegistry(url);
  return { host: apiHost(hostOf(registry)), repository, usualPort: registry.plainHttp ? "80" : "443" };
}

function isUnder(repository: string, prefix: string | undefined): boolean {
  return prefix === undefined || `${repository}/`.startsWith(`${prefix}/`);
}

/** Undefined for one that cannot be used here: what is no login, and a token that is exchanged for another; empty where it has none. */
function loginIn(entry: unknown): string | undefined {
  if (typeof entry !== "object" || Array.isArray(entry)) return undefined;
  // As the agent reads it: names in any case, and each a text.
  const fields = Object.entries(entry ?? {}).map(
    ([name, value]) => [name.toLowerCase(), value ?? ""] as const,
  );
  const { auth, username, password, identitytoken, registrytoken } = Object.fromEntries(fields);
  const texts = [auth, username, password, identitytoken, registrytoken].filter(
    (value) => value !== undefined,
  );
  if (!texts.every((value) => typeof value === "string") || identitytoken) return undefined;
  if (isText(registrytoken)) return tokenForm.test(registrytoken) ? `Bearer ${registrytoken}` : undefined;
  if (isText(auth)) {
    if (!base64Form.test(auth.trim())) return undefined;
    // One character for each byte: a password need not be UTF-8.
    const pair = withoutEnd(Buffer.from(auth, "base64").toString("latin1"), "\0");
    return pair.includes(":") ? `Basic ${Buffer.from(pair, "latin1").toString("base64")}` : undefined;
  }
  return isText(username) || isText(password) ? basic(textOf(username), textOf(password)) : "";
}

const base64Form = /^[A-Za-z0-9+/\r\n]*=*$/;

/** What a header may have. */
const tokenForm = /^[\x21-\x7e]+$/;

function configIn(text: string, isLegacy: boolean): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return isLegacy ? { auths: value } : (value as Record<string, unknown>);
  } catch {
    return undefined;
  }
}

function objectIn(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function textOf(value: unknown): string {
  return isText(value) ? value : "";
}

/** Without the line break that editors leave at its end. */
function lineIn(text: string): string {
  return withoutEnd(text, "\r\n");
}

function withoutEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
