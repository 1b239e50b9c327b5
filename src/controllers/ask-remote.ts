import { getCACertificates } from "node:tls";
import { sentenceOf } from "../kube/errors.ts";
import { forgetOldest } from "../kube/forget.ts";
import { digestOf } from "../registry/blobs.ts";
import {
  type RemoteHead,
  type RemoteManifest,
  type RemoteSettings,
  remoteHead,
  remoteManifest,
  type Way,
} from "../registry/remote-head.ts";
import type { Refused } from "../workflow/opening.ts";
import type { Granted, GrantedSecrets } from "./granted-secrets.ts";
import type { Asked } from "./heads.ts";
import { loginsFor, type StepSecret } from "./step-logins.ts";

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

/** Asks remote registries for manifests, as anybody where no Secret is named. */
export interface AskRemote {
  readonly ask: (url: string, repository: string, reference: string, by: By | undefined) => Promise<Asked>;
  /** Reads a manifest. */
  readonly manifest: (
    url: string,
    repository: string,
    digest: string,
    by: By | undefined,
  ) => Promise<RemoteManifest>;
  /** Why a registry is not asked by this Secret, without asking it. */
  readonly refusalOf: (url: string, repository: string, by: By) => Promise<Refused | undefined>;
}

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
  /**
   * Until when a login is not shown to a host again that has refused it. Each by itself: others of the same Secret are for other
   * repositories, or stand beside it.
   */
  const rests = new Map<string, number>();

  const knownOf = (
    url: string,
    repository: string,
    { namespace, name, passwordFor }: By,
    granted: Granted<StepSecret | undefined>,
  ): Known => {
    if ("missing" in granted) return { unknown: `the Secret ${name} with its login is not there` };
    if ("forbidden" in granted) {
      const unread = { namespace, name, because: granted.forbidden };
      return { refused: `the operator may not read the Secret ${name}`, unread };
    }
    const { host, protocol } = new URL(url);
    const known = granted.found && loginsFor(granted.found, url, repository, passwordFor);
    if (known === undefined || "unusable" in known) return forPod;
    const isInside = host.replace(/:\d+$/, "").endsWith(`.svc.${clusterDomain}`);
    // The Pod does not show it either.
    if (protocol === "http:" && !isInside && known.logins.length > 0) return forPod;
    return { ...known, by: `${namespace}/${name} ${host}` };
  };

  /** Asks with the logins of a Secret, unless they were refused a moment ago. */
  const follow = async <T extends object>(
    known: Known,
    ask: (...way: Way) => Promise<T>,
  ): Promise<T | Exclude<Known, Logins> | Denied> => {
    if (!("logins" in known)) return known;
    const { logins, ca, by } = known;
    const idOf = (login: string) => digestOf(Buffer.from(`${by} ${login}`));
    const shown = logins.filter((login) => (rests.get(idOf(login)) ?? 0) <= performance.now());
    if (shown.length === 0 && logins.length > 0) return { denied: "login" };
    return ask({ ...remote, ...withCa(ca) }, signal, shown, (login) => {
      const id = idOf(login);
      rests.delete(id);
      rests.set(id, performance.now() + restMs);
      forgetOldest(rests, mostRemembered);
    });
  };

  const read = ({ namespace, name }: By) => secrets.of(namespace, name, signal);
  const askBy = async (url: string, repository: string, reference: string, by: By): Promise<Asked> => {
    const granted = await read(by);
    const ask = (...way: Way) => remoteHead(url, repository, reference, ...way);
    const head = await follow(knownOf(url, repository, by, granted), ask);
    if (!("denied" in head)) return head;
    // It may be another one by now.
    secrets.forget(by.namespace, by.name);
    const now = await read(by);
    const isSame = "found" in now && "found" in granted && now.version === granted.version;
    const last = isSame ? head : await follow(knownOf(url, repository, by, now), ask);
    return toldOf(last, by.name);
  };

  return {
    ask: async (url, repository, reference, by) => {
      if (by === undefined) return toldOf(await remoteHead(url, repository, reference, remote, signal), "");
      return askBy(url, repository, reference, by).catch((error: unknown) => ({
        unknown: sentenceOf(error),
      }));
    },
    manifest: async (url, repository, digest, by) => {
      if (by === undefined) return remoteManifest(url, repository, digest, remote, signal);
      const ask = (...way: Way) => remoteManifest(url, repository, digest, ...way);
      return follow(knownOf(url, repository, by, await read(by)), ask);
    },
    refusalOf: async (url, repository, by) => {
      // Where the API server does not say, it is said when the registry would be asked.
      const granted = await read(by).catch(() => undefined);
      const known = granted && knownOf(url, repository, by, granted);
      return known && "refused" in known ? known : undefined;
    },
  };
}

/** By which logins a registry is asked, or why not. */
type Known = Refused | { readonly unknown: string } | Logins;

interface Logins {
  readonly logins: readonly string[];
  readonly ca: string | undefined;
  /** The Secret, and the host that its logins are shown to. */
  readonly by: string;
}

type Denied = Extract<RemoteHead, { readonly denied: unknown }>;

const forPod: Refused = { refused: "the Pod alone can use the login of its Secret" };

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
