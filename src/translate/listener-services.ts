import type { Listener } from "#model/listener";
import type { RateLimitService } from "#model/policy";
import type { Settings } from "#settings/settings";
import type { Reader } from "#store/family";
import { callableServices, objectKey } from "#translate/facts";
import { extensionCluster } from "#translate/extension/extension-cluster";
import { listenerAuthorization } from "#translate/httpproxy/policies/authorization";

/** The services that an installation wants asked on every listener. */
export function listenerServices(read: Reader, settings: Settings): Pick<Listener, "authorization" | "rateLimitService"> {
  const authorization = listenerAuthorization(read, settings);
  const rateLimitService = rateLimits(read, settings);
  return { ...(authorization === undefined ? {} : { authorization }), ...(rateLimitService === undefined ? {} : { rateLimitService }) };
}

/** What a listener with TLS says about HTTP/3, where clients see its port as `port`. Nothing in front of QUIC tells whom a PROXY protocol header would. */
export function http3({ http3: wanted, useProxyProtocol }: Settings, port: number): Pick<Listener, "http3Port"> {
  return wanted && !useProxyProtocol ? { http3Port: port } : {};
}

/** Envoy wants a domain; Go Contour's documentation says that this one is the default. */
const defaultDomain = "contour";

function rateLimits(read: Reader, { rateLimitService: service }: Settings): RateLimitService | undefined {
  if (service === undefined) return undefined;
  const { namespace, name } = service.extensionService;
  const timeout = read.one(callableServices, objectKey(namespace, name))?.responseTimeout;
  return {
    cluster: extensionCluster(namespace, name),
    domain: service.domain === undefined || service.domain === "" ? defaultDomain : service.domain,
    failOpen: service.failOpen ?? false,
    rateLimitHeaders: service.enableXRateLimitHeaders ?? false,
    resourceExhausted: service.enableResourceExhaustedCode ?? false,
    ...(timeout === undefined ? {} : { timeout }),
  };
}
