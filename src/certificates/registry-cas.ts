import { LRUCache } from "lru-cache";

/** Of a thousand caches, three each. */
const remembered = new LRUCache<string, Promise<string>>({ max: 4_000 });

/**
 * The CAs that who speaks to a cache's registry has to trust: what a registry shows was signed in this term or, if it was
 * not restarted since, in the one before; and who reads them now may still use them in the next.
 *
 * @param key - of the cache
 * @param now - the present
 * @returns PEM, the newest first
 */
export async function registryCas(key: string, now: Date): Promise<string> {
  // Loaded only where a registry serves TLS: it takes a tenth of a second.
  const { issueRegistryCa, termMs } = await import("./registry-ca.ts");
  const term = Math.floor(now.getTime() / termMs);
  const one = (number: number): Promise<string> => {
    const known = remembered.get(`${number} ${key}`);
    if (known !== undefined) return known;
    const made = issueRegistryCa(key, number);
    remembered.set(`${number} ${key}`, made);
    return made;
  };
  return (await Promise.all([one(term + 1), one(term), one(term - 1)])).join("");
}
