import { getCACertificates } from "node:tls";
import { forgetOldest } from "../kube/forget.ts";
import { type RemoteHead, type RemoteSettings, remoteHead } from "../registry/remote-head.ts";
import { loginsFor, type StepSecret } from "../registry/step-logins.ts";
import type { Granted, GrantedSecrets } from "./granted-secrets.ts";
import type { Asked } from "./heads.ts";

/** What asking remote registries for artifacts needs: which hosts may be asked, and how. */
export interface AskRemoteSettings extends RemoteSettings {
  /** The Secrets of steps that the operator may read. */
  readonly secrets: GrantedSecrets<StepSecret | undefined>;
  /** For example `cluster.local`. */
  readonly clusterDomain: string;
}

/** The Secret of a step, and the host that a user and a password of it are for, if it is known. */
interface By {
  readonly namespace: string;
  readonly name: string;
  readonly passwordFor: string | undefined;
}

/** Asks a registry for a manifest, as anybody where no Secret is named. */
export type AskRemote = (
  url: string,
  repository: string,
  reference: string,
  by: By | undefined,
) => Promise<Asked>;

/** A registry that refuses a password may lock its user out after a few more. */
const restMs = 60_000;
const mostRemembered = 1_000;

/**
 * Asks remote registries, with the login of a step where its namespace lets the operator read that Secret.
 *
 * @param settings - see there
 * @param signal - ends it
 */
export function createAskRemote(settings: AskRemoteSettings, signal: AbortSignal): AskRemote {
  const { secrets, clusterDomain, ...remote } = settings;
  /** Until when a login is not shown to a host again that has refused it. */
  const rests = new Map<string, number>();

  const askBy = async (
    url: string,
    repository: string,
    reference: string,
    { namespace, name, passwordFor }: By,
    { found, version }: Readable,
  ): Promise<RemoteHead> => {
    const { host, protocol } = new URL(url);
    const known = found && loginsFor(found, host, repository, passwordFor);
    if (known === undefined || "unusable" in known) return forPod;
    const isInside = host.replace(/:\d+$/, "").endsWith(`.svc.${clusterDomain}`);
    // The Pod does not show it either.
    if (protocol === "http:" && !isInside && known.logins.length > 0) return forPod;
    const id = `${namespace}/${name} ${version} ${host}`;
    if ((rests.get(id) ?? 0) > performance.now()) return { denied: "login" };
    const head = await remoteHead(
      url,
      repository,
      reference,
      { ...remote, ...withCa(known.ca) },
      signal,
      known.logins,
    );
    if ("denied" in head && head.denied === "login") {
      rests.delete(id);
      rests.set(id, performance.now() + restMs);
      forgetOldest(rests, mostRemembered);
    }
    return head;
  };

  return async (url, repository, reference, by) => {
    if (by === undefined) return toldOf(await remoteHead(url, repository, reference, remote, signal), "");
    const { namespace, name } = by;
    const read = () => secrets.of(namespace, name, signal);
    try {
      const granted = await read();
      if ("missing" in granted) return { unknown: `the Secret ${name} with its login is not there` };
      if ("forbidden" in granted) {
        const unread = { namespace, name, because: granted.forbidden };
        return { refused: `the operator may not read the Secret ${name}`, unread };
      }
      const head = await askBy(url, repository, reference, by, granted);
      if (!("denied" in head)) return head;
      // It may be another one by now.
      secrets.forget(namespace, name);
      const now = await read();
      const isOther = "found" in now && now.version !== granted.version;
      return toldOf(isOther ? await askBy(url, repository, reference, by, now) : head, name);
    } catch {
      // The other words of the API server are in the log where others meet them.
      return { unknown: `the API server does not say what is in the Secret ${name}` };
    }
  };
}

type Readable = Extract<Granted<StepSecret | undefined>, { readonly version: string }>;

const forPod: RemoteHead = { refused: "the Pod alone can use the login of its Secret" };

function toldOf(head: RemoteHead, secret: string | undefined): Asked {
  if (!("denied" in head)) return head;
  return {
    unknown:
      head.denied === "login"
        ? `its registry refuses the login of the Secret ${secret}`
        : `its registry does not show it to the login of the Secret ${secret}`,
  };
}

/** Besides the well-known ones, as for the Pod. */
function withCa(ca: string | undefined): Pick<RemoteSettings, "ca"> {
  return ca === undefined ? {} : { ca: [...getCACertificates("default"), ca].join("\n") };
}
