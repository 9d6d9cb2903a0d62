import type { Target } from "#doctor/choose";
import type { FoundCni } from "#doctor/cni";
import type { FindingId } from "#doctor/finding";
import type { EndpointResult, Outcome } from "#doctor/plan";
import type { EnvoyView, NetworkWorld } from "#doctor/world";

/** What was seen from one Envoy. */
export interface Sight {
  readonly envoy: EnvoyView;
  readonly seen: readonly { readonly target: Target; readonly result: EndpointResult }[];
  readonly mtu?: number;
}

/** What verdicts need to know beside what was seen. */
export interface VerdictContext {
  readonly world: NetworkWorld;
  readonly cnis: readonly FoundCni[];
}

/** What is wrong, and what to do about it. */
export interface Verdict {
  readonly id: FindingId;
  /** The object that it is about, where that is not the one that names the backend. */
  readonly who?: string;
  readonly what: string;
  readonly fix: string;
}

/** Outcomes that say that packets of a new connection came through. */
export function isReached({ kind }: Outcome): boolean {
  return kind !== "dropped" && kind !== "unreachable" && kind !== "name-unresolved" && kind !== "failed";
}
