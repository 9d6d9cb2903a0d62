import type { KubeObject } from "#k8s/object";
import { parsed } from "../golden/parsed.ts";
import { pemOf } from "../peers/identities.ts";
import { keySet, makeToken } from "../peers/tokens.ts";

/** Which of the features that keep strangers out a host has. */
export interface Combination {
  readonly host: string;
  readonly fallback: boolean;
  readonly clientValidation: boolean;
  readonly jwt: boolean;
  /** `inherit` says nothing: what the installation has counts. */
  readonly authorization: "inherit" | "own" | "off-for-host" | "off-for-route" | "off-for-host-on-for-route";
  readonly ipFilter: "none" | "allows" | "denies";
  readonly includes: boolean;
  readonly rateLimit: "none" | "full";
}

/** All combinations, each with a host of its own. */
export function allCombinations(): readonly Combination[] {
  const values = {
    fallback: [false, true],
    clientValidation: [false, true],
    jwt: [false, true],
    authorization: ["inherit", "own", "off-for-host", "off-for-route", "off-for-host-on-for-route"],
    ipFilter: ["none", "allows", "denies"],
    includes: [false, true],
    rateLimit: ["none", "full"],
  } as const satisfies { readonly [K in Exclude<keyof Combination, "host">]: readonly Combination[K][] };
  const combined = Object.entries(values).reduce<readonly object[]>((all, [key, options]) => all.flatMap((one) => options.map((option) => ({ ...one, [key]: option }))), [{}]);
  return combined.map((one, i) => ({ ...(one as Omit<Combination, "host">), host: `c${i}.example.com` }));
}

const proxy = (name: string, spec: object): KubeObject => parsed({ apiVersion: "projectcontour.io/v1", kind: "HTTPProxy", metadata: { name, namespace: "default" }, spec });
const secret = (name: string, type: string, stringData: object): KubeObject => parsed({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" }, type, stringData });
const service = (namespace: string, name: string, port: number, peer: string): readonly KubeObject[] => [
  parsed({ apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec: { ports: [{ port, protocol: "TCP" }] } }),
  parsed({ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: { name: `${name}-1`, namespace, labels: { "kubernetes.io/service-name": name }, annotations: { "golden/peer": peer } }, addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: true } }], ports: [{ name: "", port, protocol: "TCP" }] }),
];
// On a machine that is busy with tests the services are slower than what is usual.
const extension = (name: string): KubeObject => parsed({ apiVersion: "projectcontour.io/v1alpha1", kind: "ExtensionService", metadata: { name, namespace: "auth" }, spec: { protocol: "h2c", services: [{ name, port: 9000 }], timeoutPolicy: { response: "5s" } } });

/** A configuration with a fallback certificate and a rate limit service and, if wanted, an authorization for all hosts. */
export function configuration(globalAuthorization: boolean) {
  return {
    apiVersion: "projectcontour.io/v1alpha1",
    kind: "ContourConfiguration",
    metadata: { name: "contour", namespace: "projectcontour" },
    spec: {
      httpproxy: { fallbackCertificate: { namespace: "default", name: "fallback" } },
      rateLimitService: { extensionService: { namespace: "auth", name: "limits" }, domain: "golden" },
      ...(globalAuthorization ? { globalExtAuth: { extensionRef: { namespace: "auth", name: "everywhere" } } } : {}),
    },
  };
}

/** What all combinations share, and a host without any protection that has a certificate of its own. */
export function surroundings(): readonly KubeObject[] {
  const tls = (name: string): KubeObject => secret(name, "kubernetes.io/tls", { "tls.crt": pemOf(name).certificate, "tls.key": pemOf(name).key });
  return [
    tls("shop"), tls("other"), tls("fallback"),
    secret("authority", "Opaque", { "ca.crt": pemOf("authority").certificate }),
    secret("keys", "Opaque", { jwks: keySet() }),
    ...service("default", "web", 80, "echo"), ...service("auth", "own", 9000, "authorization"), ...service("auth", "everywhere", 9000, "authorization"), ...service("auth", "limits", 9000, "rate-limit"),
    extension("own"), extension("everywhere"), extension("limits"),
    proxy("open", { virtualhost: { fqdn: "open.example.com", tls: { secretName: "other" }, authorization: { authPolicy: { disabled: true } } }, routes: [{ services: [{ name: "web", port: 80 }] }] }),
    // Somebody has a fallback, so that there is one.
    proxy("falls-back", { virtualhost: { fqdn: "falls-back.example.com", tls: { secretName: "other", enableFallbackCertificate: true } }, routes: [{ services: [{ name: "web", port: 80 }] }] }),
  ];
}

