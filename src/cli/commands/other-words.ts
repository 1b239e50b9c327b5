/** What commands are called in docker, oras, git and kubectl: the nearest of our names may be the opposite. */
export const otherWords: ReadonlyMap<string, string> = new Map([
  ...["pull", "download", "fetch"].map((word) => [word, "get"] as const),
  ...["push", "upload"].map((word) => [word, "put"] as const),
  ...["delete", "remove", "rmi"].map((word) => [word, "rm"] as const),
  ...["copy", "tag"].map((word) => [word, "cp"] as const),
  ...["list", "images"].map((word) => [word, "ls"] as const),
  ...["show", "read"].map((word) => [word, "cat"] as const),
  ...["describe", "info"].map((word) => [word, "status"] as const),
]);
