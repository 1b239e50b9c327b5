import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { names } from "../../schema/names.ts";
import { sentenceOf } from "../kube/errors.ts";
import { create, type KubeObject } from "../kube/objects.ts";
import { startReflector } from "../kube/reflector.ts";
import { resources } from "../kube/resources.ts";
import { watchTrouble } from "./log.ts";
import { type Process, untilEnded } from "./process.ts";

/** The key from which the passwords of all caches are made. */
export interface CacheKey {
  /** The key, as soon as it is known. It stays the same for the life of the process. */
  readonly first: Promise<string>;
  /** Settles when it is not watched any more. */
  readonly stopped: Promise<void>;
}

interface Secret extends KubeObject {
  data?: Record<string, string>;
}

const dataKey = "key";
const retryMs = 1_000;

/**
 * Reads the key from its Secret in the operator's namespace, and makes one where there is none: whichever replica is first.
 * A Secret that is deleted is made again with the same key, because every registry has passwords of it.
 *
 * @param self - the process
 * @param signal - ends it
 */
export function keepCacheKey({ client, log, options }: Process, signal: AbortSignal): CacheKey {
  const { namespace } = options;
  const first = Promise.withResolvers<string>();
  first.promise.catch(() => {});
  let key: string | undefined;
  let wake = () => {};

  const reflector = startReflector<Secret>({
    client,
    resource: resources.secrets,
    namespace,
    fieldSelector: `metadata.name=${names.cacheKeySecret}`,
    onChange: (_key, secret) => {
      use(secret);
      wake();
    },
    onTrouble: watchTrouble(log, resources.secrets),
    signal,
  });

  const use = (secret: Secret | undefined) => {
    const found = Buffer.from(secret?.data?.[dataKey] ?? "", "base64").toString();
    if (found === "") return;
    if (key !== undefined && key !== found) {
      log.error(
        { secret: `${namespace}/${names.cacheKeySecret}` },
        "the key of the caches was changed; restart all replicas of the operator to use it: every registry gets another password then",
      );
      return;
    }
    key = found;
    first.resolve(found);
  };

  const isThere = () => reflector.store.get(`${namespace}/${names.cacheKeySecret}`) !== undefined;

  const run = async () => {
    await reflector.synced.catch(() => {});
    const ended = untilEnded(signal);
    while (!signal.aborted) {
      const changed = Promise.withResolvers<void>();
      wake = changed.resolve;
      const waits = [changed.promise, ended];
      if (!isThere()) {
        // Another replica may be faster; the watch shows what it made.
        await make().catch((error: unknown) =>
          log.warn({ error: sentenceOf(error) }, "the key of the caches cannot be created, retrying"),
        );
        waits.push(delay(retryMs, undefined, { ref: false }));
      }
      await Promise.race(waits);
    }
    first.reject(signal.reason);
    await reflector.stopped;
  };

  const make = () =>
    create(client, resources.secrets, {
      metadata: {
        name: names.cacheKeySecret,
        namespace,
        labels: { "app.kubernetes.io/managed-by": names.operatorName },
      },
      type: "Opaque",
      immutable: true,
      stringData: { [dataKey]: key ?? randomBytes(32).toString("base64url") },
    } as KubeObject);

  return { first: first.promise, stopped: run() };
}
