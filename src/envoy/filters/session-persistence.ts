import { extension, packAny } from "#envoy/any";
import { toDuration } from "#envoy/duration";
import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { StatefulSession, StatefulSessionPerRoute } from "#gen/envoy/envoy/extensions/filters/http/stateful_session/v3/stateful_session";
import { CookieBasedSessionState } from "#gen/envoy/envoy/extensions/http/stateful_session/cookie/v3/cookie";
import { HeaderBasedSessionState } from "#gen/envoy/envoy/extensions/http/stateful_session/header/v3/header";
import type { TypedExtensionConfig } from "#gen/envoy/envoy/config/core/v3/extension";
import type { SessionPersistence } from "#model/policy";

const name = "envoy.filters.http.stateful_session";

/** Sends the requests of a session to one endpoint while that is there. */
export const sessionPersistence: Filter = {
  name,
  inListener: ({ sessions }) => (sessions === true ? httpFilter(name, StatefulSession, {}) : undefined),
  onRoute: ({ sessionPersistence: session }) => (session === undefined ? undefined : { [name]: packAny(StatefulSessionPerRoute, { override: { $case: "statefulSession", value: { sessionState: state(session) } } }) }),
};

function state(session: SessionPersistence): TypedExtensionConfig {
  if (session.kind === "header") return extension("envoy.http.stateful_session.header", HeaderBasedSessionState, { name: session.name });
  const { name: cookie, path, lifetimeMs } = session;
  return extension("envoy.http.stateful_session.cookie", CookieBasedSessionState, { cookie: { name: cookie, path, ...(lifetimeMs === undefined ? {} : { ttl: toDuration(lifetimeMs) }) } });
}
