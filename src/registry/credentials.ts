import { basic } from "../common/basic.ts";
import type { ImageReference } from "./reference.ts";

/** Which Secrets of a Pod may hold the password to its image's registry. */
export interface PullSecrets {
  readonly namespace: string;
  readonly names: readonly string[];
}

/** What could be read of them. */
export interface ReadSecrets {
  /** Texts of the key `.dockerconfigjson`. */
  readonly configs: readonly string[];
  /** Names of those that the operator may not read. */
  readonly forbidden: readonly string[];
}

interface Login {
  auth?: string;
  username?: string;
  password?: string;
}

/**
 * The `Authorization` that pull secrets have for an image: of the entries whose key names its registry, or the
 * longest part of its path, the one that the kubelet would take.
 *
 * @param configs - texts of the key `.dockerconfigjson`; what cannot be read has none
 * @param image - where it is
 * @returns undefined when there is none
 * @see https://kubernetes.io/docs/concepts/containers/images/#config-json
 */
export function authorizationFor(configs: readonly string[], image: ImageReference): string | undefined {
  const place = { host: apiHost(image.host), repository: image.repository };
  const [first] = inOrder(
    configs
      .flatMap((config) => Object.entries(loginsIn(config)))
      .flatMap(([text, login]) => {
        const key = parseKey(text);
        return key && isObject(login) && fits(key, place) ? { key, text, login } : [];
      }),
  );
  if (first === undefined) return undefined;
  const { auth, username = "", password = "" } = first.login;
  return auth ? `Basic ${auth}` : basic(username, password);
}

function loginsIn(config: string): Record<string, Login> {
  try {
    return (JSON.parse(config) as { auths?: Record<string, Login> }).auths ?? {};
  } catch {
    // The kubelet ignores it too; who looks at the image's refusal reads that a password is needed.
    return {};
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** Where something is asked for. */
export interface Place {
  /** With its port, unless it is the usual one. */
  readonly host: string;
  readonly repository: string;
  /** The port that a key may name although `host` does not; for the kubelet there is none. */
  readonly usualPort?: string;
}

/** What a key of a docker configuration is for, as the agent reads it: agent/internal/credentials/dockerconfig.go. */
export interface Key {
  readonly host: string;
  /** With a slash before it, or empty. */
  readonly path: string;
}

const keyForm = /^(\[[0-9a-fA-F:]*\](?::\d*)?|[^/:[\]]+(?::\d*)?)(\/.*)?$/s;

/**
 * Takes a key apart: it may be a URL, as docker writes them, with /v1/ or /v2/ after the host.
 *
 * @param key - of `auths`
 * @returns undefined for one that is for nothing
 */
export function parseKey(key: string): Key | undefined {
  const [, host, path = ""] = keyForm.exec(key.replace(/^https?:\/\//, "")) ?? [];
  if (host === undefined) return undefined;
  const inside = path.replace(/^\/v[12](?=\/|$)/, "");
  return { host: apiHost(host), path: inside === "/" ? "" : inside };
}

/** Docker Hub answers at another host than those that it is called by. */
export function apiHost(host: string): string {
  return /^(index\.|registry-1\.)?docker\.io(:443)?$/i.test(host) ? "registry-1.docker.io" : host;
}

/**
 * Whether a key is for a place, as the kubelet compares them: equal ports, as many names in the host, in which `*` stands for
 * any characters, and the path is what the repository begins with, wherever it ends.
 *
 * @see https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/credentialprovider/keyring.go
 */
export function fits(key: Key, { host, repository, usualPort }: Place): boolean {
  const [patterns, ownPort] = splitHost(key.host);
  const [names, port] = splitHost(host);
  return (
    (ownPort === usualPort ? "" : ownPort) === port &&
    patterns.length === names.length &&
    patterns.every((pattern, i) => isLike(names[i] ?? "", pattern)) &&
    `/${repository}`.startsWith(key.path)
  );
}

function splitHost(text: string): [names: readonly string[], port: string] {
  const port = /:\d*$/.exec(text.slice(text.lastIndexOf("]") + 1))?.[0] ?? "";
  const host = text.slice(0, text.length - port.length).replace(/^\[|\]$/g, "");
  return [host.toLowerCase().split("."), port.slice(1)];
}

/** In steps of at most the name's length for each `*`, whatever the pattern is. */
function isLike(name: string, pattern: string): boolean {
  const [first = "", ...others] = pattern.split("*");
  const last = others.pop();
  if (last === undefined) return name === pattern;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of others) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}

/** The nearest first, as the kubelet sorts them. */
export function inOrder<T extends { readonly key: Key; readonly text: string }>(found: readonly T[]): T[] {
  const sorted = ({ key, text }: T) => `${key.host}${key.path}\0${text}`;
  return found.toSorted((a, b) => (sorted(a) < sorted(b) ? 1 : -1));
}
