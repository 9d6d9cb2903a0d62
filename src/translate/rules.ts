import type { Settings } from "#settings/settings";
import type { Rule } from "#store/family";
import { indexIssuers } from "#translate/certificates/issuers";
import { answerChallenges, indexHttpListeners, listenForChallenges, readOrders } from "#translate/certificates/orders";
import { extensionServiceRule, extensionServiceStatus } from "#translate/extension/extension-service";
import { gatewayHostRules, gatewayRules } from "#translate/gateway/rules";
import { httpProxyStatus } from "#translate/httpproxy/status";
import { indexProxies } from "#translate/httpproxy/index-proxies";
import { indexIngresses } from "#translate/ingress/index-ingresses";
import { ingressStatus } from "#translate/ingress/status";
import { ingressListeners } from "#translate/ingress-listeners";
import { attachIngresses } from "#translate/ingress-site";
import { indexDelegations } from "#translate/shared/delegation";
import { serveClientCertificate, shareClientCertificate } from "#translate/shared/client-certificate";
import { collectEndpoints, collectWeightedEndpoints, indexSlices } from "#translate/shared/endpoints";
import { examineSecrets } from "#translate/shared/secrets";
import { virtualHostRule } from "#translate/virtual-host";

/** The whole translation, in layers: each rule reads only what sources and the rules above it say. */
export function translationRules(settings: Settings): readonly Rule[] {
  return [
    examineSecrets,
    indexDelegations,
    indexSlices,
    serveClientCertificate(settings),
    readOrders(settings),
    indexIssuers,
    extensionServiceRule(settings),
    indexIngresses(settings),
    indexProxies(settings),
    ...gatewayRules(settings),
    shareClientCertificate(settings),
    attachIngresses(settings),
    virtualHostRule(settings),
    ...gatewayHostRules(settings),
    listenForChallenges,
    ingressListeners(settings),
    indexHttpListeners,
    answerChallenges,
    collectEndpoints(settings),
    collectWeightedEndpoints(settings),
    httpProxyStatus(settings),
    extensionServiceStatus,
    ingressStatus(settings),
  ];
}
