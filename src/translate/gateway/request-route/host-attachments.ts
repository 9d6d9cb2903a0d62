import type { ListenerName } from "#model/listener";
import { family } from "#store/family";
import type { PolicyPlace } from "#translate/gateway/traffic-policy/attach";
import type { HttpProtocol } from "#translate/gateway/listener-names";

/** Something that belongs to one host of an Envoy listener. */
export type HostAttachment = {
  /** As known in all fleets. */
  readonly listener: ListenerName;
  readonly host: string;
  readonly protocol: HttpProtocol;
  /** The port of the Gateway's listener, which redirects lead to. */
  readonly port: number;
  /** The host of that listener. */
  readonly listenerHost: string;
  /** The Gateway's listener, as policies name it. */
  readonly place: PolicyPlace;
} & (
  /** A route, by its bucket among those that are compiled. */
  | { readonly kind: "route"; readonly compiled: string }
  /** A listener has this very hostname: its requests end here, even when no route is attached. */
  | { readonly kind: "listener" }
);

/** Bucket: `hostKey`. */
export const hostAttachments = family<HostAttachment>("gateway-host-attachment");
