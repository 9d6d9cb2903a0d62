import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { headerOption } from "#envoy/header-policy";
import { HeaderMutation } from "#gen/envoy/envoy/extensions/filters/http/header_mutation/v3/header_mutation";

const name = "contour.alt-svc";

/** How many seconds a client may remember that there is HTTP/3: a day, the default of RFC 7838. */
const maxAgeSeconds = 86_400;

/** Tells clients at which port the same host speaks HTTP/3 (RFC 7838, RFC 9114 section 3.1.1). What a backend says of itself is not true here. */
export const altSvc: Filter = {
  name,
  inListener: ({ http3Port }) => {
    if (http3Port === undefined) return undefined;
    const value = `h3=":${http3Port}"; ma=${maxAgeSeconds}`;
    return httpFilter(name, HeaderMutation, { mutations: { responseMutations: [{ action: { $case: "append", value: headerOption("alt-svc", value, "replace") } }] } });
  },
};
