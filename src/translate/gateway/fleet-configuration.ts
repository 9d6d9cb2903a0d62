import type { ContourConfiguration } from "#gen/k8s/contour-configuration";
import { formatFieldPath } from "#k8s/object";
import type { FieldError } from "#k8s/object";
import { parseObject } from "#k8s/parse";
import { fail, ok } from "#lib/result";
import type { Result } from "#lib/result";
import { commonFleet } from "#model/fleet";
import type { FleetName } from "#model/fleet";
import { configure } from "#settings/configuration";
import { defaultEnvoySettings } from "#settings/envoy";
import type { EnvoySettings } from "#settings/envoy";
import { defaultSettings } from "#settings/settings";
import type { Settings } from "#settings/settings";
import type { Reader, Rule } from "#store/family";
import { family } from "#store/family";
import { objectKey, objects } from "#translate/facts";

/** What a ContourDeployment says about Envoy's configuration, as a ContourConfiguration would. */
export type RuntimeSettings = ContourConfiguration["spec"];

/** `spec.runtimeSettings` of ContourDeployments, or what is wrong with it. Bucket: `namespace/name`. */
export const runtimeSettings = family<Result<RuntimeSettings, string>>("runtime-settings");

/** What the Envoys of a fleet have for themselves. Bucket: the fleet. */
export const fleetConfigurations = family<RuntimeSettings>("fleet-configuration");

/** Checks the configuration in each ContourDeployment; its CRD takes any field there. */
export const readRuntimeSettings: Rule = {
  name: "runtime-settings",
  over: objects("ContourDeployment"),
  derive(bucket, read, emit) {
    const spec = read.one(objects("ContourDeployment"), bucket)?.spec?.runtimeSettings;
    if (spec !== undefined) emit(runtimeSettings, bucket, parse(spec));
  },
};

function parse(spec: Readonly<Record<string, unknown>>): Result<RuntimeSettings, string> {
  const parsed = parseObject({ apiVersion: "projectcontour.io/v1alpha1", kind: "ContourConfiguration", metadata: { name: "runtime-settings" }, spec }, { origin: "file" });
  if (!parsed.ok) return fail(parsed.error.kind === "invalid" ? describe(parsed.error.errors) : "it is no ContourConfiguration");
  const found = (parsed.value as ContourConfiguration).spec;
  const { errors } = configure({ settings: defaultSettings, envoySettings: defaultEnvoySettings }, found);
  return errors.length === 0 ? ok(found) : fail(describe(errors));
}

function describe(errors: readonly FieldError[]): string {
  return errors.map(({ path, message }) => `${formatFieldPath(["spec", "runtimeSettings", ...path.slice(1)])}: ${message}`).join("; ");
}

/** What is wrong with the configuration of parameters that exist. */
export function runtimeSettingsProblem(read: Reader, namespace: string, name: string): string | undefined {
  const found = read.one(runtimeSettings, objectKey(namespace, name));
  return found?.ok === false ? `ContourDeployment ${objectKey(namespace, name)} ${found.error}` : undefined;
}

/** The settings of a fleet's routes and listeners, where its parameters say something. Bucket: the fleet. */
const fleetSettings = family<Settings>("fleet-settings");

/** Lays what a fleet's parameters say over what counts for all. Hosts, classes and secrets stay the installation's. */
export function settleFleets(settings: Settings): Rule {
  return {
    name: "fleet-settings",
    over: fleetConfigurations,
    derive(fleet, read, emit) {
      const spec = read.one(fleetConfigurations, fleet);
      if (spec === undefined) return;
      const { useProxyProtocol, connectTimeoutMs, minimumTlsVersion, maximumTlsVersion, upstreamTls, circuitBreakers, dnsLookupFamily, http3, telemetryClusters } = configure({ settings, envoySettings: defaultEnvoySettings }, spec).settings;
      emit(fleetSettings, fleet, { ...settings, useProxyProtocol, connectTimeoutMs, minimumTlsVersion, maximumTlsVersion, upstreamTls, circuitBreakers, dnsLookupFamily, http3, telemetryClusters });
    },
  };
}

/** The settings of a fleet's routes and listeners. */
export function settingsOfFleets(settings: Settings): (read: Reader, fleet: FleetName) => Settings {
  return (read, fleet) => (fleet === commonFleet ? settings : (read.one(fleetSettings, fleet) ?? settings));
}

/** Envoy's own settings in a fleet. Its ports for probes and debugging stay the installation's: the pods are made with those. */
export function envoySettingsOfFleet(envoySettings: EnvoySettings, spec: RuntimeSettings): EnvoySettings {
  const { stats, adminPort } = envoySettings;
  // The files for metrics over TLS are not in these pods.
  const { statsTls: _, ...chosen } = configure({ settings: defaultSettings, envoySettings }, spec).envoySettings;
  return { ...chosen, stats, adminPort };
}
