import { createHash } from "node:crypto";
import type { V1Secret } from "@kubernetes/client-node";
import { childMetadata, identityOf } from "./owner.ts";
import type { StoredOrasCache } from "./types.ts";

/**
 * The name of a Secret that is created once: the operator may create Secrets, not read or change them. It ends in a digest
 * of what the content is made from. So other content is another Secret, one that was left behind is not in the way, and
 * nobody else's has this name by accident.
 *
 * @param cache - name of the cache
 * @param purpose - such as `credentials`
 * @param from - what the content is made from
 */
export function onceName(cache: string, purpose: string, from: unknown): string {
  const digest = createHash("sha256").update(JSON.stringify(from)).digest("hex");
  return `${cache}-${purpose}-${digest.slice(0, 10)}`;
}

/**
 * Such a Secret.
 *
 * @param cache - its owner
 * @param name - of onceName
 * @param stringData - its content
 * @param type - as Kubernetes calls it
 */
export function onceSecret(
  cache: StoredOrasCache,
  name: string,
  stringData: Record<string, string>,
  type = "Opaque",
): V1Secret {
  const metadata = childMetadata(identityOf(cache), name);
  return { apiVersion: "v1", kind: "Secret", metadata, type, immutable: true, stringData };
}
