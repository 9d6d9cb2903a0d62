import type { CorsOrigin, CorsPolicy } from "#model/policy";
import type { HttpRouteFilter } from "#translate/gateway/api";
import { escapeRegex } from "#lib/regex";

/** How long browsers may keep a preflight's answer when the filter does not say it, in seconds. */
const defaultMaxAge = 5;

/** Reads a CORS filter. */
export function corsPolicy(cors: NonNullable<HttpRouteFilter["cors"]>): CorsPolicy {
  return {
    allowOrigins: (cors.allowOrigins ?? []).map(corsOrigin),
    allowMethods: cors.allowMethods ?? [],
    allowHeaders: cors.allowHeaders ?? [],
    exposeHeaders: cors.exposeHeaders ?? [],
    allowCredentials: cors.allowCredentials ?? false,
    allowPrivateNetwork: false,
    answerForeignPreflights: true,
    maxAgeSeconds: cors.maxAge ?? defaultMaxAge,
  };
}

/** An asterisk inside an origin stands for one or more labels of its host. */
function corsOrigin(origin: string): CorsOrigin {
  if (origin === "*") return { kind: "any" };
  if (!origin.includes("*")) return { kind: "exact", origin };
  return { kind: "regex", pattern: origin.split("*").map(escapeRegex).join("[^/:]+") };
}
