import { packAny } from "#envoy/any";
import type { Filter } from "#envoy/filters/filter";
import { httpFilter } from "#envoy/filters/http-filter";
import { RBAC_Action as Action } from "#gen/envoy/envoy/config/rbac/v3/rbac";
import type { DeepPartial, Principal, RBAC as Rules } from "#gen/envoy/envoy/config/rbac/v3/rbac";
import { RBAC, RBACPerRoute } from "#gen/envoy/envoy/extensions/filters/http/rbac/v3/rbac";
import type { Any } from "#gen/envoy/google/protobuf/any";
import type { IpFilter } from "#model/policy";

const name = "envoy.filters.http.rbac";

/** Lets pass or refuses clients by their address. */
export const ipFilter: Filter = { name, inListener: () => httpFilter(name, RBAC, {}), onRoute: ({ ipFilter: filter }) => (filter === undefined ? undefined : { [name]: rules(filter) }) };

function rules(filter: IpFilter): Any {
  return packAny(RBACPerRoute, { rbac: { rules: addressRules(filter) } });
}

/** The same rules for connections of bytes and for requests. */
export function addressRules({ action, rules: ranges }: IpFilter): DeepPartial<Rules> {
  const policy = { permissions: [{ rule: { $case: "any" as const, value: true } }], principals: ranges.map(principal) };
  return { action: action === "allow" ? Action.ALLOW : Action.DENY, policies: { "ip-rules": policy } };
}

function principal({ source, address, prefixLength }: IpFilter["rules"][number]): DeepPartial<Principal> {
  const value = { addressPrefix: address, prefixLen: prefixLength };
  return { identifier: source === "peer" ? { $case: "directRemoteIp", value } : { $case: "remoteIp", value } };
}
