import type { KubeClient } from "./client.ts";
import { pathOf, type Resource } from "./resources.ts";

/** A page of a list. */
interface Page<T> {
  readonly items: readonly T[];
  readonly metadata?: { readonly continue?: string };
}

const pageSize = 500;

/**
 * The objects of a namespace, or of all, as the API server has them at this moment, a page at a time.
 *
 * @param client - of the API server
 * @param resource - their kind
 * @param which - of which namespace, if not of all, and with which labels or fields
 */
export async function* listed<T>(
  client: KubeClient,
  resource: Resource,
  which: {
    readonly namespace?: string;
    readonly labelSelector?: string;
    readonly fieldSelector?: string;
    readonly signal?: AbortSignal;
  },
): AsyncGenerator<T> {
  const { namespace, labelSelector, fieldSelector, signal } = which;
  let next: string | undefined;
  do {
    const page: Page<T> = await client.request<Page<T>>({
      path: pathOf(resource, { namespace }),
      query: { labelSelector, fieldSelector, limit: pageSize, continue: next },
      signal,
    });
    yield* page.items;
    next = page.metadata?.continue;
  } while (next);
}
