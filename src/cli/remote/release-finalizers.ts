import { names } from "../../../schema/names.ts";
import type { StoredOrasCache } from "../../cache/types.ts";
import type { Connection } from "../../kube/agent.ts";
import { createClient, type KubeClient } from "../../kube/client.ts";
import { connect } from "../../kube/connection.ts";
import { isStatus } from "../../kube/errors.ts";
import { changeFinalizers } from "../../kube/finalizers.ts";
import { listed } from "../../kube/list.ts";
import { get, keyOf } from "../../kube/objects.ts";
import { resources } from "../../kube/resources.ts";
import { exits } from "../exits.ts";
import { CliError, reasonOf } from "../output.ts";
import { asCliError } from "./rights.ts";
import { openSession } from "./session.ts";

const operators: readonly string[] = [names.exportFinalizer, names.emptyFinalizer];

/**
 * Takes the operator's finalizers off all OrasCaches, and leaves those of others. Nobody else does it once the operator has
 * gone; while it is there, it would put them back, and what is being exported would be lost.
 *
 * @param context - of the kubeconfig; without, the ServiceAccount of this Pod, or the kubeconfig's current context
 * @param print - a line about each OrasCache, and one at the end
 * @throws CliError where the operator is installed, or the API server refuses or does not answer
 */
export async function releaseFinalizers(
  context: string | undefined,
  print: (line: string) => void,
): Promise<void> {
  const client = createClient(await connection(context));
  try {
    await refuseBesideOperator(client);
    const released = await releaseAll(client, print);
    print(`${released} ${released === 1 ? names.kind : `${names.kind}s`} had finalizers of the operator.`);
  } catch (error) {
    throw asCliError(error);
  } finally {
    client.close();
  }
}

async function connection(context: string | undefined): Promise<Connection> {
  if (context !== undefined) return (await openSession({ context })).connection;
  try {
    return await connect();
  } catch (error) {
    throw new CliError(`kubeconfig: ${reasonOf(error)}`, exits.usage, { cause: error });
  }
}

async function refuseBesideOperator(client: KubeClient): Promise<void> {
  const resource = resources.mutatingWebhookConfigurations;
  const name = names.webhookConfiguration;
  if ((await get(client, resource, { name })) === undefined) return;
  const message =
    `The operator is installed: there is the ${resource.kind} ${name}. It takes its finalizers off by itself, and would put ` +
    "them back. Uninstall it first.";
  throw new CliError(message, exits.failed);
}

async function releaseAll(client: KubeClient, print: (line: string) => void): Promise<number> {
  let released = 0;
  try {
    for await (const cache of listed<StoredOrasCache>(client, resources.orasCaches, {}))
      if (await release(client, cache, print)) released += 1;
  } catch (error) {
    // The CustomResourceDefinition has gone, and all OrasCaches with it.
    if (!isStatus(error, 404)) throw error;
  }
  return released;
}

/** Says whether there was something to take off. */
async function release(
  client: KubeClient,
  cache: StoredOrasCache,
  print: (line: string) => void,
): Promise<boolean> {
  const all: readonly string[] = cache.metadata?.finalizers ?? [];
  const others = all.filter((each) => !operators.includes(each));
  if (others.length === all.length) return false;
  const change = await changeFinalizers(client, resources.orasCaches, cache, others);
  if (change === "written") print(lineOf(cache));
  if (change !== "changed meanwhile") return change === "written";
  const { namespace, name } = cache.metadata ?? {};
  const now = await get<StoredOrasCache>(client, resources.orasCaches, { namespace, name });
  return now !== undefined && release(client, now, print);
}

/** What was being deleted has gone by this, and somebody may have waited for an export. */
function lineOf(cache: StoredOrasCache): string {
  const { finalizers = [], deletionTimestamp } = cache.metadata ?? {};
  const key = keyOf(cache);
  if (deletionTimestamp === undefined) return `${key}: finalizers taken off`;
  const undone = [
    ...(finalizers.includes(names.exportFinalizer) ? ["its artifacts were not all exported"] : []),
    ...(finalizers.includes(names.emptyFinalizer) ? ["its folder of the bucket was not emptied"] : []),
  ];
  return `${key}: finalizers taken off, and it goes: ${undone.join(", and ")}`;
}
