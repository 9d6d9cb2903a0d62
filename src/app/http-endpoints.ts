import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { text } from "#app/debug/page";
import type { Answer, Page, PageRequest } from "#app/debug/page";
import type { Health } from "#app/health";
import { secureServer } from "#app/secure-server";
import type { MetricsTls } from "#settings/envoy";

/** Where something is served over HTTP. */
export interface HttpAddress {
  readonly address: string;
  readonly port: number;
}

/** Where metrics are served; over TLS they have a port of their own, and pages for probes are elsewhere. */
export interface MetricsAddress extends HttpAddress {
  readonly tls?: MetricsTls;
}

/** Milliseconds in which a request has to be sent. */
const requestTimeout = 10_000;

/** What the endpoints show. */
export interface HttpEndpoints {
  readonly http: MetricsAddress;
  readonly health: HttpAddress;
  readonly debug: HttpAddress;
  readonly registry: Registry;
  readonly ready: () => boolean;
  readonly state: Health;
  /** Whether the API server answers. */
  readonly alive: () => Promise<boolean>;
  readonly debugPages: readonly Page[];
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Serves metrics, health and debug pages; pages of one address share a server. */
export async function serveHttp(endpoints: HttpEndpoints): Promise<{ close(): void }> {
  const { registry, http: { tls } } = endpoints;
  const alive = async (): Promise<Answer> => endpoints.state.answer(await endpoints.alive().catch(() => false));
  const health: readonly Page[] = [
    { path: "/health", about: "", answer: alive },
    { path: "/healthz", about: "", answer: alive },
    { path: "/readyz", about: "", answer: () => (endpoints.ready() ? text("ok") : text("the first configuration is not complete yet", 503)) },
  ];
  const metrics: Page = { path: "/metrics", about: "", answer: async () => ({ status: 200, body: await registry.metrics(), type: registry.contentType }) };
  const wanted: readonly (readonly [HttpAddress, readonly Page[]])[] = [...(tls === undefined ? [[endpoints.http, [...health, metrics]] as const] : []), [endpoints.health, health], [endpoints.debug, endpoints.debugPages]];
  const byAddress = new Map<string, { readonly at: HttpAddress; readonly pages: readonly Page[] }>();
  for (const [at, pages] of wanted) byAddress.set(`${at.address}:${at.port}`, { at, pages: [...(byAddress.get(`${at.address}:${at.port}`)?.pages ?? []), ...pages] });
  const plain = [...byAddress.values()].map(({ at, pages }) => listen(createServer({ requestTimeout }), at, pages));
  const secure = tls === undefined ? [] : [secureServer(tls, { requestTimeout }, endpoints.log, endpoints.signal).then((server) => listen(server, endpoints.http, [metrics]))];
  const servers = await Promise.all([...plain, ...secure]);
  return {
    close() {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

async function listen(server: Server, { address, port }: HttpAddress, pages: readonly Page[]): Promise<Server> {
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    answer(pages, request.method ?? "GET", request.url ?? "/").then(
      ({ status, body, type }) => response.writeHead(status, { "content-type": type }).end(request.method === "HEAD" ? "" : body),
      (error: unknown) => response.writeHead(500, { "content-type": "text/plain" }).end(`${String(error)}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => void server.once("error", reject).listen(port, address, () => resolve()));
  return server;
}

async function answer(pages: readonly Page[], method: string, target: string): Promise<Answer> {
  const [path = "", query = ""] = target.split("?", 2);
  const page = pages.filter((one) => path === one.path || path.startsWith(`${one.path}/`)).toSorted((a, b) => b.path.length - a.path.length)[0];
  const rest = path.slice(page?.path.length ?? 0).split("/").filter((part) => part !== "");
  const request = decoded({ method: method === "HEAD" ? "GET" : method, rest, query: new URLSearchParams(query) });
  if (page === undefined || request === undefined) return text(`not found; there is: ${pages.map((one) => one.path).join(", ")}`, 404);
  return page.answer(request);
}

/** A path that is not well encoded is none. */
function decoded(request: PageRequest): PageRequest | undefined {
  try {
    return { ...request, rest: request.rest.map((part) => decodeURIComponent(part)) };
  } catch {
    return undefined;
  }
}
