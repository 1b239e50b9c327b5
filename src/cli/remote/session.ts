import type { Connection } from "../../kube/agent.ts";
import { createClient, type KubeClient } from "../../kube/client.ts";
import { exits } from "../exits.ts";
import { CliError, reasonOf } from "../output.ts";

/** Which cluster and namespace a command is about, as for kubectl. */
export interface Where {
  readonly context?: string;
  readonly namespace?: string;
}

/** A connection to the API server, as the person at the terminal. */
export interface Session {
  readonly client: KubeClient;
  readonly connection: Connection;
  readonly namespace: string;
  /** Options of the same meaning for kubectl, to be written into commands. */
  readonly kubectlOptions: string;
  readonly close: () => void;
}

/**
 * Opens a session by the kubeconfig, as kubectl does.
 *
 * @param where - context and namespace that the command names
 * @throws CliError where there is no kubeconfig, or no such context in it
 */
export async function openSession({ context, namespace }: Where): Promise<Session> {
  const { connectByKubeconfig } = await import("../../kube/kubeconfig.ts");
  try {
    const found = connectByKubeconfig(context);
    const within = namespace ?? found.namespace ?? "default";
    const ofContext = context === undefined ? "" : `--context ${context} `;
    return {
      client: createClient(found.connection),
      connection: found.connection,
      namespace: within,
      kubectlOptions: `${ofContext}--namespace ${within}`,
      close: found.connection.close,
    };
  } catch (error) {
    throw new CliError(`kubeconfig: ${reasonOf(error)}`, exits.usage, { cause: error });
  }
}
