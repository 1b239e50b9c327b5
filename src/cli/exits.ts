/** What the commands end with, for scripts. */
export const exits = {
  /** What was asked for was not done, or what was checked is wrong. */
  failed: 1,
  /** The command was used wrongly, or a file or the kubeconfig cannot be read. */
  usage: 2,
  /** The cache, the artifact, the file in it or the object is not there. */
  notFound: 3,
  /** A right or a password is missing. */
  denied: 4,
  /** The cluster or the registry does not answer, or the connection was lost for good. */
  unreachable: 5,
  /** What was waited for did not come in time. */
  timedOut: 6,
} as const;

/** An exit code of the commands. */
export type ExitCode = (typeof exits)[keyof typeof exits];
