import type { V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { firstUser } from "../cache/logins.ts";
import { hostOf, isReady, startOf } from "../cache/pods.ts";
import { podServesTls } from "../cache/tls.ts";
import type { Trouble } from "../cache/trouble.ts";
import { forgetOldest } from "../kube/forget.ts";
import type { Enforced } from "../registry/enforced.ts";

/** Asks a registry, by its URL, whether it refuses who has no password. */
export type AskEnforced = (url: string, user: string) => Promise<Enforced>;

/** What is known of the registries of a cache, and when to look again where one did not answer. */
interface Enforcement {
  readonly trouble?: Trouble | undefined;
  readonly againInMs?: number | undefined;
}

const retryMs = 30_000;
const mostRemembered = 10_000;

/**
 * Asks each start of a registry once whether it enforces its password.
 *
 * @param ask - asks one
 * @returns (Pods of a cache whose registry is to ask for a password) => what is wrong, if anything
 */
export function createEnforcement(ask: AskEnforced): (pods: readonly V1Pod[]) => Promise<Enforcement> {
  const known = new Map<string, boolean>();
  return async (pods) => {
    const ready = pods.filter((pod) => isReady(pod) && pod.status?.podIP !== undefined);
    const asked = await Promise.all(
      ready.map(async (pod) => {
        // A registry that is started again may draw another of two schemes.
        const start = startOf(pod, names.registryContainer);
        const scheme = podServesTls(pod.spec) ? "https" : "http";
        const url = `${scheme}://${hostOf(pod)}:${names.registryPort}`;
        const answer = known.get(start) ?? (await ask(url, firstUser));
        if (answer !== undefined) known.set(start, answer);
        forgetOldest(known, mostRemembered);
        return { pod, answer };
      }),
    );
    const open = asked.find(({ answer }) => answer === false);
    if (open) return { trouble: notEnforced(open.pod.metadata?.name ?? "") };
    return asked.some(({ answer }) => answer === undefined) ? { againInMs: retryMs } : {};
  };
}

function notEnforced(pod: string): Trouble {
  const message =
    `The registry of Pod ${pod} answers without a password, although spec.auth asks for one. Look for variables that ` +
    "begin with REGISTRY_AUTH in spec.secrets.orasEnv, and whether spec.image is a registry that knows htpasswd.";
  return { reason: "AuthNotEnforced", message };
}
