/** The options that commands read manifests with, in the words of kubectl. */
export const filenameOption = [
  "-f, --filename <file...>",
  "files, folders (with the folders in them), http(s) URLs, or - for standard input",
] as const;

export const namespaceOption = [
  "-n, --namespace <namespace>",
  "namespace of the objects that do not say theirs",
  "default",
] as const;
