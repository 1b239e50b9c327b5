import { names } from "../../schema/names.ts";
import type { AnnotationMap } from "../annotations/map.ts";
import { listed, type Result } from "../annotations/problems.ts";
import { parseReference, type Registry } from "../annotations/reference.ts";
import { hostsOf, type Settings } from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import type { Warning } from "../annotations/warning.ts";
import { writtenValues } from "../annotations/written.ts";
import type { Places } from "../cache/cache-at.ts";
import { type Connection, cacheConnection, inCluster } from "../cache/connection.ts";
import type { OrasCache } from "../cache/types.ts";
import type { Answers } from "./admission-types.ts";

/**
 * Finds a step's registry: the one that it names, else its cache's. Where each artifact names its own, that of the first:
 * such a step needs no cache.
 *
 * @param settings - what the step's author asked for
 * @param cache - the OrasCache of that name, if it exists already
 * @param namespace - the step's namespace
 * @param clusterDomain - for example `cluster.local`
 */
export function chooseRegistry(
  settings: Settings,
  cache: OrasCache | undefined,
  namespace: string,
  clusterDomain: string,
): Result<Connection> {
  if (settings.registry) return { ok: true, value: settings.registry };
  const [host] = hostsOf(settings) ?? [];
  if (host !== undefined && !needsCache(settings, cache))
    return { ok: true, value: { host, plainHttp: false } };
  return cacheConnection(settings.cache, cache, namespace, clusterDomain);
}

/**
 * Whether a step needs its OrasCache. Of one for a remote registry more counts than where artifacts are: how that registry
 * is spoken to, and that it gets the credentials.
 *
 * @param cache - the OrasCache, if it exists
 */
export function needsCache(settings: Settings, cache: OrasCache | undefined): boolean {
  if (settings.registry !== undefined) return false;
  return hostsOf(settings) === undefined || cache?.spec?.deploy === false;
}

/**
 * What to tell of a step that names the registry of another namespace's OrasCache: by default that is closed to it, to its
 * network and without a password.
 *
 * @param map - the step's annotations, as they are written
 * @param settings - what they say
 * @param namespace - the step's
 * @param places - which registries are those of OrasCaches
 * @returns one for all such OrasCaches
 */
export function warnAboutOthersCache(
  map: AnnotationMap,
  settings: Settings,
  namespace: string,
  { cacheOf, withoutPort }: Pick<Places, "cacheOf" | "withoutPort">,
): Warning[] {
  if (settings.orasEnv !== undefined) return [];
  const told = new Map<string, Warning>();
  for (const { path, ...registry } of registriesIn(map, settings)) {
    const owner = cacheOf(registry) ?? withoutPort(registry);
    if (owner === undefined || owner.namespace === namespace) continue;
    const which = `${owner.namespace}/${owner.name}`;
    const is = cacheOf(registry) ? "is" : `lacks the port ${names.registryPort} of`;
    const message = `${registry.host} ${is} the registry of ${names.kind} "${owner.name}" of namespace "${owner.namespace}", which by default asks for a password and lets no other namespace in: its spec.networkPolicy.from has to name this one, and ${annotations["oras-env"].key} a Secret with the login.`;
    if (!told.has(which)) told.set(which, { code: "CacheOfOthers", path, message });
  }
  const [first, ...others] = told.values();
  if (first === undefined || others.length === 0) return first ? [first] : [];
  const more = `${first.message} So ${others.length === 1 ? "is" : "are"} ${listed([...told.keys()].slice(1))}.`;
  return [{ ...first, message: more }];
}

const inNumbers = new Intl.Collator("en", { numeric: true });

/** Each registry that the annotations of a step name, with the annotation. */
function registriesIn(
  map: AnnotationMap,
  { registry, inputs, output, failure }: Settings,
): (Registry & { readonly path: string })[] {
  // What is refused is told already.
  const valid = new Set([...inputs, output, failure].flatMap((reference) => reference?.host ?? []));
  const written = valid.size === 0 ? [] : uris.flatMap((name) => writtenValues(map, name));
  const named = written.flatMap(({ key: path, value }) => {
    const { host } = parseReference(value);
    return host !== undefined && valid.has(host) ? [{ host, plainHttp: false, path }] : [];
  });
  return [
    ...(registry ? [{ ...registry, path: annotations.registry.key }] : []),
    ...named.sort((a, b) => inNumbers.compare(a.path, b.path)),
  ];
}

const uris = ["input-uri", "output-uri", "failure-uri"] as const;

/**
 * What to tell of a step that is printed, and not sent to an operator, which would give it the logins of its cache.
 *
 * @param connection - of the step
 * @param settings - what the step's author asked for
 * @param answers - which logins are not known
 */
export function warnAboutLogin(
  connection: Connection,
  { inputAs }: Settings,
  { loginUnknown = false, nodeLoginUnknown = false }: Answers,
): Warning[] {
  const forNodes = inputAs !== undefined && nodeLoginUnknown;
  if (!inCluster(connection) || !(loginUnknown || forNodes)) return [];
  const without = [
    ...(loginUnknown ? ["no container is given it"] : []),
    ...(forNodes ? ["no node that mounts the input is, which is refused then (ErrImagePull)"] : []),
  ].join(", and ");
  const command = `kubectl get ${names.singular} ${connection.cache} -o yaml`;
  const message = `the registry of ${names.kind} "${connection.cache}" asks for a password, and ${without}: only the operator knows the name of the Secret. Apply the object as it was, which the operator injects; or name with -f, too, what ${command} prints.`;
  return [{ code: "LoginUnknown", path: annotations["oras-cache"].key, message }];
}

/** What a restart takes beside the drain: the volume is detached and attached, which in a cloud takes a minute or two. */
const restartSeconds = 120;

/**
 * What to tell about the OrasCache of a step: one that does not exist yet, or whose registry may not be there in time.
 *
 * @param connection - of the step
 * @param settings - what the step's author asked for
 * @param cache - the OrasCache, if it exists
 * @param namespace - the step's
 */
export function warnAboutCache(
  connection: Connection,
  settings: Settings,
  cache: OrasCache | undefined,
  namespace: string,
): Warning[] {
  if (!inCluster(connection)) return [];
  const path = annotations["oras-cache"].key;
  if (cache === undefined) {
    const message = `${names.kind} "${connection.cache}" is not there yet in namespace "${namespace}": the step will wait for the registry that the operator runs for it; one with deploy: false must be there before its steps.`;
    return [{ code: "CacheNotFound", path, message }];
  }
  if (cache.spec?.suspend) {
    const message = `${names.kind} "${connection.cache}" is suspended: the step waits for its registry, for ${settings.timeoutSeconds} s at most.`;
    return [{ code: "CacheSuspended", path, message }];
  }
  const { storage, drainSeconds } = cache.spec ?? {};
  const restart = (drainSeconds ?? 0) + restartSeconds;
  // One in an emptyDir is not restarted by the operator.
  if (storage?.persistentVolumeClaim === undefined || settings.timeoutSeconds >= restart) return [];
  const message = `a restart of the registry of ${names.kind} "${connection.cache}" can take ${restart} s: it drains for ${drainSeconds ?? 0} s and its volume moves.`;
  return [{ code: "TimeoutTooShort", path: annotations.timeout.key, message }];
}
