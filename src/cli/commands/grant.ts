import type { Command } from "commander";
import type { Where } from "../remote/session.ts";
import { cacheCommand } from "./remote.ts";

interface Options extends Where {
  readonly cache?: string;
}

/** `oras-operator grant`: what somebody needs to use these commands. */
export function grantCommand(): Command {
  return cacheCommand("grant", [
    "jane oras | kubectl apply -f -",
    "group:physics",
    "serviceaccount:ci:runner oras",
  ])
    .description("print the Role with which somebody can use a cache from their machine")
    .argument("<user>", "NAME, group:NAME or serviceaccount:NAMESPACE:NAME")
    .argument("[cache]", "name of the OrasCache, where the namespace has several")
    .action(async (user: string, cache: string | undefined, { cache: named, ...where }: Options) => {
      // Loaded here only: the other commands answer at once without it.
      const { openSession } = await import("../remote/session.ts");
      const { findCache } = await import("../remote/find-cache.ts");
      const { grantFor } = await import("../remote/grant.ts");
      const session = await openSession(where);
      try {
        process.stdout.write(grantFor(user, await findCache(session, cache ?? named), session.namespace));
      } finally {
        session.close();
      }
    });
}
