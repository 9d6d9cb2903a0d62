/** An answer of an HTTP endpoint. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type: string;
}

/** What a page is asked. */
export interface PageRequest {
  readonly method: string;
  /** The parts of the path after the page's own, decoded. */
  readonly rest: readonly string[];
  readonly query: URLSearchParams;
}

/** Something that is served under a path, and everything below it. */
export interface Page {
  readonly path: string;
  /** One line for the list of pages. */
  readonly about: string;
  answer(request: PageRequest): Answer | Promise<Answer>;
}

/** Answers with plain text. */
export function text(body: string, status = 200): Answer {
  return { status, body: body.endsWith("\n") ? body : `${body}\n`, type: "text/plain; charset=utf-8" };
}

/** Answers with JSON. */
export function json(value: unknown, status = 200): Answer {
  return { status, body: `${JSON.stringify(value, undefined, 2)}\n`, type: "application/json" };
}
