import type { Cursor } from "./words.ts";

/** Somebody waits with a finger on the key. */
const longestMs = 3_000;

/**
 * Asks for the names that may stand where the cursor is. What cannot be asked has none.
 *
 * @param cursor - see there
 */
export async function namesAt({ wanted, options }: Cursor): Promise<readonly string[]> {
  if ("words" in wanted) return wanted.words;
  const late = new Promise<readonly string[]>((resolve) => setTimeout(() => resolve([]), longestMs).unref());
  return Promise.race([late, asked(wanted.names, options).catch(() => [])]);
}

async function asked(
  names: Extract<Cursor["wanted"], { names: unknown }>["names"],
  options: Cursor["options"],
): Promise<readonly string[]> {
  switch (names) {
    case "file":
      return [];
    case "topic": {
      const { allTopics } = await import("../explain/topics.ts");
      return allTopics().map(({ name }) => name);
    }
    case "context": {
      const { contextNames } = await import("../../kube/kubeconfig.ts");
      return contextNames();
    }
    case "artifact":
    case "repository": {
      const { listNames } = await import("../remote/list.ts");
      const found = (await listNames(options)).map(({ repository, tag }) =>
        names === "artifact" ? `${repository}:${tag}` : repository,
      );
      return [...new Set(found)];
    }
    default:
      return ofCluster(names, options);
  }
}

async function ofCluster(names: "cache" | "namespace" | "subject" | "step", options: Cursor["options"]) {
  const { openSession } = await import("../remote/session.ts");
  const { listCaches, nameOf } = await import("../remote/find-cache.ts");
  const { pathOf, resources } = await import("../../kube/resources.ts");
  const session = await openSession(options);
  const { namespace, client } = session;
  const all = async (path: string) => {
    const { items } = await client.request<{ items: { metadata?: { name?: string } }[] }>({ path });
    return items.map(({ metadata }) => metadata?.name ?? "");
  };
  try {
    if (names === "namespace") return await all("/api/v1/namespaces");
    const caches = names === "step" ? [] : (await listCaches(session)).map(nameOf);
    if (names === "cache") return caches;
    const [jobs, pods] = await Promise.all([
      all(pathOf(resources.jobs, { namespace })),
      all(pathOf(resources.pods, { namespace })),
    ]);
    return [...caches, ...jobs.map((name) => `job/${name}`), ...pods.map((name) => `pod/${name}`)];
  } finally {
    session.close();
  }
}
