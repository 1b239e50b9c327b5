import { LRUCache } from "lru-cache";

/** Answers that are remembered. All may read them; who brought one in pays for it with their part of the memory. */
export interface Memory<T extends object> {
  readonly get: (key: string) => T | undefined;
  readonly set: (key: string, value: T, owner: string, ttl?: number) => void;
}

interface Part {
  bytes: number;
  /** From the oldest on. */
  readonly keys: Set<string>;
}

/**
 * Remembers answers, counted in bytes: as many as fit, and of one owner as many as fit into its part.
 *
 * @param mostBytes - of all
 * @param parts - into how many parts they are divided: nobody can push others' answers out with more than one
 * @param bytesOf - how large an answer is
 */
export function createMemory<T extends object>(
  mostBytes: number,
  parts: number,
  bytesOf: (value: T) => number,
): Memory<T> {
  interface Entry {
    readonly value: T;
    readonly owner: string;
    readonly bytes: number;
  }
  const owners = new Map<string, Part>();
  const entries = new LRUCache<string, Entry>({
    maxSize: mostBytes,
    sizeCalculation: ({ bytes }) => bytes,
    dispose: ({ owner, bytes }, key) => {
      const part = owners.get(owner);
      if (part === undefined) return;
      part.bytes -= bytes;
      part.keys.delete(key);
      if (part.keys.size === 0) owners.delete(owner);
    },
  });
  return {
    get: (key) => entries.get(key)?.value,
    set: (key, value, owner, ttl) => {
      const bytes = bytesOf(value) + key.length;
      entries.delete(key);
      const { keys } = owners.get(owner) ?? { keys: new Set<string>() };
      for (const oldest of keys) {
        if ((owners.get(owner)?.bytes ?? 0) + bytes <= mostBytes / parts) break;
        entries.delete(oldest);
      }
      if (bytes > mostBytes / parts) return;
      const part = owners.get(owner) ?? { bytes: 0, keys: new Set() };
      part.bytes += bytes;
      part.keys.add(key);
      owners.set(owner, part);
      entries.set(key, { value, owner, bytes }, ttl === undefined ? {} : { ttl });
    },
  };
}
