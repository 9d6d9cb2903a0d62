import type { ListenerName } from "#model/listener";
import { family } from "#store/family";
import type { HttpProtocol } from "#translate/gateway/listener-names";

/** Something that belongs to one host of an Envoy listener. GRPCRoutes will be one more kind of it. */
export type HostAttachment = {
  readonly listener: ListenerName;
  readonly host: string;
  readonly protocol: HttpProtocol;
  /** The port of the Gateway's listener, which redirects lead to. */
  readonly port: number;
} & (
  | { readonly kind: "http-route"; readonly route: string }
  /** A listener has this very hostname: its requests end here, even when no route is attached. */
  | { readonly kind: "listener" }
);

/** Bucket: see `hostKey`. */
export const hostAttachments = family<HostAttachment>("gateway-host-attachment");
