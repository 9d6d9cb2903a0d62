import type { EnvoySettings } from "#settings/envoy";

/** What an installation says about the Envoys that are made for Gateways. */
export interface ProvisionSettings {
  readonly envoyImage: string;
  /** The image of this program: its shutdown manager lets each Envoy end without losing a request. */
  readonly contourImage: string;
  readonly imagePullPolicy: "Always" | "IfNotPresent" | "Never";
  /** The address at which Envoys find the controller. */
  readonly xds: { readonly host: string; readonly port: number };
  readonly envoy: Pick<EnvoySettings, "stats">;
  /** The OpenTelemetry collector that gets the Envoys' metrics; absent for none. */
  readonly otlpMetrics?: { readonly address: string; readonly port: number };
}

/** A certificate by which Envoys are known, with the authority of the controller's, as PEM. */
export interface FleetCertificate {
  readonly authorities: string;
  readonly certificate: string;
  readonly key: string;
}

/** Where the pods have their certificates, and their configuration. */
export const mounts = { certificates: "/certs", configuration: "/config", admin: "/admin" } as const;
