import type { Origin } from "#model/origin";

/** Everything that the doctor can find, and how bad it is. docs/doctor.md has the same list. */
export const findingKinds = {
  "unknown-subject": "error",
  "object-invalid": "error",
  "object-warning": "warning",
  "reference-grant-missing": "error",
  "delegation-missing": "error",
  "secret-invalid": "error",
  "service-unresolved": "error",
  "certificate-expired": "error",
  "rejected-by-envoy": "error",
  "not-taken-by-controller": "error",
  "no-ready-endpoints": "error",
  "no-envoy": "error",
  "envoy-not-ready": "warning",
  "envoy-not-connected": "error",
  "configuration-not-taken": "error",
  "health-check-failing": "error",
  "name-unresolved": "error",
  "refused": "error",
  "network-policy-ingress": "error",
  "network-policy-egress": "error",
  "policy-not-enforced": "warning",
  "node-path": "error",
  "family-path": "error",
  "dropped": "error",
  "mtu": "error",
  "silent": "error",
  "tls-wanted": "error",
  "tls-absent": "error",
  "tls-failed": "error",
  "client-certificate-wanted": "error",
  "certificate-untrusted": "error",
  "certificate-name": "error",
  "backend-certificate-expired": "error",
  "not-http": "error",
  "probe-failed": "warning",
} as const satisfies Readonly<Record<string, "error" | "warning">>;

/** The name of a kind of finding; scripts may rely on it. */
export type FindingId = keyof typeof findingKinds;

/** One thing that is wrong, for one object. */
export interface Finding {
  readonly id: FindingId;
  readonly severity: "error" | "warning";
  /** The object that says so, with the field where there is one: `HTTPProxy shop/web spec.routes[0]`. */
  readonly who: string;
  /** The way on which it is wrong, from Envoy to the backend, as far as it is known. */
  readonly where: string;
  readonly what: string;
  readonly fix: string;
  /** All objects that it is about, where `who` does not name them all. */
  readonly objects?: readonly string[];
}

/** Makes a finding. */
export function finding(id: FindingId, { who, where = "", what, fix }: { readonly who: string; readonly where?: string; readonly what: string; readonly fix: string }): Finding {
  return { id, severity: findingKinds[id], who, where, what, fix };
}

/** Who names a backend, as findings say it. */
export function describeOrigins([first, ...others]: readonly [Origin, ...Origin[]]): string {
  return `${describeOrigin(first)}${others.length === 0 ? "" : ` and ${others.length} more`}`;
}

/** An object and field, as findings name them. */
export function describeOrigin({ kind, namespace, name, field }: Origin): string {
  return `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}${field === undefined || field === "" ? "" : ` ${field}`}`;
}
