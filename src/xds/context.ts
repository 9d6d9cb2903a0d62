import type { Logger } from "pino";
import type { NodeIdentity } from "./connected-envoy.ts";
import type { XdsMetrics } from "./metrics.ts";
import type { Place } from "./place.ts";
import type { OwnStreams } from "./own-streams.ts";
import type { TypeUrl } from "./types.ts";

/** A resource that an Envoy refused when it was sent alone. */
export interface Nack {
  readonly type: TypeUrl;
  readonly name: string;
  readonly version: string;
  /** Envoy's own words. */
  readonly message: string;
  readonly nodeId: string;
  readonly fleet: string;
}

/** A resource that an Envoy accepted. */
export interface Ack {
  readonly type: TypeUrl;
  readonly name: string;
  readonly version: string;
  readonly nodeId: string;
  readonly fleet: string;
}

/** Runs a function after some time; gives the function that prevents it. */
export type Schedule = (ms: number, run: () => void) => () => void;

/** What every stream of a server shares. */
export interface XdsContext {
  readonly log: Logger;
  readonly metrics: XdsMetrics;
  readonly clock: () => number;
  readonly schedule: Schedule;
  /** What Envoys without ADS get. */
  readonly ownStreams: OwnStreams;
  /** How long something is held back for an acknowledgement that does not come. */
  readonly holdMs: number;
  /** Responses that may be cut are cut at this size. */
  readonly limitBytes: number;
  /** Where an Envoy is, by what it says about itself; nobody's place is known when absent. */
  readonly placeOf?: (node: NodeIdentity) => Place;
  /** Called once per refused version of a resource. */
  onNack(nack: Nack): void;
  /** Called when a resource that had been refused is accepted again. */
  onRecovered?(type: TypeUrl, name: string): void;
  /** Called for each listener that an Envoy has from before its stream, before it is compared with what there is now. */
  onHeld?(held: Ack): void;
  /** Called for every resource that an Envoy accepted. */
  onAck?(ack: Ack): void;
}
