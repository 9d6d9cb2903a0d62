/** An answer of the API server that is not a success. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  /** The machine-readable reason of the answer: `Expired`, `NotFound`, `Forbidden` … */
  readonly reason: string;
  /** How long the server asks us to wait. */
  readonly retryAfterMs: number;

  constructor(status: number, text: { readonly reason?: string; readonly message: string }, retryAfterMs = 0) {
    super(text.message);
    this.status = status;
    this.reason = text.reason ?? "";
    this.retryAfterMs = retryAfterMs;
  }
}

type StatusBody = { readonly message?: unknown; readonly reason?: unknown; readonly details?: { readonly retryAfterSeconds?: unknown } };

/** Reads an error from an answer's status, `Retry-After` header and body (a Status object, or any text). */
export function apiError(status: number, body: string, retryAfter: string | undefined): ApiError {
  const parsed = parseStatus(body);
  const seconds = Number(retryAfter ?? parsed.details?.retryAfterSeconds ?? 0);
  const message = typeof parsed.message === "string" ? parsed.message : body.slice(0, 300).trim() || `the API server answered ${status}`;
  return new ApiError(status, { message, ...(typeof parsed.reason === "string" ? { reason: parsed.reason } : {}) }, Number.isFinite(seconds) ? seconds * 1000 : 0);
}

function parseStatus(body: string): StatusBody {
  try {
    const json: unknown = JSON.parse(body);
    return typeof json === "object" && json !== null ? json : {};
  } catch {
    return {};
  }
}

/** The HTTP status of a failure; 0 where there was no answer at all. */
export function statusOf(error: unknown): number {
  return error instanceof ApiError ? error.status : 0;
}

/** How long the server asked to wait before the next attempt. */
export function retryAfterMs(error: unknown): number {
  return error instanceof ApiError ? error.retryAfterMs : 0;
}