/** The objects of a combination. */
export function objectsOf(combination: Combination): readonly KubeObject[] {
  const { host, fallback, clientValidation, jwt, authorization, ipFilter, includes, rateLimit } = combination;
  const name = host.replace(".example.com", "");
  const authPolicy = { "off-for-route": { disabled: true }, "off-for-host-on-for-route": { disabled: false } }[authorization as string];
  const route = {
    services: [{ name: "web", port: 80 }],
    permitInsecure: true,
    ...(authPolicy === undefined ? {} : { authPolicy }),
    ...(rateLimit === "full" ? { rateLimitPolicy: { global: { descriptors: [{ entries: [{ genericKey: { value: "full" } }] }] } } } : {}),
  };
  const offForHost = authorization === "off-for-host" || authorization === "off-for-host-on-for-route";
  const virtualhost = {
    fqdn: host,
    tls: { secretName: "shop", ...(fallback ? { enableFallbackCertificate: true } : {}), ...(clientValidation ? { clientValidation: { caSecret: "authority" } } : {}) },
    ...(jwt ? { jwtProviders: [{ name: "idp", default: true, issuer: "https://issuer.test", localJWKS: { secretName: "keys", key: "jwks" } }] } : {}),
    ...(authorization === "inherit" ? {} : { authorization: { extensionRef: { namespace: "auth", name: "own" }, ...(offForHost ? { authPolicy: { disabled: true } } : {}) } }),
    ...(ipFilter === "allows" ? { ipAllowPolicy: [{ source: "Peer", cidr: "127.0.0.0/8" }] } : ipFilter === "denies" ? { ipDenyPolicy: [{ source: "Peer", cidr: "127.0.0.0/8" }] } : {}),
  };
  if (!includes) return [proxy(name, { virtualhost, routes: [route] })];
  return [proxy(name, { virtualhost, includes: [{ name: `${name}-child` }] }), proxy(`${name}-child`, { routes: [route] })];
}

/** What a client brings. */
export interface Probe {
  readonly what: string;
  readonly identity?: "client" | "stranger";
  readonly token?: "good" | "strange";
  readonly user?: boolean;
  /** Of the connection; `plain` for none at all. */
  readonly sni: "own" | "none" | "unknown" | "open" | "plain";
  /** Of the request. */
  readonly host: "own" | "open" | "capitals";
}

const all = { identity: "client", token: "good", user: true, sni: "own", host: "own" } as const;

/** Everything right; each credential missing or strange, one at a time; each way to come in by another door. */
export const probes: readonly Probe[] = [
  { what: "who has everything right", ...all },
  { what: "nothing at all", sni: "own", host: "own" },
  { what: "no client certificate", token: "good", user: true, sni: "own", host: "own" },
  { ...all, what: "a client certificate of strangers", identity: "stranger" },
  { what: "no token", identity: "client", user: true, sni: "own", host: "own" },
  { ...all, what: "a token of strangers", token: "strange" },
  { ...all, what: "no user", user: false },
  { ...all, what: "the host in capitals", host: "capitals" },
  { ...all, what: "without SNI", sni: "none" },
  { what: "nothing, and without SNI", sni: "none", host: "own" },
  { what: "nothing, with an SNI that nobody has", sni: "unknown", host: "own" },
  { ...all, what: "over the connection of another host", sni: "open" },
  { what: "nothing, over the connection of another host", sni: "open", host: "own" },
  { ...all, what: "for another host over its connection", host: "open" },
  { ...all, what: "without TLS", sni: "plain" },
  { what: "nothing, without TLS", sni: "plain", host: "own" },
  { what: "nothing, without TLS, in capitals", sni: "plain", host: "capitals" },
];

/** What must come of it, from the features alone. 0 is no answer. */
export function verdict(combination: Combination, probe: Probe, globalAuthorization: boolean): number {
  const { fallback, clientValidation, jwt, authorization, ipFilter, rateLimit } = combination;
  // A host that is not served is nobody's: the fallback certificate answers for it.
  if (isInvalid(combination)) return 404;
  if (probe.sni === "open") return ipFilter === "denies" ? 403 : 421;
  if ((probe.sni === "none" || probe.sni === "unknown") && !fallback) return 404;
  if (probe.sni === "own" && clientValidation && probe.identity !== "client") return 0;
  if (probe.host === "open") return 421;
  if (ipFilter === "denies") return 403;
  if (jwt && probe.token !== "good") return 401;
  if (isAuthorized(authorization, globalAuthorization) && probe.user !== true) return 401;
  return rateLimit === "full" ? 429 : 200;
}

/** The fallback certificate would let clients around what these ask for. */
export function isInvalid({ fallback, clientValidation, jwt, authorization }: Combination): boolean {
  return fallback && (clientValidation || jwt || authorization !== "inherit");
}

/** Whether a service is asked. */
export function isAuthorized(authorization: Combination["authorization"], globally: boolean): boolean {
  return authorization === "own" || authorization === "off-for-host-on-for-route" || (authorization === "inherit" && globally);
}

/** A token as a probe brings it. */
export const tokens = { good: makeToken({ iss: "https://issuer.test", exp: 4_102_444_800 }), strange: makeToken({ iss: "https://issuer.test", exp: 4_102_444_800 }, "stranger-token") } as const;
