import type { TransportAnswer } from "#acme/transport";

const prefix = "urn:ietf:params:acme:error:";
/** What a server says is quoted up to this length. */
const longestDetail = 2000;

/** Why an ACME server does not do what it was asked, in its own words (RFC 8555, section 6.7). */
export class AcmeProblem extends Error {
  override readonly name = "AcmeProblem";
  /** `rateLimited`, `unauthorized` …; `unreachable` where there was no answer. */
  readonly type: string;
  /** When the server wants to be asked again; absent where it did not say. */
  readonly retryAfterMs?: number;
  /** Whether the same request may succeed later, with nothing done to the order. */
  readonly transient: boolean;

  constructor({ type, detail, retryAfterMs, transient = false }: { readonly type: string; readonly detail: string; readonly retryAfterMs?: number; readonly transient?: boolean }) {
    super(detail);
    this.type = type;
    this.transient = transient;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
  }
}

interface ProblemDocument {
  readonly type?: unknown;
  readonly detail?: unknown;
  readonly subproblems?: unknown;
  readonly identifier?: { readonly value?: unknown };
}

/** The problem of an answer. Only problem documents are quoted: what else a foreign server sends is nobody's business. */
export function problemOf(answer: TransportAnswer): AcmeProblem {
  const retryAfterMs = retryAfter(answer.headers["retry-after"]);
  const document = typeof answer.data === "object" && answer.data !== null ? (answer.data as ProblemDocument) : {};
  const known = typeof document.type === "string" && document.type.startsWith(prefix);
  const type = known ? String(document.type).slice(prefix.length) : `http${answer.status}`;
  return new AcmeProblem({ type, detail: known ? describeProblem(document) : `the server answers with HTTP status ${answer.status}`, transient: answer.status === 429 || answer.status >= 500, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}

/** A problem document in words, with what it says of single hosts. */
export function describeProblem({ type, detail, subproblems, identifier }: ProblemDocument): string {
  const own = typeof detail === "string" && detail !== "" ? detail : "no reason given";
  const kind = typeof type === "string" && type.startsWith(prefix) ? ` (${type.slice(prefix.length)})` : "";
  const host = typeof identifier?.value === "string" ? `${identifier.value}: ` : "";
  const inner = Array.isArray(subproblems) ? subproblems.slice(0, 10).map((part) => describeProblem((part ?? {}) as ProblemDocument)) : [];
  return `${host}${own}${kind}${inner.length === 0 ? "" : `; ${inner.join("; ")}`}`.replaceAll(/\s+/g, " ").slice(0, longestDetail);
}

/** Reads a Retry-After header (RFC 9110, section 10.2.3) that counts seconds. */
export function retryAfter(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,8}$/.test(text) ? Number(text) * 1000 : undefined;
}
