/** An answer of a registry that is an error. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  /** HTTP status. */
  readonly status: number;
  /** The registry's own codes, such as `MANIFEST_UNKNOWN`. */
  readonly codes: readonly string[];

  /**
   * @param request - method and path, for messages
   * @param status - HTTP status
   * @param body - of the answer
   */
  constructor(request: string, status: number, body: string) {
    const errors = errorsIn(body);
    const words = errors.map(({ code, message }) => [code, message].filter(Boolean).join(": ")).join("; ");
    super(`${request}: ${status}${words === "" ? "" : ` ${words}`}`);
    this.status = status;
    this.codes = errors.map(({ code = "" }) => code);
  }
}

interface OciError {
  readonly code?: string;
  readonly message?: string;
}

/** As the distribution specification has it; others answer with text, or nothing. */
function errorsIn(body: string): readonly OciError[] {
  try {
    const { errors } = JSON.parse(body) as { errors?: unknown };
    return Array.isArray(errors) ? (errors as OciError[]).filter((error) => error !== null) : [];
  } catch {
    const line = body.trim().split("\n")[0] ?? "";
    return line === "" ? [] : [{ message: line.slice(0, 200) }];
  }
}

/** A registry took a request, and says nothing. Another try would wait as long. */
export class SilentError extends Error {
  override readonly name = "SilentError";
}

/** What was read is not what its digest says. */
export class DigestError extends Error {
  override readonly name = "DigestError";
}

/**
 * Whether trying again may help: the connection broke, or the registry has a moment of weakness.
 *
 * @param error - whatever was thrown
 */
export function isPassing(error: unknown): boolean {
  if (error instanceof RegistryError) return error.status >= 500 || error.status === 429;
  if (error instanceof DigestError) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === "write" && code === "EPIPE") return true;
  return typeof code === "string" && passing.has(code);
}

/** Of connections. A name that is not found, or a certificate that is not trusted, stays so. */
const passing = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_STREAM_DESTROYED",
]);
