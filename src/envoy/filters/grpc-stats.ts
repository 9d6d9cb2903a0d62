import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { FilterConfig } from "#gen/envoy/envoy/extensions/filters/http/grpc_stats/v3/config";

const name = "envoy.filters.http.grpc_stats";

/** Counts gRPC calls by their own status. */
export const grpcStats: Filter = { name, inListener: () => httpFilter(name, FilterConfig, { emitFilterState: true, enableUpstreamStats: true }) };
