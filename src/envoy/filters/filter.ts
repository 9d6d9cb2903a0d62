import type { HttpFilter } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { Any } from "#gen/envoy/google/protobuf/any";
import type { Guard } from "#model/listener";
import type { ExternalAuthorization, RateLimitService } from "#model/policy";
import type { RoutePolicies } from "#model/route";
import type { EnvoySettings } from "#settings/envoy";

/** What decides which filters stand in front of a group of hosts. */
export interface ChainSettings {
  /** What hosts of this chain ask for themselves. */
  readonly guards: readonly Guard[];
  /** Whether hosts without those guards come in here, too: then an authorization is asked only where a host says so. */
  readonly shared: boolean;
  /** The authorization of the whole listener. */
  readonly authorization?: ExternalAuthorization;
  readonly rateLimitService?: RateLimitService;
  /** Whether routes can keep sessions at one endpoint. */
  readonly sessions?: boolean;
  /** The port at which clients may ask the same hosts by HTTP/3. */
  readonly http3Port?: number;
}

/** Filters in front of nothing that needs one. */
export const plainChain: ChainSettings = { guards: [], shared: false };

/** The policies of a route or of a virtual host that filters apply; those of the route replace those of the host. */
export type FilterPolicies = Pick<RoutePolicies, "cors" | "cookieRewrites" | "ipFilter" | "localRateLimit" | "globalRateLimit" | "jwt" | "authorization" | "authorizationService" | "sessionPersistence" | "errorPages" | "maxRequestBytes">;

/** Where policies are. */
export interface PolicyPlace {
  readonly level: "host" | "route";
  /** The name of the virtual host. */
  readonly host: string;
  /** The authorization that only this host has, of all that share its connections. */
  readonly ownAuthorization?: string | undefined;
}

/** What filters are told about a host or route, by the name of the filter. */
export type PerFilterConfig = Readonly<Record<string, Any>>;

/** One HTTP filter, or several that belong together: how they stand in a listener, and what a host or route tells them. */
export interface Filter {
  readonly name: string;
  /** Absent where the filter stands in no listener by itself. */
  readonly inListener?: (chain: ChainSettings, settings: EnvoySettings) => HttpFilter | readonly HttpFilter[] | undefined;
  readonly onRoute?: (policies: FilterPolicies, place: PolicyPlace) => PerFilterConfig | undefined;
}
