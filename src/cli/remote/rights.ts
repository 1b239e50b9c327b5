import { isStatus, KubeError } from "../../kube/errors.ts";
import { exits } from "../exits.ts";
import { programName } from "../name.ts";
import { CliError, reasonOf } from "../output.ts";

/** Something that a command asks of the API server, in Kubernetes' words. */
export interface Need {
  /** Verbs that are needed. */
  readonly verbs: readonly string[];
  /** As a Role names it. */
  readonly resource: string;
  readonly name?: string | undefined;
  /** Undefined for all. */
  readonly namespace: string | undefined;
  /** Of the cache, where a Role can be printed for it. */
  readonly cache?: string | undefined;
}

/**
 * Runs what needs a right, and says in words which one is missing.
 *
 * @param need - the right
 * @param run - what needs it
 * @throws CliError where the API server refuses or does not answer
 */
export async function withRight<T>(need: Need, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw isStatus(error, 403) ? missing(need, error) : asCliError(error);
  }
}

/** The sentence about a right that is missing. */
export function missing({ verbs, resource, name, namespace, cache }: Need, cause?: unknown): CliError {
  if (namespace === undefined) {
    const message = `You have no right to ${verbs.join(" and ")} ${resource} in all namespaces. Name one with -n.`;
    return new CliError(message, exits.denied, { cause });
  }
  const what = `${resource}${name === undefined ? "" : ` "${name}"`}`;
  const grant = `${programName} grant USER${cache === undefined ? "" : ` ${cache}`} -n ${namespace}`;
  return new CliError(
    `You have no right to ${verbs.join(" and ")} ${what} in the namespace ${namespace}. ` +
      `Who administers the namespace can grant it: ${grant} prints the Role for kubectl apply -f -.`,
    exits.denied,
    { cause },
  );
}

/** An error of the API server or of the way to it, for the person at the terminal. */
export function asCliError(error: unknown): Error {
  if (error instanceof CliError) return error;
  if (!(error instanceof KubeError)) {
    return new CliError(`The API server cannot be asked: ${reasonOf(error)}.`, exits.unreachable, {
      cause: error,
    });
  }
  if (error.status === 401) {
    const message = "The API server does not know you (401): log in to the cluster again.";
    return new CliError(message, exits.denied, { cause: error });
  }
  const message = `The API server answers ${error.status}: ${error.body.message ?? error.reason}`;
  return new CliError(message, error.status === 404 ? exits.notFound : exits.failed, { cause: error });
}
