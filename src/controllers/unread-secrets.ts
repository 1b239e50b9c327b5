import { names } from "../../schema/names.ts";
import type { EventNote } from "../kube/events.ts";
import type { UnreadSecret } from "../workflow/opening.ts";

/**
 * That a step waits in its Pod because the operator may not read the Secret with its login, and what lets it.
 *
 * @param unread - the Secret
 */
export function noteOfUnread({ namespace, name, because }: UnreadSecret): EventNote {
  const role = `read-${name}`;
  const note = [
    `It waits for its inputs in its Pod, on a node: the operator may not read the Secret ${name}, with which it would ask their registry.`,
    `The owner of the namespace may let it: kubectl create role ${role} -n ${namespace} --verb=get --resource=secrets --resource-name=${name}`,
    `&& kubectl create rolebinding ${names.serviceAccount}-${role} -n ${namespace} --role=${role} ${subjectIn(because)}`,
  ].join(" ");
  return { type: "Normal", reason: "LoginNotReadable", action: "Wait", note };
}

/** As the API server names who asked: an installation may have another name, or be in another namespace. */
function subjectIn(because: string): string {
  const [, user] = /User "([^"\s]+)"/.exec(because) ?? [];
  const [, account] = /^system:serviceaccount:([^:]+:[^:]+)$/.exec(user ?? "") ?? [];
  if (account === undefined && user !== undefined) return `--user=${user}`;
  return `--serviceaccount=${account ?? `${names.operatorNamespace}:${names.serviceAccount}`}`;
}
