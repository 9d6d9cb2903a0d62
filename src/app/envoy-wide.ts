import { metricsSecrets } from "#envoy/metrics-tls";
import { runtimeName } from "#envoy/names";
import { buildRuntime } from "#envoy/runtime";
import { adminListenerName, buildAdminListener, buildHealthListener, buildStatsListener, healthListenerName, overloadHealthListenerName, statsListenerName } from "#envoy/static-listeners";
import type { EnvoySettings } from "#settings/envoy";
import { listenerType, runtimeType, secretType } from "#xds/types";
import type { ResourceUpsert } from "#xds/types";

/**
 * What every Envoy gets whatever objects there are: its runtime values, and the listeners for probes, metrics and debugging
 * where their port is not 0. `listeners` are the names of those that serve clients.
 */
export function envoyWideResources(settings: EnvoySettings, listeners: readonly string[]): readonly ResourceUpsert[] {
  const stats: readonly ResourceUpsert[] = settings.stats.port === 0 ? [] : [{ type: listenerType, name: statsListenerName, bytes: buildStatsListener(settings) }];
  const admin: readonly ResourceUpsert[] = settings.adminPort === 0 ? [] : [{ type: listenerType, name: adminListenerName, bytes: buildAdminListener(settings) }];
  const { health, overloadHealth, statsTls } = settings;
  const secrets = stats.length === 0 || statsTls === undefined ? [] : metricsSecrets(statsTls).map(({ name, bytes }): ResourceUpsert => ({ type: secretType, name, bytes }));
  const apart = health !== undefined && (health.address !== settings.stats.address || health.port !== settings.stats.port);
  const ready = [
    ...(apart ? [{ name: healthListenerName, at: health } as const] : []),
    ...(overloadHealth === undefined ? [] : [{ name: overloadHealthListenerName, at: overloadHealth } as const]),
  ].map(({ name, at }): ResourceUpsert => ({ type: listenerType, name, bytes: buildHealthListener(name, at, settings) }));
  return [{ type: runtimeType, name: runtimeName, bytes: buildRuntime(settings, listeners) }, ...secrets, ...stats, ...ready, ...admin];
}
