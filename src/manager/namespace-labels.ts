/** A series for each is kept for as long as the process runs, and some clusters make a namespace for each build. */
const mostNamespaces = 1_000;
/** All others. No namespace can have this name. */
const otherNamespaces = "<other>";

/**
 * Names of namespaces as values of a label, of which there may not be too many.
 *
 * @returns the first 1,000 names that it is asked for as they are, and one name for all others
 */
export function namespaceLabels(): (namespace: string) => string {
  const namespaces = new Set<string>();
  return (namespace) => {
    if (namespaces.size < mostNamespaces) namespaces.add(namespace);
    return namespaces.has(namespace) ? namespace : otherNamespaces;
  };
}
