/** How far a probe goes: a connection, a small request, or a large one, too. */
export type ProbeDepth = "connect" | "small" | "large";

/** TLS as Envoy has it with a backend. */
export interface ProbeTls {
  /** Absent where Envoy sends no name. */
  readonly serverName?: string;
  /** Absent where Envoy takes any certificate. */
  readonly validation?: { readonly authorities?: string; readonly names: readonly string[]; readonly uris: readonly string[] };
  readonly minimumVersion?: "1.2" | "1.3";
  readonly maximumVersion?: "1.2" | "1.3";
}

/** Where a probe goes: an address, or a name whose addresses are looked up there. */
export type ProbeTarget =
  | { readonly kind: "address"; readonly address: string; readonly port: number }
  | { readonly kind: "name"; readonly host: string; readonly port: number; readonly family: "auto" | "v4" | "v6" | "all" };

/** One thing to try. */
export interface Probe {
  readonly id: number;
  readonly target: ProbeTarget;
  /** How long Envoy waits for a connection. */
  readonly connectMs: number;
  readonly tls?: ProbeTls;
  /** Absent where bytes go on as they come: then nothing is sent. */
  readonly http?: { readonly version: "1.1" | "2"; readonly host: string; readonly path: string };
}

/** What Envoy is asked beside that, over its admin interface. */
export interface EnvoyQuestion {
  readonly adminSocket: string;
  /** Clusters that it should have, with addresses of theirs as Envoy writes them. */
  readonly clusters: readonly { readonly name: string; readonly addresses: readonly string[] }[];
}

/** All that a probe does at one place: one line of JSON on its standard input. */
export interface ProbePlan {
  readonly version: 1;
  /** Whether the probe ends when its input does: then who started it is gone. */
  readonly attended?: boolean;
  readonly depth: ProbeDepth;
  readonly concurrency: number;
  /** Milliseconds in which a request has to be answered. */
  readonly timeoutMs: number;
  /** Milliseconds after which nothing new is begun. */
  readonly limitMs: number;
  readonly envoy?: EnvoyQuestion;
  readonly probes: readonly Probe[];
}

/** What came of one endpoint. */
export type Outcome =
  /** HTTP came back, or, where no HTTP is spoken, a connection came to be. */
  | { readonly kind: "good" }
  | { readonly kind: "refused" }
  | { readonly kind: "unreachable"; readonly code: string }
  /** Packets of a new connection vanish. */
  | { readonly kind: "dropped" }
  /** The connection came to be, and no answer. */
  | { readonly kind: "silent" }
  /** Small packets pass and large ones vanish. */
  | { readonly kind: "stalled"; readonly direction: "to-pod" | "from-pod"; readonly evidence: string }
  | { readonly kind: "tls-wanted" }
  | { readonly kind: "tls-absent" }
  | { readonly kind: "tls-failed"; readonly reason: string }
  | { readonly kind: "client-certificate-wanted" }
  | { readonly kind: "certificate"; readonly problem: "untrusted" | "expired" | "name"; readonly detail: string }
  | { readonly kind: "not-http"; readonly reason: string }
  | { readonly kind: "name-unresolved"; readonly code: string }
  | { readonly kind: "failed"; readonly reason: string };

/** What was seen of one endpoint: of a name, of one of its addresses. */
export interface EndpointResult {
  readonly kind: "endpoint";
  readonly id: number;
  readonly address?: string;
  readonly outcome: Outcome;
  readonly connectMs?: number;
  readonly answerMs?: number;
  readonly largeMs?: number;
  readonly status?: number;
}

/** What Envoy said about itself. */
export interface EnvoyResult {
  readonly kind: "envoy";
  /** Why it could not be asked. */
  readonly failed?: string;
  readonly ready?: boolean;
  readonly connected?: boolean;
  /** Clusters that it does not have. */
  readonly missing: readonly string[];
  /** Clusters of which it has other addresses than those that it should. */
  readonly outdated: readonly string[];
  /** Addresses that its own health checks find bad. */
  readonly unhealthy: readonly { readonly cluster: string; readonly address: string }[];
}

/** The last line: what was left out because time was over, and the MTU of the interface with the default route. */
export interface ProbeEnd {
  readonly kind: "end";
  readonly skipped: readonly number[];
  readonly mtu?: number;
}

/** A line of a probe's standard output. */
export type ProbeLine = EndpointResult | EnvoyResult | ProbeEnd;
