import { createHash } from "node:crypto";
import { createSlots } from "../common/slots.ts";
import type { Reach } from "./addresses.ts";
import type { PullSecrets, ReadSecrets } from "./credentials.ts";
import { createAgents } from "./http.ts";
import { createMemory } from "./memory.ts";
import { LookupError, sentenceFor } from "./outcome.ts";
import { fetchProgram, type ImageProgram, sizeOf } from "./program.ts";
import type { Proxies } from "./proxy.ts";
import { parseImage } from "./reference.ts";

/** What is known of an image: its program, or why that is not known. */
export type Looked = { readonly program: ImageProgram } | { readonly unknown: string };

/** Finds what images run. */
export type Lookup = (image: string, architecture: string, secrets?: PullSecrets) => Promise<Looked>;

/** What a lookup works with. */
export interface LookupSettings {
  /** CAs instead of the well-known ones, PEM. */
  readonly ca?: string;
  /** Which hosts may be asked; without it, those at public addresses. */
  readonly reach?: Reach;
  /** As `HTTPS_PROXY` and `NO_PROXY` have them; without it, no proxy is used. */
  readonly proxies?: Proxies;
  /** Reads pull secrets; without it, registries are asked as anybody may. */
  readonly readSecrets?: (secrets: PullSecrets, signal: AbortSignal) => Promise<ReadSecrets>;
  /** How long it is remembered what a tag stands for; without it, a minute. */
  readonly tagMs?: number;
  /** Called with what the step's author does not see: the host that a lookup asked, and the answer. */
  readonly onUnknown?: (image: string, detail: string) => void;
}

/** Less than the API server waits for the webhook's answer. */
const longestMs = 5_000;
/** For a turn, so that there is time left to ask. */
const longestWaitMs = 3_000;
/** A tag may be moved; a digest does not change. */
const usualTagMs = 60_000;
const mostBytesRemembered = 4 * 2 ** 20;
/** Together they hold this many answers of registries at most. */
const mostAtOnce = 16;
const mostWaiting = 256;
/** A namespace gets one of them, of places and of memory: its Pods choose whom the operator waits for. */
const parts = 4;
const noSecrets: PullSecrets = { namespace: "", names: [] };
const publicOnly: Reach = { allowedHosts: new Set(), clusterNetworks: () => [] };

/**
 * A lookup that remembers. It never fails: what cannot be known is said in words.
 *
 * @param settings - see there
 */
export function createLookup(settings: LookupSettings = {}): Lookup {
  const remembered = createMemory(mostBytesRemembered, parts, sizeOf);
  const asking = new Map<string, Promise<Looked>>();
  const slots = createSlots(
    { most: mostAtOnce, mostWaiting, parts },
    () =>
      new LookupError("busy", `${mostAtOnce} lookups are running, or ${mostAtOnce / parts} of the namespace`),
  );
  return async (image, architecture, secrets = noSecrets) => {
    // What one namespace may know is kept from another.
    const owner = secrets.names.length > 0 ? secrets : undefined;
    const key = createHash("sha256")
      .update(JSON.stringify([architecture, image, owner]))
      .digest("base64");
    const program = remembered.get(key);
    if (program !== undefined) return { program };
    // Nobody waits where another namespace has its turn.
    const { namespace } = secrets;
    const turn = `${namespace} ${key}`;
    const asked = asking.get(turn);
    if (asked !== undefined) return asked;
    const signal = AbortSignal.timeout(longestMs);
    const ask = () => look(image, architecture, secrets, settings, signal);
    const answer = slots(namespace, ask, AbortSignal.timeout(longestWaitMs))
      .then((found) => {
        const { tagMs = usualTagMs } = settings;
        remembered.set(key, found, namespace, parseImage(image)?.isDigest ? undefined : tagMs);
        return { program: found };
      })
      .catch((error: unknown) => {
        settings.onUnknown?.(image, detailOf(error, signal));
        return { unknown: toldTo(error) };
      })
      .finally(() => asking.delete(turn));
    asking.set(turn, answer);
    return answer;
  };
}

async function look(
  image: string,
  architecture: string,
  secrets: PullSecrets,
  { ca, reach = publicOnly, proxies = {}, readSecrets }: LookupSettings,
  signal: AbortSignal,
): Promise<ImageProgram> {
  const reference = parseImage(image);
  if (reference === undefined) throw new LookupError("notAName", "not a reference");
  const read = secrets.names.length > 0 ? await readSecrets?.(secrets, signal) : undefined;
  const agents = createAgents();
  try {
    const registries = { signal, reach, proxies, agents, ...(ca === undefined ? {} : { ca }) };
    return await fetchProgram(reference, architecture, registries, read?.configs);
  } catch (error) {
    throw read && read.forbidden.length > 0 ? new ForbiddenSecretsError(read.forbidden, error) : error;
  } finally {
    agents.close();
  }
}

/** A lookup failed, and some of the Pod's passwords could not be read. */
class ForbiddenSecretsError extends Error {
  override readonly name = "ForbiddenSecretsError";
  readonly secrets: readonly string[];

  constructor(secrets: readonly string[], cause: unknown) {
    super("without the Pod's imagePullSecrets", { cause });
    this.secrets = secrets;
  }
}

function toldTo(error: unknown): string {
  if (error instanceof ForbiddenSecretsError) {
    const secrets = error.secrets.join(", ");
    return `${toldTo(error.cause)}; the operator may not read the Pod's imagePullSecrets ${secrets}`;
  }
  return sentenceFor(error instanceof LookupError ? error.reason : "noAnswer");
}

function detailOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return `no answer within ${longestMs / 1000} s`;
  const cause = error instanceof ForbiddenSecretsError ? error.cause : error;
  return cause instanceof Error
    ? cause.message || String((cause as NodeJS.ErrnoException).code)
    : String(cause);
}
