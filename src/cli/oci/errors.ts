/** An answer of a registry that is an error. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  /** HTTP status. */
  readonly status: number;
  /** The registry's own codes, such as `MANIFEST_UNKNOWN`. */
  readonly codes: readonly string[];
  /** How long the registry asks to wait before another try, in milliseconds. */
  readonly waitMs: number;

  /**
   * @param request - method and path, for messages
   * @param status - HTTP status
   * @param body - of the answer
   * @param retryAfter - its header `Retry-After`
   */
  constructor(request: string, status: number, body: string, retryAfter?: string) {
    const errors = errorsIn(body);
    const words = errors.map(({ code, message }) => [code, message].filter(Boolean).join(": ")).join("; ");
    super(`${request}: ${status}${words === "" ? "" : ` ${words}`}`);
    this.status = status;
    this.codes = errors.map(({ code = "" }) => code);
    this.waitMs = msOf(retryAfter);
  }
}

/** What a registry can ask for; the agent waits no longer either. */
const longestWaitMs = 60_000;

/** Seconds, or a date. @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 */
function msOf(retryAfter = ""): number {
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), longestWaitMs);
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
  if (error instanceof RegistryError) {
    // Of an upload's session, which replicas may not share; another try begins another one.
    const isForgotten = error.codes.includes("BLOB_UPLOAD_UNKNOWN");
    return error.status >= 500 || error.status === 429 || isForgotten;
  }
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
  "ERR_STREAM_WRITE_AFTER_END",
]);
