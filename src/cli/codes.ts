import { type ProblemCode, problemCatalogue } from "../annotations/problems.ts";
import { type WarningCode, warningCatalogue } from "../annotations/warning.ts";
import { programName } from "./name.ts";

/** What a code means and what to do about it. */
interface CodeEntry {
  readonly summary: string;
  readonly fix: string;
}

/** What only `validate` finds: admission sees one object at a time, and only what the API server could read. */
const ownCodes = {
  Unreadable: {
    summary: "A file cannot be read, or is not valid YAML.",
    fix: "Correct the file, or leave it out.",
  },
  NotAnObject: {
    summary: "A document is not a Kubernetes object: it has no apiVersion or no kind.",
    fix: "Add apiVersion and kind, or leave the file out.",
  },
  WebPage: {
    summary:
      "What was read is a web page that shows a manifest, or something else, and not the manifest itself.",
    fix: "Use the link to the raw file.",
  },
  TemplateNotRendered: {
    summary: "A file is a Helm template, which becomes a manifest only when Helm renders it.",
    fix: `Run helm template CHART | ${programName} validate -f -.`,
  },
  KustomizationNotRendered: {
    summary: "A kustomization changes its files, and these changes are not checked.",
    fix: `Run kubectl kustomize FOLDER | ${programName} validate -f -.`,
  },
  UnknownKind: {
    summary: "An object has a kind that its apiVersion does not have.",
    fix: "Correct the kind or the apiVersion.",
  },
  InvalidField: {
    summary: "A field has a value that the API server would refuse.",
    fix: "Correct the value.",
  },
  UnknownField: {
    summary: "An OrasCache has a field that does not exist.",
    fix: "Correct the name, or remove the field.",
  },
  SameObject: {
    summary:
      "Two objects of the same kind and namespace have the same name, so the later one replaces the first.",
    fix: "Rename one of them, or remove it.",
  },
  SameOutput: {
    summary: "Two steps push the same artifact, and the last push wins.",
    fix: "Give each output its own name or tag.",
  },
  InputCycle: {
    summary: "Steps read what each other pushes, in a circle, so none of them can be the first.",
    fix: "Correct the name or the tag of the input that closes the circle, or ignore this if it was pushed before and the steps do not wait for their inputs.",
  },
  InputNotMade: {
    summary: "A step reads an artifact that no step in the files pushes.",
    fix: "Correct the name or the tag, add the step that pushes it, or ignore this if it was pushed before.",
  },
  InputElsewhere: {
    summary:
      "A step reads an artifact from one registry or cache, and another step pushes it to a different one.",
    fix: "Give both steps the same registry or oras-cache annotation, or name the registry in the URI with oci://.",
  },
  CacheNotInFiles: {
    summary: "A step uses an OrasCache that the files do not have in its namespace.",
    fix: "Write the name of your OrasCache in oras-cache, add the OrasCache, or ignore this if it exists in the cluster.",
  },
  WaitsAtEachTick: {
    summary: "Jobs of a CronJob wait for inputs without an end, and each tick adds one.",
    fix: "Set concurrencyPolicy to Forbid or Replace, or add wait-timeout.",
  },
  WaitsInQuota: {
    summary:
      "Pods count in a ResourceQuota while they wait for inputs, and may keep out the step that pushes these.",
    fix: "Use Jobs whose inputs are the same for all their Pods, which wait suspended; or see that the quota has room for all that wait and for what they wait for.",
  },
  AlreadyInjected: {
    summary: "The object was exported from a cluster and has the containers that the operator added there.",
    fix: "Nothing has to be done: what is incomplete or outdated is removed and injected again. You can remove the added parts from the file.",
  },
} as const satisfies Record<string, CodeEntry>;

const page = "https://github.com/converged-computing/oras-operator/blob/main/docs/reference/errors.md";

/** Every code of a finding: what admission refuses, what it warns about, and what only `validate` finds. */
export const codes: Readonly<Record<FindingCode, CodeEntry>> = {
  ...problemCatalogue,
  ...warningCatalogue,
  ...ownCodes,
};

/** The stable code of a finding. */
export type FindingCode = ProblemCode | WarningCode | keyof typeof ownCodes;

/** Where the documentation explains a code. */
export function urlOf(code: FindingCode): string {
  return `${page}#${code.toLowerCase()}`;
}
