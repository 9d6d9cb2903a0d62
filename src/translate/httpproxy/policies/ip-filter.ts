import ipaddr from "ipaddr.js";
import { proxyError } from "#conditions/http-proxy";
import type { HttpProxyProblem } from "#conditions/http-proxy";
import type { FieldPath } from "#k8s/object";
import type { IpFilter } from "#model/policy";
import type { Parsed } from "#translate/shared/parsed";

type Rules = ReadonlyArray<{ readonly cidr: string; readonly source: string }>;

/** Reads ipAllowPolicy or ipDenyPolicy of a host or route; having both is an error. */
export function ipFilter(owner: { readonly ipAllowPolicy?: Rules; readonly ipDenyPolicy?: Rules }, at: FieldPath): Parsed<IpFilter> {
  const [allow, deny] = [owner.ipAllowPolicy ?? [], owner.ipDenyPolicy ?? []];
  if (allow.length > 0 && deny.length > 0) return { problems: [proxyError("IPFilterError", "IncompatibleIPAddressFilters", at, "ipAllowPolicy and ipDenyPolicy exclude each other; remove one of them")] };
  if (allow.length === 0 && deny.length === 0) return { problems: [] };
  const field = [...at, allow.length > 0 ? "ipAllowPolicy" : "ipDenyPolicy"];
  const problems: HttpProxyProblem[] = [];
  const rules = (allow.length > 0 ? allow : deny).flatMap((rule, i) => {
    const block = parseCidr(rule.cidr);
    if (block === undefined) problems.push(proxyError("IPFilterError", "InvalidCIDR", [...field, i, "cidr"], `${JSON.stringify(rule.cidr)} is neither an address nor a CIDR block; write one like 10.0.0.0/8 or 2001:db8::1`));
    return block === undefined ? [] : [{ source: rule.source === "Remote" ? ("remote" as const) : ("peer" as const), ...block }];
  });
  if (problems.length > 0) return { problems: [...problems, proxyError("IPFilterError", "IPFilterPolicyNotValid", field, "this filter has entries that cannot be read, so it cannot be enforced; see the other errors")] };
  return { problems, value: { action: allow.length > 0 ? "allow" : "deny", rules } };
}

function parseCidr(text: string): { readonly address: string; readonly prefixLength: number } | undefined {
  if (ipaddr.isValidCIDR(text)) {
    const [address, prefixLength] = ipaddr.parseCIDR(text);
    return { address: address.toString(), prefixLength };
  }
  if (!ipaddr.isValid(text) || (ipaddr.IPv4.isValid(text) && !ipaddr.IPv4.isValidFourPartDecimal(text))) return undefined;
  const address = ipaddr.parse(text);
  return { address: address.toString(), prefixLength: address.kind() === "ipv4" ? 32 : 128 };
}
