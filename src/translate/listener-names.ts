/** The listener for hosts of Ingress and HTTPProxy without TLS. Users see it in Envoy's metrics, as with Go Contour. */
export const ingressHttp = "ingress_http";
/** The listener for hosts of Ingress and HTTPProxy with TLS. */
export const ingressHttps = "ingress_https";

/** The table of hosts for clients that came in by the fallback certificate: only those that opted in are in it. */
export function fallbackTable(listener: string): string {
  return `${listener}-fallback`;
}
