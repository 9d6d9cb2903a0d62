import type { HTTPProxy } from "#gen/k8s/http-proxy";
import { proxyError } from "#conditions/http-proxy";
import type { Settings } from "#settings/settings";
import type { Emit, Rule } from "#store/family";
import { hostClaims, objects, ourProxies, proxyReports } from "#translate/facts";
import { belowKey, claimsBelow } from "#translate/certificates/ownership";
import { hostsOf } from "#translate/httpproxy/hosts";
import { isOurClass, namedClass } from "#translate/shared/ingress-class";

/** Takes in the HTTPProxies of our class and files the roots under the hosts that they claim. */
export function indexProxies(settings: Settings): Rule {
  return {
    name: "index-httpproxy",
    over: objects("HTTPProxy"),
    derive(bucket, read, emit) {
      const proxy = read.one(objects("HTTPProxy"), bucket);
      if (proxy === undefined || !isOurClass(read, settings, namedClass(proxy.metadata, proxy.spec.ingressClassName))) return;
      emit(ourProxies, bucket, proxy);
      if (proxy.spec.virtualhost !== undefined) claimHost(settings, bucket, proxy, emit);
    },
  };
}

function claimHost(settings: Settings, bucket: string, proxy: HTTPProxy, emit: Emit): void {
  const { namespace = "", name } = proxy.metadata;
  const hosts = hostsOf(proxy);
  if (settings.rootNamespaces.length > 0 && !settings.rootNamespaces.includes(namespace)) {
    const message = `roots are allowed in the namespaces ${settings.rootNamespaces.join(", ")} only; move this HTTPProxy there, or include it from a root`;
    emit(proxyReports, bucket, { reached: true, problems: [proxyError("RootNamespaceError", "RootProxyNotAllowedInNamespace", ["metadata", "namespace"], message)] });
  } else if (hosts.has("")) {
    emit(proxyReports, bucket, { reached: true, problems: [proxyError("VirtualHostError", "FQDNNotSpecified", hosts.get("") ?? [], "a root must name its host: write one like shop.example.com, *.example.com or *")] });
  } else {
    for (const host of hosts.keys()) {
      emit(hostClaims, host, { kind: "HTTPProxy", namespace, name });
      emit(claimsBelow, belowKey(host, namespace), true);
    }
  }
}
