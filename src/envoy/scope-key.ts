import { extension } from "#envoy/any";
import { headerOption } from "#envoy/header-policy";
import type { HeaderMutation as Mutation } from "#gen/envoy/envoy/config/common/mutation_rules/v3/mutation_rules";
import type { TypedExtensionConfig } from "#gen/envoy/envoy/config/core/v3/extension";
import { ScopedRoutes_ScopeKeyBuilder } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import { HeaderMutation } from "#gen/envoy/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation";

/** The header in which Envoy notes, for itself, which scope a request belongs to: `<listener>|<host>`. */
export const scopeHeader = "x-contour-scope";
/** The header in which Envoy notes the host that a client asked for when it began TLS. */
export const sniHeader = "x-contour-sni";
/** The header in which Envoy notes what a connection is: wildcard hosts that may be reached over it and guards that it passes, `|*.example.com|jwt/idp-1f2e|`. */
export const chainHeader = "x-contour-chain";

/** How a wildcard host or a guard stands in that header. */
export function chainMark(fact: string): string {
  return `|${fact}|`;
}

/** Headers for Envoy's own use: backends never see them, and those that clients send never count. */
export const internalHeaders: readonly string[] = [scopeHeader, sniHeader, chainHeader];

/** What of a connection the choice of a scope depends on. */
export interface ScopeSource {
  /** The name under which the hosts of the connection are found. */
  readonly listener: string;
  /** The wildcard hosts that the connection's certificate is for; absent for plain connections. */
  readonly tlsWildcards?: readonly string[];
  /** The guards, by id, that requests of the connection pass. */
  readonly guards: readonly string[];
}

/** Notes the scope and the TLS facts of each request before its route is looked up. */
export function earlyHeaders({ listener, tlsWildcards, guards }: ScopeSource): TypedExtensionConfig {
  const scope = append(scopeHeader, `${listener.replaceAll("%", "%%")}|%REQ(:AUTHORITY)%`);
  // Without SNI there is nothing to write, and a client's own header would stay: so they are removed first.
  const removed: Mutation[] = internalHeaders.map((name) => ({ action: { $case: "remove", value: name } }));
  const tls = tlsWildcards === undefined ? [] : [append(sniHeader, "%REQUESTED_SERVER_NAME%")];
  return extension("envoy.http.early_header_mutation.header_mutation", HeaderMutation, { mutations: [...removed, scope, ...tls, ...chainFacts([...(tlsWildcards ?? []), ...guards])] });
}

function chainFacts(facts: readonly string[]): Mutation[] {
  return facts.length === 0 ? [] : [append(chainHeader, chainMark(facts.join("|")).replaceAll("%", "%%"))];
}

function append(name: string, value: string): Mutation {
  return { action: { $case: "append", value: headerOption(name, value, "replace") } };
}

/** Reads the scope from its header. What follows the first colon is the port that the client gave, and does not count. */
export const scopeKeyBuilder: ScopedRoutes_ScopeKeyBuilder = ScopedRoutes_ScopeKeyBuilder.fromPartial({
  fragments: [{ type: { $case: "headerValueExtractor", value: { name: scopeHeader, elementSeparator: ":", extractType: { $case: "index", value: 0 } } } }],
});
