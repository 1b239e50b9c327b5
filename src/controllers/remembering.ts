import { names } from "../../schema/names.ts";
import { secondsOf } from "../annotations/duration.ts";
import { memoKey } from "../cache/access.ts";
import { identityOf } from "../cache/owner.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { openedStatement, unsignedStatement } from "../memo/entry.ts";
import type { Remembering } from "../retention/facts.ts";

/** As the schema's default, for a cache whose spec says nothing of workflows. */
const ownKeepFor = "168h";

/**
 * What retention has to know of a cache's entries of memoization.
 *
 * @param cache - whose
 * @param operatorKey - what entries are signed with is made from it; who has none takes them at their word
 */
export function rememberingOf(cache: StoredOrasCache, operatorKey: string | undefined): Remembering {
  const { namespace, name, uid } = identityOf(cache);
  const { repository = names.memoRepository, keepFor = ownKeepFor } = cache.spec.workflow?.memo ?? {};
  const { memo: state } = cache.status ?? {};
  return {
    repository,
    keepFor: secondsOf(keepFor) * 1000,
    openEntry: ({ said, signature }) => {
      if (operatorKey === undefined) return unsignedStatement(said, state);
      const secret = memoKey(operatorKey, { namespace, name });
      const statement = openedStatement(said, signature, { namespace, name, uid, secret, state });
      return "because" in statement ? undefined : statement;
    },
  };
}
