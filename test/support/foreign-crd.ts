/** A kind of another product. */
interface ForeignKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** The name of its definition. */
export function foreignCrdName({ group, kind }: Pick<ForeignKind, "group" | "kind">): string {
  return `${pluralOf(kind)}.${group}`;
}

/**
 * A definition that stands for another product's: its objects may have anything in their spec.
 *
 * @param foreign - what it defines
 */
export function foreignCrd(foreign: ForeignKind): object {
  const { group, version, kind } = foreign;
  const spec = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  // What Kubernetes keeps for itself wants to be approved.
  const annotations = group.endsWith(".k8s.io") ? { "api-approved.kubernetes.io": "unapproved" } : undefined;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: foreignCrdName(foreign), ...(annotations && { annotations }) },
    spec: {
      ...{
        group,
        scope: "Namespaced",
        names: { kind, plural: pluralOf(kind), singular: kind.toLowerCase() },
      },
      versions: [
        {
          ...{ name: version, served: true, storage: true },
          schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
        },
      ],
    },
  };
}

function pluralOf(kind: string): string {
  return `${kind.toLowerCase()}s`;
}
