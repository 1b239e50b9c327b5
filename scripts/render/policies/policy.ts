/** What a ValidatingAdmissionPolicy checks; `object` is null in it when an object is deleted. */
export interface Validation {
  readonly expression: string;
  readonly message?: string;
  /** CEL that gives the message; `message` is said where it fails. */
  readonly messageExpression?: string;
}

/** One policy, as a person would describe it. */
export interface PolicySpec {
  /** kubectl prints it before each message. */
  readonly name: string;
  /** `group/version/resource`, with an empty group for the core. */
  readonly resources: readonly {
    readonly group: string;
    readonly version: string;
    readonly resource: string;
  }[];
  readonly operations: readonly ("CREATE" | "UPDATE" | "DELETE" | "CONNECT")[];
  /** Conditions by name; where one is false, the policy has nothing to say. */
  readonly onlyIf: Readonly<Record<string, string>>;
  /** Expressions by name, evaluated when they are first used: `variables.name`. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly validations: readonly Validation[];
  readonly action: "Deny" | "Warn";
  /** What happens when an expression fails, for instance because it would cost too much. */
  readonly failurePolicy: "Fail" | "Ignore";
}

/**
 * A policy and the binding that puts it in force everywhere.
 *
 * @param spec - see there
 * @returns two objects of `admissionregistration.k8s.io/v1`, which Kubernetes has from 1.30 on
 */
export function policy(spec: PolicySpec): [object, object] {
  const apiVersion = "admissionregistration.k8s.io/v1";
  const metadata = { name: spec.name };
  return [
    {
      apiVersion,
      kind: "ValidatingAdmissionPolicy",
      metadata,
      spec: {
        failurePolicy: spec.failurePolicy,
        matchConstraints: {
          resourceRules: spec.resources.map(({ group, version, resource }) => ({
            apiGroups: [group],
            apiVersions: [version],
            operations: [...spec.operations],
            resources: [resource],
            // What the API server adds; without it `kubectl apply` says "configured" each time.
            scope: "*",
          })),
        },
        // The API server drops an empty list; with it `kubectl apply` says "configured" each time.
        ...(Object.keys(spec.onlyIf).length > 0 && { matchConditions: named(spec.onlyIf) }),
        ...(Object.keys(spec.variables ?? {}).length > 0 && { variables: named(spec.variables ?? {}) }),
        validations: spec.validations,
      },
    },
    {
      apiVersion,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata,
      spec: { policyName: spec.name, validationActions: [spec.action] },
    },
  ];
}

function named(expressions: Readonly<Record<string, string>>): { name: string; expression: string }[] {
  return Object.entries(expressions).map(([name, expression]) => ({ name, expression }));
}

/** A string as CEL writes it. */
export function quote(text: unknown): string {
  return JSON.stringify(String(text));
}

/** A list of strings as CEL writes it. */
export function list(values: readonly string[]): string {
  return `[${values.map(quote).join(", ")}]`;
}
