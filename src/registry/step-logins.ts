import { basic } from "../common/basic.ts";
import { matches, placeOf } from "./credentials.ts";

/** The Secret of a step, with the logins that its author gives it. */
export interface StepSecret {
  /** The entries of its docker configurations, by their keys; undefined for one that cannot be read. */
  readonly entries: readonly (readonly [key: string, entry: unknown])[];
  /** Places for which programs of the Pod's image are asked for the login. */
  readonly helpers: readonly string[];
  /** A program is asked for those that no entry is for. */
  readonly hasStore: boolean;
  /** User and password, for one registry. */
  readonly pair: string | undefined;
  /** The only registry that it is for, where it says so, with its prefix. */
  readonly only: string | undefined;
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
  const [user, password, only, ca, ...configs] = texts.map((text) =>
    text === undefined ? undefined : Buffer.from(text, "base64").toString(),
  );
  const found = configs.map((text, i) => (text === undefined ? {} : configIn(text, i === legacy)));
  if (found.includes(undefined)) return undefined;
  const registry = only?.trim().replace(/^https?:\/\//, "");
  return {
    entries: found.flatMap((config) => Object.entries(objectIn(config?.["auths"]))),
    helpers: found.flatMap((config) => Object.keys(objectIn(config?.["credHelpers"]))),
    hasStore: found.some((config) => Boolean(config?.["credsStore"])),
    pair: password ? basic(lineIn(user ?? ""), lineIn(password)) : undefined,
    only: registry ? placeOf(registry) : undefined,
    ca: ca || undefined,
  };
}

const keys = [
  "ORAS_USER",
  "ORAS_PULL_PASS",
  "registry",
  "ca.crt",
  ".dockercfg",
  ".dockerconfigjson",
  "config.json",
];
/** Where `.dockercfg` is among the configurations: it has the entries alone. */
const legacy = 0;

/**
 * The logins of a Secret for a repository.
 *
 * @param secret - as it was read
 * @param host - of the registry, where it is asked
 * @param repository - in it
 * @param passwordFor - the host that user and password are for, unless the Secret names another
 */
export function loginsFor(
  { entries, helpers, hasStore, pair, only, ca }: StepSecret,
  host: string,
  repository: string,
  passwordFor: string | undefined,
): StepLogins {
  const place = `${host}/${repository}`.toLowerCase();
  if (only !== undefined && !`${place}/`.startsWith(`${only.toLowerCase()}/`)) return { logins: [], ca };
  const fits = (key: string) => matches(placeOf(key).toLowerCase(), place);
  const fitting = entries
    .filter(([key]) => fits(key))
    .sort(([a], [b]) => placeOf(b).length - placeOf(a).length)
    .map(([, entry]) => loginIn(entry));
  const read = fitting.flatMap((login) => login ?? []);
  const own = pair !== undefined && (only !== undefined || host === passwordFor) ? [pair] : [];
  const logins = [...read.filter((login) => login !== ""), ...own];
  const onlyPodKnows = helpers.some(fits) || fitting.includes(undefined) || (hasStore && logins.length === 0);
  return onlyPodKnows ? { unusable: true } : { logins, ca };
}

/** Undefined for one that cannot be used here: what is no login, and a token that is exchanged for another; empty where it has none. */
function loginIn(entry: unknown): string | undefined {
  const { auth, username, password, identitytoken, registrytoken } = objectIn(entry);
  if (identitytoken || typeof entry !== "object") return undefined;
  if (isText(registrytoken)) return tokenForm.test(registrytoken) ? `Bearer ${registrytoken}` : undefined;
  if (isText(auth)) {
    const pair = withoutEnd(Buffer.from(auth, "base64").toString(), "\0");
    const colon = pair.indexOf(":");
    return colon < 0 ? undefined : basic(pair.slice(0, colon), pair.slice(colon + 1));
  }
  return isText(username) || isText(password) ? basic(textOf(username), textOf(password)) : "";
}

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
