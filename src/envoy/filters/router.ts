import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { Router } from "#gen/envoy/envoy/extensions/filters/http/router/v3/router";

const name = "envoy.filters.http.router";

/** Sends requests on. */
export const router: Filter = { name, inListener: () => httpFilter(name, Router, {}) };
