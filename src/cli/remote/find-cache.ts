import { names } from "../../../schema/names.ts";
import { suggestion } from "../../annotations/nearest.ts";
import type { OrasCache } from "../../cache/types.ts";
import { isStatus } from "../../kube/errors.ts";
import { get } from "../../kube/objects.ts";
import { pathOf, resources } from "../../kube/resources.ts";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";
import { asCliError, missing, withRight } from "./rights.ts";
import type { Session } from "./session.ts";

/**
 * The caches of the session's namespace, or of all namespaces.
 *
 * @param session - of the person
 * @param everywhere - as kubectl's `-A`
 */
export async function listCaches(session: Session, everywhere = false): Promise<readonly OrasCache[]> {
  const namespace = everywhere ? undefined : session.namespace;
  const need = { verbs: ["list"], resource: names.plural, namespace };
  try {
    const { items } = await withRight(need, () =>
      session.client.request<{ items: OrasCache[] }>({ path: pathOf(resources.orasCaches, { namespace }) }),
    );
    return items;
  } catch (error) {
    throw isStatus((error as Error).cause, 404) ? notInstalled() : error;
  }
}

/**
 * The cache that a command is about: the one that it names, else the only one of the namespace.
 *
 * @param session - of the person
 * @param wanted - its name
 * @throws CliError where it is not there, or none is named and there are several
 */
export async function findCache(session: Session, wanted: string | undefined): Promise<OrasCache> {
  if (wanted === undefined) {
    const caches = await listCaches(session);
    if (caches.length === 0) await assertNamespace(session);
    return chooseCache(caches, session.namespace);
  }
  const found = await read(session, wanted);
  if (found !== undefined) return found;
  const known = (await listCaches(session)).map(nameOf);
  if (known.length === 0) await assertNamespace(session);
  const hint = known.length === 0 ? "it has none" : suggestion(wanted, known);
  const message = `There is no ${names.kind} "${wanted}" in the namespace ${session.namespace}; ${hint}`;
  throw new CliError(message, exits.notFound);
}

/**
 * Lists of a namespace that is not there are empty. Who may not look at namespaces is not told.
 *
 * @param session - of the person
 * @throws CliError where the namespace is not there
 */
export async function assertNamespace({ client, namespace }: Session): Promise<void> {
  const path = pathOf(resources.namespaces, { name: namespace });
  try {
    await client.request({ path });
  } catch (error) {
    if (isStatus(error, 403)) return;
    if (!isStatus(error, 404)) throw asCliError(error);
    const message = `There is no namespace ${namespace}. Name another one with -n, or the cluster with --context.`;
    throw new CliError(message, exits.notFound);
  }
}

async function read({ client, namespace }: Session, name: string): Promise<OrasCache | undefined> {
  try {
    return await get<OrasCache>(client, resources.orasCaches, { namespace, name });
  } catch (error) {
    const need = { verbs: ["get"], resource: names.plural, name, namespace, cache: name };
    throw isStatus(error, 403) ? missing(need, error) : asCliError(error);
  }
}

/**
 * The only one of a namespace's caches.
 *
 * @param caches - of the namespace
 * @param namespace - for messages
 */
export function chooseCache(caches: readonly OrasCache[], namespace: string): OrasCache {
  const [first, ...others] = caches;
  if (first === undefined) {
    const message = `The namespace ${namespace} has no ${names.kind}. Name another namespace with -n, or create one:

kubectl apply -n ${namespace} -f - <<EOF
apiVersion: ${names.apiVersion}
kind: ${names.kind}
metadata: { name: oras }
EOF`;
    throw new CliError(message, exits.notFound);
  }
  if (others.length === 0) return first;
  const list = caches.map(nameOf).join(", ");
  const message = `The namespace ${namespace} has several caches: ${list}. Name one with --cache.`;
  throw new CliError(message, exits.usage);
}

/** The name of an object. */
export function nameOf({ metadata }: OrasCache): string {
  return metadata?.name ?? "";
}

function notInstalled(): CliError {
  const message = `The cluster has no kind ${names.kind}: ${names.operatorName} is not installed there, or --context names another cluster.`;
  return new CliError(message, exits.notFound);
}
