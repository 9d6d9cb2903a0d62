import type { Settings } from "#settings/settings";
import type { Rule } from "#store/family";
import { extensionServiceRule, extensionServiceStatus } from "#translate/extension/extension-service";
import { httpProxyStatus } from "#translate/httpproxy/status";
import { indexProxies } from "#translate/httpproxy/index-proxies";
import { indexIngresses } from "#translate/ingress/index-ingresses";
import { ingressStatus } from "#translate/ingress/status";
import { ingressListeners } from "#translate/ingress-listeners";
import { indexDelegations } from "#translate/shared/delegation";
import { serveClientCertificate } from "#translate/shared/client-certificate";
import { collectEndpoints, collectWeightedEndpoints, indexSlices } from "#translate/shared/endpoints";
import { examineSecrets } from "#translate/shared/secrets";
import { virtualHostRule } from "#translate/virtual-host";

/** The whole translation, in layers: each rule reads only what sources and the rules above it say. */
export function translationRules(settings: Settings, gatewayRules: readonly Rule[]): readonly Rule[] {
  return [
    examineSecrets,
    indexDelegations,
    indexSlices,
    serveClientCertificate(settings),
    extensionServiceRule(settings),
    indexIngresses(settings),
    indexProxies(settings),
    virtualHostRule(settings),
    ...gatewayRules,
    ingressListeners(settings),
    collectEndpoints,
    collectWeightedEndpoints,
    httpProxyStatus,
    extensionServiceStatus,
    ingressStatus,
  ];
}
