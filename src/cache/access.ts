import { createHmac } from "node:crypto";
import type { V1PodSpec, V1StatefulSet } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { basic, encoded } from "../common/basic.ts";
import { currentUser, firstUser } from "./logins.ts";
import { onceName } from "./once-secret.ts";
import { registryIn } from "./pods.ts";
import { registryServiceName } from "./registry-service.ts";
import type { OrasCache } from "./types.ts";

/** Whether a registry asks for a password. */
export type AuthType = "htpasswd" | "none";

/** Which cache, before it may exist. */
export interface CacheName {
  readonly name: string;
  readonly namespace: string;
}

/**
 * The key of one cache, from which its passwords are made. It depends on nothing but the operator's key and the name of
 * the cache: so it is known before the cache exists, and a cache that is deleted and made again has the same one.
 *
 * @param operatorKey - the operator's, secret
 * @param cache - whose
 * @returns 43 characters, base64url
 */
export function cacheKey(operatorKey: string, { name, namespace }: CacheName): string {
  return derive(operatorKey, `cache/${namespace}/${name}`);
}

/**
 * The password of one user of a cache. The agent makes the same one from the same key.
 *
 * @param key - of the cache
 * @param user - such as `oras-1`
 */
export function passwordOf(key: string, user: string): string {
  return derive(key, `password/${user}`);
}

/**
 * What the operator shows to the keeper of a cache's registry. The agent makes the same one from the same key.
 *
 * @param key - of the cache
 */
export function keeperToken(key: string): string {
  return derive(key, "keeper");
}

/**
 * What tells one installation of the operator from others, in other clusters, and is no secret.
 *
 * @param operatorKey - the operator's, secret
 */
export function installationId(operatorKey: string): string {
  return derive(operatorKey, "installation").slice(0, 22);
}

/**
 * What entries of memoization are signed with, for one cache. It is not made from the cache's key: that is in a Secret of the
 * namespace, which Pods there can have.
 *
 * @param operatorKey - the operator's, secret
 * @param cache - whose
 */
export function memoKey(operatorKey: string, { name, namespace }: CacheName): string {
  return derive(operatorKey, `memo/${namespace}/${name}`);
}

function derive(key: string, purpose: string): string {
  return createHmac("sha256", key).update(purpose).digest("base64url");
}

/** The login of a cache, as its Secret has it. */
export interface CacheLogin {
  readonly username: string;
  readonly password: string;
  /** A docker configuration, as text. */
  readonly dockerConfig: string;
}

/**
 * What a user of a cache shows to its registry, as a header has it.
 *
 * @param key - of the cache
 * @param user - such as `oras-1`
 */
export function basicOf(key: string, user: string): string {
  return basic(user, passwordOf(key, user));
}

/** Whose login it is, and for whom beside Pods. */
export interface LoginOf {
  /** Such as `oras-1`. */
  readonly user: string;
  /** Under which name nodes reach the registry, if they do. */
  readonly nodeAddress?: string | undefined;
}

/**
 * A login of a cache.
 *
 * @param key - of the cache
 * @param cache - which
 * @param clusterDomain - for example `cluster.local`
 * @param of - see there
 */
export function cacheLogin(
  key: string,
  cache: CacheName,
  clusterDomain: string,
  { user: username, nodeAddress }: LoginOf,
): CacheLogin {
  const password = passwordOf(key, username);
  const entry = { username, password, auth: encoded(username, password) };
  const nodes = nodeAddress === undefined ? [] : [nodeAddress];
  const hosts = [...hostsOf(cache, clusterDomain), ...nodes];
  const auths = Object.fromEntries(hosts.map((host) => [host, entry]));
  return { username, password, dockerConfig: JSON.stringify({ auths }) };
}

/** Every name by which Pods reach the registry: entries of a docker configuration are found by the exact name. */
export function hostsOf({ name, namespace }: CacheName, clusterDomain: string): string[] {
  const ends = ["", `.${namespace}`, `.${namespace}.svc`, `.${namespace}.svc.${clusterDomain}`];
  // The first replica's own name, and those of the Services, whichever there are.
  return [`${name}-0.${name}`, name, registryServiceName(name)].flatMap((start) =>
    ends.map((end) => `${start}${end}:${names.registryPort}`),
  );
}

/** A cache whose login is to be known, and what it is made from. */
interface LoginFacts {
  readonly operatorKey: string;
  /** For example `cluster.local`. */
  readonly clusterDomain: string;
}

/**
 * The name of the Secret with a login of a cache.
 *
 * @param cache - which
 * @param facts - of the installation
 * @param of - see there
 */
export function loginSecretName(
  cache: CacheName,
  { operatorKey, clusterDomain }: LoginFacts,
  of: LoginOf,
): string {
  const login = cacheLogin(cacheKey(operatorKey, cache), cache, clusterDomain, of);
  return onceName(cache.name, "credentials", login);
}

/**
 * The name of the Secret with the key of a cache.
 *
 * @param key - its content
 * @param cache - name of the cache
 */
export function keySecretName(key: string, cache: string): string {
  return onceName(cache, "key", key);
}

/**
 * Whether the registry of a cache is to ask for a password. One that runs without, and whose spec does not say, stays
 * open: Pods that run have no password, and would lose their output.
 *
 * @param cache - as submitted or stored
 * @param live - its StatefulSet as it is
 * @param byDefault - what the installation wants
 */
export function authOf(cache: OrasCache, live: V1StatefulSet | undefined, byDefault: AuthType): AuthType {
  const { auth } = cache.spec ?? {};
  if (auth !== undefined) return auth.type;
  return live === undefined || asksForPassword(live) ? byDefault : "none";
}

/** Whether a StatefulSet is that of a registry that asks for a password. */
export function asksForPassword({ spec }: V1StatefulSet): boolean {
  return podAsksForPassword(spec?.template.spec);
}

/** Whether the registry in a Pod asks for a password, by the Pod's spec. */
export function podAsksForPassword(spec: V1PodSpec | undefined): boolean {
  return registryIn(spec)?.env?.some(({ name }) => name === authVariable) === true;
}

/** The registry asks for a password if it is set. */
export const authVariable = "REGISTRY_AUTH";

/**
 * The Secret with the login of a step's cache, or undefined where its registry asks for none. A cache that does not exist yet
 * may ask for one; one that the operator has not looked at yet will be as an ordinary one.
 *
 * @param cache - the OrasCache, if it exists
 * @param byDefault - what the installation wants
 * @param secretOf - names the Secret that the operator makes for a user
 */
export function loginOfStep(
  cache: OrasCache | undefined,
  byDefault: AuthType,
  secretOf: (user: string) => string,
): string | undefined {
  if (cache === undefined) return secretOf(firstUser);
  const secret = () => secretOf(currentUser(cache));
  const { spec, status } = cache;
  if (spec?.deploy === false) return undefined;
  if (spec?.auth?.type === "htpasswd") return secret();
  // Where nodes use the registry, the Secret in the status is another one, with the same login.
  if (status?.observedGeneration !== undefined)
    return status.credentialsSecret && spec?.nodeAddress ? secret() : status.credentialsSecret;
  return (spec?.auth?.type ?? byDefault) === "htpasswd" ? secret() : undefined;
}
