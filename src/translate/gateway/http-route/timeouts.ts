import { parseGoDuration } from "#lib/go-duration";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { RetryPolicy } from "#model/policy";
import type { ForwardAction } from "#model/route";
import type { HttpRouteRule } from "#translate/gateway/api";
import { unsupported } from "#translate/gateway/http-route/rule-problem";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";

/** The time limits and retries of a rule. */
export type Patience = Pick<ForwardAction, "responseTimeout" | "retry">;

/** Reads `timeouts` and `retry` of a rule. */
export function parsePatience(rule: Pick<HttpRouteRule, "timeouts" | "retry">): Result<Patience, RuleProblem> {
  const request = parseDuration(rule.timeouts?.request, "timeouts.request");
  if (!request.ok) return request;
  const backend = parseDuration(rule.timeouts?.backendRequest, "timeouts.backendRequest");
  if (!backend.ok) return backend;
  if (isLonger(backend.value, request.value)) return fail(unsupported("timeouts.backendRequest is longer than timeouts.request; shorten it"));
  const retry = parseRetry(rule.retry, backend.value);
  if (!retry.ok) return retry;
  // Without retries there is one backend request, so that the shorter limit is the one that counts.
  const ms = retry.value === undefined && backend.value !== undefined && backend.value > 0 ? backend.value : (request.value ?? (retry.value === undefined ? backend.value : undefined));
  return ok({
    ...(ms === undefined ? {} : { responseTimeout: ms === 0 ? ({ kind: "off" } as const) : ({ kind: "after", ms } as const) }),
    ...(retry.value === undefined ? {} : { retry: retry.value }),
  });
}

function isLonger(backend: number | undefined, request: number | undefined): boolean {
  return backend !== undefined && request !== undefined && request > 0 && backend > request;
}

/** Durations of Gateway API are those of Go, but neither negative nor fractional (GEP-2257). */
export function parseDuration(text: string | undefined, at: string): Result<number | undefined, RuleProblem> {
  if (text === undefined) return ok(undefined);
  const parsed = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/.test(text) ? parseGoDuration(text) : undefined;
  return parsed?.ok === true ? ok(parsed.value) : fail(unsupported(`${at}: ${JSON.stringify(text)} is not a duration; write one like 10s, 500ms or 1h30m`));
}

function parseRetry(retry: HttpRouteRule["retry"], perTryTimeoutMs: number | undefined): Result<RetryPolicy | undefined, RuleProblem> {
  if (retry === undefined) return ok(undefined);
  const backoff = parseDuration(retry.backoff, "retry.backoff");
  if (!backoff.ok) return backoff;
  return ok({
    on: "connect-failure,refused-stream,reset,retriable-status-codes",
    count: retry.attempts ?? 1,
    statusCodes: retry.codes ?? [],
    ...(perTryTimeoutMs === undefined || perTryTimeoutMs === 0 ? {} : { perTryTimeoutMs }),
    ...(backoff.value === undefined || backoff.value === 0 ? {} : { backOffBaseMs: backoff.value }),
  });
}
