import { contentId } from "#lib/content-id";
import { isHeaderName } from "#lib/http-text";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import type { Origin } from "#model/origin";
import type { SessionPersistence } from "#model/policy";
import type { PathMatch } from "#model/route";
import type { HttpRouteRule } from "#translate/gateway/api";
import { unsupported } from "#translate/gateway/http-route/rule-problem";
import type { RuleProblem } from "#translate/gateway/http-route/rule-problem";
import { parseDuration } from "#translate/gateway/http-route/timeouts";

/** Reads `sessionPersistence` of a rule (GEP-1619). The session of a cookie with an absolute timeout ends then, and not before. */
export function parseSession(spec: HttpRouteRule["sessionPersistence"], origin: Origin): Result<SessionPersistence | undefined, RuleProblem> {
  if (spec === undefined) return ok(undefined);
  const lifetime = parseDuration(spec.absoluteTimeout, "sessionPersistence.absoluteTimeout");
  if (!lifetime.ok) return lifetime;
  // Rules must not share their sessions by accident.
  const name = spec.sessionName ?? contentId("contour-session", { ...origin }).replaceAll("/", "-");
  if (!isHeaderName(name)) return fail(unsupported(`sessionPersistence.sessionName ${JSON.stringify(name)} is not a name for a ${spec.type === "Header" ? "header" : "cookie"}`));
  if (spec.type === "Header") return ok({ kind: "header", name });
  return ok({ kind: "cookie", name, path: "/", ...(lifetime.value === undefined || lifetime.value === 0 ? {} : { lifetimeMs: lifetime.value }) });
}

/** A cookie goes with the requests that the rule matches, as far as a path can say that. */
export function sessionFor(session: SessionPersistence, match: PathMatch): SessionPersistence {
  return session.kind === "cookie" && match.kind !== "regex" ? { ...session, path: match.path } : session;
}
