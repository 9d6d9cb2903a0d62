import type { Ingress } from "#gen/k8s/ingress";
import { parseGoDuration } from "#lib/go-duration";
import type { TlsVersion } from "#model/listener";
import type { RetryPolicy } from "#model/policy";
import type { TimeoutSetting } from "#model/route";
import type { IngressProblem } from "#translate/facts";

/** What the annotations of an Ingress say about its routes and its TLS. */
export interface IngressAnnotations {
  readonly forceHttps: boolean;
  readonly allowHttp: boolean;
  readonly responseTimeout?: TimeoutSetting;
  readonly retry?: RetryPolicy;
  readonly websocketPaths: ReadonlySet<string>;
  readonly minimumTlsVersion: TlsVersion;
  readonly maximumTlsVersion: TlsVersion;
  readonly secretNamespace?: string;
  readonly problems: readonly IngressProblem[];
}

/** Reads the annotations; what cannot be used is a problem and counts as not written. */
export function parseAnnotations(ingress: Ingress): IngressAnnotations {
  const problems: IngressProblem[] = [];
  const get = (name: string): string | undefined => ingress.metadata.annotations?.[name];
  const refuse = (name: string, message: string): undefined => void problems.push({ field: `metadata.annotations[${JSON.stringify(name)}]`, message });
  const timeout = responseTimeout(get, refuse);
  const retry = retryPolicy(get, refuse);
  const secretNamespace = get("projectcontour.io/tls-cert-namespace");
  return {
    forceHttps: get("ingress.kubernetes.io/force-ssl-redirect") === "true",
    allowHttp: get("kubernetes.io/ingress.allow-http") !== "false",
    ...(timeout === undefined ? {} : { responseTimeout: timeout }),
    ...(retry === undefined ? {} : { retry }),
    websocketPaths: new Set((get("projectcontour.io/websocket-routes") ?? "").split(",").map((path) => path.trim()).filter((path) => path !== "")),
    minimumTlsVersion: get("projectcontour.io/tls-minimum-protocol-version") === "1.3" ? "1.3" : "1.2",
    maximumTlsVersion: get("projectcontour.io/tls-maximum-protocol-version") === "1.2" ? "1.2" : "1.3",
    ...(secretNamespace === undefined || secretNamespace === "" ? {} : { secretNamespace }),
    problems,
  };
}

type Get = (name: string) => string | undefined;
type Refuse = (name: string, message: string) => undefined;

function responseTimeout(get: Get, refuse: Refuse): TimeoutSetting | undefined {
  const name = get("projectcontour.io/response-timeout") === undefined ? "projectcontour.io/request-timeout" : "projectcontour.io/response-timeout";
  return timeoutSetting(name, get(name), refuse);
}

function timeoutSetting(name: string, text: string | undefined, refuse: Refuse): TimeoutSetting | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "infinity" || text === "infinite") return { kind: "off" };
  const parsed = parseGoDuration(text);
  if (!parsed.ok) return refuse(name, parsed.error);
  return parsed.value === 0 ? undefined : { kind: "after", ms: parsed.value };
}

function retryPolicy(get: Get, refuse: Refuse): RetryPolicy | undefined {
  const on = get("projectcontour.io/retry-on");
  if (on === undefined || on === "") return undefined;
  const perTry = timeoutSetting("projectcontour.io/per-try-timeout", get("projectcontour.io/per-try-timeout"), refuse);
  const text = get("projectcontour.io/num-retries") ?? "1";
  if (!/^-?\d{1,9}$/.test(text)) refuse("projectcontour.io/num-retries", `${JSON.stringify(text)} is not a number; write one like 3`);
  const count = /^-?\d{1,9}$/.test(text) ? Number(text) : 1;
  return { on, count: count === 0 ? 1 : Math.max(count, 0), statusCodes: [], ...(perTry?.kind === "after" ? { perTryTimeoutMs: perTry.ms } : {}) };
}
