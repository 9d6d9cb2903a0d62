import type { Settings } from "#settings/settings";
import type { Rule } from "#store/family";
import { family } from "#store/family";
import { listeners } from "#translate/facts";
import { http3, listenerServices } from "#translate/listener-services";
import { ingressHttp, ingressHttps } from "#translate/listener-names";

/** That some host needs a listener. Bucket: listener name. */
export const listenerInUse = family<true>("listener-in-use");

/** The two listeners of Ingress and HTTPProxy, each only while a host needs it, as in Go Contour. */
export function ingressListeners(settings: Settings): Rule {
  return {
    name: "ingress-listener",
    over: listenerInUse,
    derive(name, read, emit) {
      if (name === ingressHttp) emit(listeners, name, { name, ...settings.http, protocol: "http", proxyProtocol: settings.useProxyProtocol, ...listenerServices(read, settings) });
      if (name === ingressHttps) emit(listeners, name, { name, ...settings.https, protocol: "https", proxyProtocol: settings.useProxyProtocol, ...http3(settings, settings.publicHttpsPort ?? 443), ...listenerServices(read, settings) });
    },
  };
}
