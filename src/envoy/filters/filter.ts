import type { HttpFilter } from "#gen/envoy/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager";
import type { Any } from "#gen/envoy/google/protobuf/any";
import type { JwtProvider } from "#model/policy";
import type { RoutePolicies } from "#model/route";
import type { EnvoySettings } from "#settings/envoy";

/** What decides which filters stand in front of a group of hosts. */
export interface ChainSettings {
  readonly jwtProviders: readonly JwtProvider[];
}

/** The policies of a route or of a virtual host that filters apply; those of the route replace those of the host. */
export type FilterPolicies = Pick<RoutePolicies, "cors" | "cookieRewrites" | "ipFilter" | "localRateLimit" | "globalRateLimit" | "jwt">;

/** One HTTP filter: how it stands in a listener, and what a host or route tells it. */
export interface Filter {
  readonly name: string;
  /** Absent where the filter stands in no listener by itself. */
  readonly inListener?: (chain: ChainSettings, settings: EnvoySettings) => HttpFilter | undefined;
  /** `host` is the name of the virtual host. */
  readonly onRoute?: (policies: FilterPolicies, host: string) => Any | undefined;
}
