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

const hub = /^(index\.)?docker\.io(?=$|\/)/;

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
  const place = `${image.host}/${image.repository}`;
  const [first] = configs
    .flatMap((config) => Object.entries(loginsIn(config)))
    .map(([key, login]) => ({ key: placeOf(key), login }))
    .filter(({ key, login }) => isObject(login) && matches(key, place))
    .sort((a, b) => b.key.length - a.key.length);
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

/** Where a key is for: it may be a URL, as docker writes them. */
export function placeOf(key: string): string {
  return key
    .replace(/^https?:\/\//, "")
    .replace(/(\/v[12])?\/?$/, "")
    .replace(hub, "registry-1.docker.io");
}

/** Whether a key, without what makes it a URL, is for a place. In it `*` stands for any one name of the host. */
export function matches(key: string, place: string): boolean {
  const [host = "", ...path] = key.split("/");
  const [placeHost = "", ...placePath] = place.split("/");
  const [names, placeNames] = [host.split("."), placeHost.split(".")];
  return (
    names.length === placeNames.length &&
    names.every((name, i) => name === placeNames[i] || name === "*") &&
    path.every((part, i) => part === placePath[i])
  );
}
