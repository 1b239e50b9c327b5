import type { ExitCode } from "./exits.ts";

/** An error that is printed as one message, without a stack. */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  /**
   * @param message - what was found, where, and what to do
   * @param exitCode - what the command ends with
   * @param options - the error below
   */
  constructor(message: string, exitCode: ExitCode, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** What the codes of Node and of the system, and the sentences of fetch that have none, mean. Others are shown as they are. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "you have no permission",
  EPERM: "you have no permission",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is a file, not a folder",
  ELOOP: "its symbolic links lead to each other",
  EMFILE: "too many files are open",
  ENOSPC: "there is no space left",
  EDQUOT: "your quota is used up",
  EROFS: "the file system is read-only",
  EEXIST: "it is a file",
  ENAMETOOLONG: "its name is too long",
  EAI_AGAIN: "the name of the server cannot be looked up at the moment; is there a connection?",
  ENOTFOUND: "there is no server of that name",
  ECONNREFUSED: "the server refuses connections",
  ECONNRESET: "the server ended the connection",
  UND_ERR_SOCKET: "the server ended the connection",
  ETIMEDOUT: "the server does not answer",
  UND_ERR_CONNECT_TIMEOUT: "the server does not answer",
  EHOSTUNREACH: "the server cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  TimeoutError: "the server does not answer in time",
  ERR_INVALID_URL: "it is not a URL",
  "bad port": "web clients do not use this port; it belongs to another protocol",
  "URL scheme must be a HTTP(S) scheme": "it leads to a URL that is neither http nor https",
  "redirect count exceeded": "it leads to other URLs again and again",
  CERT_HAS_EXPIRED: "the certificate of the server has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "the certificate of the server is self-signed; NODE_EXTRA_CA_CERTS names a file with its CA",
  SELF_SIGNED_CERT_IN_CHAIN:
    "the certificate of the server is of an unknown CA; NODE_EXTRA_CA_CERTS names a file with it",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the certificate of the server is of an unknown CA; NODE_EXTRA_CA_CERTS names a file with it",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the certificate of the server is of an unknown CA; NODE_EXTRA_CA_CERTS names a file with it",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate of the server is for another name",
};

/**
 * Why something failed, as a clause without a full stop.
 *
 * @param error - whatever was thrown by Node, a system call or fetch
 */
export function reasonOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException;
    const known = reasons[code ?? ""] ?? reasons[at.name] ?? reasons[at.message];
    if (known !== undefined) return known;
    // Several addresses of one host were tried.
    if (at instanceof AggregateError && at.errors.length > 0) return reasonOf(at.errors[0]);
    if (!(at.cause instanceof Error)) return at.message;
  }
  return String(error);
}

const issues = "https://github.com/converged-computing/oras-operator/issues";
/** What only a mistake in a program throws. */
const mistakes = [TypeError, RangeError, ReferenceError, SyntaxError];

/**
 * What the person at the terminal reads when a command ends with an error: a sentence. Only a mistake of the program
 * itself comes with a stack, for the report of it.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!mistakes.some((mistake) => error instanceof mistake)) return ofSystem(error) ?? error.message;
  return `This is a mistake of oras-operator. Please report it with these lines: ${issues}\n${error.stack}`;
}

/** An error of a system call, such as `EPERM: operation not permitted, mkdir '/sys/x'`, in words. */
function ofSystem(error: NodeJS.ErrnoException & { readonly dest?: string }): string | undefined {
  const { code = "", path, dest } = error;
  const reason = reasons[code];
  if (reason === undefined || path === undefined) return undefined;
  return `${dest ?? path}: ${reason}.`;
}
