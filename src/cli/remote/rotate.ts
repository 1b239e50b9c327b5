import { names } from "../../../schema/names.ts";
import { currentUser } from "../../cache/logins.ts";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";
import { annotateNow } from "./annotate.ts";
import { findCache } from "./find-cache.ts";
import { openSession, type Where } from "./session.ts";

/**
 * Asks for another login of a cache.
 *
 * @param name - of the cache
 * @param where - of the command
 * @returns the line that says what was done
 */
export async function rotate(name: string, where: Where): Promise<string> {
  const session = await openSession(where);
  try {
    const cache = await findCache(session, name);
    if (cache.status?.credentialsSecret === undefined) {
      const message = `The registry of the cache ${name} asks for no password of the operator's: there is nothing to rotate.`;
      throw new CliError(message, exits.usage);
    }
    await annotateNow(session, name, names.rotateAnnotation);
    const user = currentUser(cache);
    const look = `kubectl ${session.kubectlOptions} get ${names.singular} ${name} -o jsonpath='{.status.auth}'`;
    return (
      `The cache ${name} gets another login. New Pods get it once every Pod of the registry knows it; ${user} stays valid for ` +
      `24 hours after that, and as long as Pods and Jobs have it. To see it: ${look}`
    );
  } finally {
    session.close();
  }
}
