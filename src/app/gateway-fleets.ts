import type { Controller } from "#app/controller";
import { gatewayPortAlone, gatewayPortBeside } from "#app/gateway-ports";
import type { FleetName } from "#model/fleet";
import type { Settings } from "#settings/settings";
import { objectKey, objects } from "#translate/facts";
import { gatewayClasses, gateways } from "#translate/gateway/api";
import { gatewaySites } from "#translate/gateway/site";

/** Gateways with Envoys of their own have all ports for themselves. `before` are the settings that these take the place of. */
export function gatewaySettings(settings: Settings, provisionNamespace: string | undefined, before?: Settings): Settings {
  if (provisionNamespace !== undefined) return { ...settings, gatewaySites: "own-fleet", gatewayPort: gatewayPortAlone, controllerNamespace: provisionNamespace, awaitEnvoys: true };
  const same = before?.http.port === settings.http.port && before.https.port === settings.https.port;
  return { ...settings, awaitEnvoys: true, gatewayPort: same ? before.gatewayPort : gatewayPortBeside([settings.http.port, settings.https.port]) };
}

/** Whether the owner of a fleet is there, and is another controller's or has its Envoys elsewhere now. */
export function isAbandonedFleet({ pipeline: { graph } }: Controller, { gatewayControllerName }: Settings, fleet: FleetName): boolean {
  const ofClass = fleet.startsWith("*/");
  const [gateway] = ofClass ? [] : graph.items(gateways, fleet);
  const [gatewayClass] = graph.items(gatewayClasses, objectKey("", ofClass ? fleet.slice(2) : (gateway?.spec.gatewayClassName ?? "")));
  if (gatewayClass === undefined) return false;
  if (gatewayClass.spec.controllerName !== gatewayControllerName) return true;
  if (!ofClass) return graph.items(gatewaySites, fleet).some((site) => site.fleet !== fleet);
  const { namespace = "", name = "" } = gatewayClass.spec.parametersRef ?? {};
  // Without parameters nothing is known: that may be a mistake.
  return gatewayClass.spec.parametersRef === undefined || graph.items(objects("ContourDeployment"), objectKey(namespace, name)).some(({ spec }) => spec?.mergeGateways !== true);
}
