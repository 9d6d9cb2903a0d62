import { request } from "node:http";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { ensureEnvoyBinary } from "#app/envoy-binary";
import { startEnvoy } from "#app/envoy-process";
import { freePort } from "../bed/free-port.ts";
import { waitFor } from "../bed/wait.ts";
import type { Answer, Wish } from "./client.ts";
import type { Echo } from "./rig.ts";

/** A client of HTTP/3. */
export interface Http3Client {
  /** Sends a request over QUIC; throws where there is no such connection. */
  send(wish: Wish): Promise<Answer>;
  stop(): Promise<void>;
}

/** What the proxy answers by itself when it reaches nobody. */
const unreachable = 599;
/** Headers by which the client is told where to connect and with which SNI, and tells what certificate and protocol it met. */
export const http3Headers = { sni: "x-test-sni", target: "x-envoy-original-dst-host", certificate: "x-test-certificate", protocol: "x-test-protocol" };

/**
 * Starts the client: a second Envoy, which turns plain requests into HTTP/3 to any port of loopback, with any SNI. Each request has a
 * connection of its own, or those for one port and SNI share some.
 */
export async function startHttp3Client(connections: "own" | "shared" = "own"): Promise<Http3Client> {
  const binary = await ensureEnvoyBinary({ env: process.env, progress: (line) => process.stderr.write(`${line}\n`) });
  const port = await freePort();
  const lines: string[] = [];
  const envoy = startEnvoy({ binary, bootstrap: http3ClientBootstrap(port, connections), concurrency: 1, onLine: (line) => lines.push(line), onUnexpectedExit: (code) => lines.push(`ended: ${code}`) });
  const ask = (wish: Wish): Promise<Answer> => send(port, wish);
  await waitFor(() => ask({ port: 1, host: "nobody" }).then(() => true, (error: unknown) => String(error).includes("no connection")), { what: "the HTTP/3 client is up", timeoutMs: 10_000, intervalMs: 5 }).catch((error: unknown) => Promise.reject(new Error(`${String(error)}: ${lines.join("\n")}`)));
  return { send: ask, stop: () => envoy.stop() };
}

async function send(proxy: number, { port, host, path = "/", method = "GET", headers, sni, body }: Wish): Promise<Answer> {
  const sent = request({ host: "127.0.0.1", port: proxy, path, method, agent: false, headers: { ...headers, host, [http3Headers.target]: `127.0.0.1:${port}`, [http3Headers.sni]: sni ?? host } });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let text = "";
  response.setEncoding("utf8");
  for await (const part of response) text += String(part);
  if (response.statusCode === unreachable) throw new Error(`no connection by HTTP/3 to ${port}: ${text}`);
  if (response.headers[http3Headers.protocol] !== "HTTP/3") throw new Error(`answered by ${String(response.headers[http3Headers.protocol])}, not HTTP/3`);
  const echo = response.headers["content-type"]?.includes("json") === true && text !== "" ? (JSON.parse(text) as Echo) : undefined;
  const subject = response.headers[http3Headers.certificate];
  return { status: response.statusCode ?? 0, headers: response.headers, body: text, echo, certificate: /CN=([^,]*)/.exec(String(subject))?.[1] };
}

/** The bootstrap of an Envoy that takes plain requests at a port of loopback and sends them on by HTTP/3. */
export function http3ClientBootstrap(port: number, connections: "own" | "shared"): object {
  const type = (name: string): string => `type.googleapis.com/envoy.extensions.${name}`;
  const shown = (key: string, value: string): object => ({ header: { key, value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" });
  const route = { match: { prefix: "/" }, route: { cluster: "any", timeout: "5s" } };
  const manager = {
    "@type": type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
    stat_prefix: "client",
    route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [route] }], response_headers_to_add: [shown(http3Headers.certificate, "%UPSTREAM_PEER_SUBJECT%"), shown(http3Headers.protocol, "%UPSTREAM_PROTOCOL%")] },
    local_reply_config: { mappers: [{ filter: { response_flag_filter: { flags: [] } }, status_code: unreachable }] },
    http_filters: [{ name: "envoy.filters.http.router", typed_config: { "@type": type("filters.http.router.v3.Router") } }],
  };
  const tls = { "@type": type("transport_sockets.quic.v3.QuicUpstreamTransport"), upstream_tls_context: { common_tls_context: { validation_context: { trust_chain_verification: "ACCEPT_UNTRUSTED" } } } };
  const options = {
    "@type": type("upstreams.http.v3.HttpProtocolOptions"),
    explicit_http_config: { http3_protocol_options: {} },
    ...(connections === "own" ? { common_http_protocol_options: { max_requests_per_connection: 1 } } : {}),
    upstream_http_protocol_options: { auto_sni: true, override_auto_sni_header: http3Headers.sni },
  };
  return {
    node: { id: "client", cluster: "client" },
    static_resources: {
      listeners: [{ name: "client", address: { socket_address: { address: "127.0.0.1", port_value: port } }, filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] }] }],
      clusters: [{
        name: "any", type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED", connect_timeout: "2s",
        original_dst_lb_config: { use_http_header: true },
        transport_socket: { name: "envoy.transport_sockets.quic", typed_config: tls },
        typed_extension_protocol_options: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options },
      }],
    },
  };
}
