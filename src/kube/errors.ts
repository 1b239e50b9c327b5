/** What an API server says when it does not do what it was asked. */
export interface StatusBody {
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { reason?: string; message?: string; field?: string }[];
  };
}

/** A request that the API server answered with an error. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  /** HTTP status. */
  readonly status: number;
  /** Kubernetes' word for it, such as `AlreadyExists`. */
  readonly reason: string;
  readonly body: StatusBody;

  /**
   * @param request - for messages: method and path
   * @param status - HTTP status
   * @param body - the Status object, empty if the answer was none
   */
  constructor(request: string, status: number, body: StatusBody) {
    super(`${request}: ${status} ${body.reason ?? ""}: ${body.message ?? "no message"}`);
    this.status = status;
    this.reason = body.reason ?? "";
    this.body = body;
  }
}

/**
 * Whether an error is an answer of the API server with one of these HTTP statuses.
 *
 * @param error - anything that was thrown
 * @param statuses - for example 404
 */
export function isStatus(error: unknown, ...statuses: number[]): error is KubeError {
  return error instanceof KubeError && statuses.includes(error.status);
}

/**
 * Whether an object could not be made because its namespace is being deleted: nothing to retry.
 *
 * @param error - anything that was thrown
 */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    isStatus(error, 403) &&
    (error.body.details?.causes?.some((cause) => cause.reason === "NamespaceTerminating") ?? false)
  );
}

/**
 * An error as one line: its message, and that of what caused it. Clients of HTTP hide the reason below.
 *
 * @param error - anything that was thrown
 */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const nested = error instanceof AggregateError ? error.errors[0] : error.cause;
  const own = error.message || (error as NodeJS.ErrnoException).code || error.name;
  return nested === undefined ? own : `${own}: ${sentenceOf(nested)}`;
}
