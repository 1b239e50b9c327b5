/** What a variable of a value stands for. */
interface Variable {
  readonly meaning: string;
}

/** What $(NAME) stands for in values whose format has variables: a field of the Pod, which the kubelet fills in. */
export const variables = {
  POD_NAME: { field: "metadata.name", meaning: "name of the Pod" },
  POD_NAMESPACE: { field: "metadata.namespace", meaning: "namespace of the Pod" },
  POD_UID: { field: "metadata.uid", meaning: "UID of the Pod" },
  NODE_NAME: { field: "spec.nodeName", meaning: "name of the node that the Pod runs on" },
  JOB_NAME: {
    field: "metadata.labels['batch.kubernetes.io/job-name']",
    meaning: "name of the Job that the Pod belongs to",
  },
  JOB_COMPLETION_INDEX: {
    field: "metadata.annotations['batch.kubernetes.io/job-completion-index']",
    meaning: "index of the Pod in an Indexed Job",
  },
} as const satisfies Record<string, Variable & { readonly field: string }>;

/** What $(NAME) stands for in the same values when the object is created, by another annotation of it. */
export const annotationVariables = {
  RUN: { annotation: "run", meaning: "value of the annotation run, filled in when the object is created" },
} as const satisfies Record<string, Variable & { readonly annotation: string }>;

export type VariableName = keyof typeof variables;

/** Matches each variable in a value that the kubelet fills in. */
export const variablePattern = patternOf(Object.keys(variables));

/** Matches each variable in a value as its author wrote it. */
export const writtenPattern = patternOf([...Object.keys(variables), ...Object.keys(annotationVariables)]);

function patternOf(known: readonly string[]): RegExp {
  return new RegExp(`\\$\\((${known.join("|")})\\)`, "g");
}

/**
 * Stands for a variable where the form of a value is checked: fine within a repository, a tag and a path, at the
 * front of one and twice in a row, and not in the name of a host.
 */
const sample = "a__a";

/** What a value with variables looks like to the pattern of its format. */
export function withoutVariables(value: string): string {
  return value.includes("$(") ? value.replaceAll(writtenPattern, sample) : value;
}
